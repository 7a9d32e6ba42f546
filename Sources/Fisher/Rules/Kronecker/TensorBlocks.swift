import FisherInformation
import Torch

/// A tensor cut into blocks of bounded dimensions, and what is kept for each dimension of each block as one flat
/// tensor: a square matrix for every dimension of at most `largest`, none for longer ones.
struct TensorBlocks {
    /// The range of each dimension that each block takes.
    let ranges: [[Range<Int>]]
    private let largest: Int

    /// Cuts a shape; a scalar is a vector of one element.
    init(shape: [Int], blockSize: Int = .max, largest: Int = .max) {
        self.largest = largest
        var found: [[Range<Int>]] = [[]]
        for size in shape.isEmpty ? [1] : shape {
            // An empty dimension has one empty piece.
            let starts = size == 0 ? [0] : Array(stride(from: 0, to: size, by: blockSize))
            let pieces = starts.map { $0..<min(size, $0 + min(blockSize, size)) }
            found = found.flatMap { block in pieces.map { block + [$0] } }
        }
        ranges = found
    }

    /// The sizes of one block.
    func sizes(_ block: Int) -> [Int] { ranges[block].map(\.count) }

    /// A block of a tensor of the shape, as a view.
    func block(_ number: Int, of tensor: Tensor) -> Tensor {
        guard tensor.failure == nil else { return tensor }
        var piece = tensor.rank == 0 ? tensor.reshaped([1]) : tensor
        if ranges.count == 1 { return piece }
        for (dimension, range) in ranges[number].enumerated() {
            piece = piece.narrowed(dimension, from: range.lowerBound, length: range.count)
        }
        return piece
    }

    /// The tensor of a shape whose blocks are given in order.
    func joined(_ blocks: [Tensor], shape: [Int]) -> Tensor {
        if let failure = blocks.lazy.compactMap(\.failure).first { return Tensor(failed: failure) }
        if blocks.count == 1 { return blocks[0].reshaped(shape) }
        let whole = Tensor.empty(shape, dtype: blocks[0].dtype, device: blocks[0].device)
        for (number, piece) in blocks.enumerated() {
            do { try block(number, of: whole).assign(piece) } catch { return Tensor(failed: error) }
        }
        return whole
    }

    /// Whether a matrix is kept for a dimension of this size.
    func keepsMatrix(of size: Int) -> Bool { size <= largest }

    /// Whether anything is kept at all.
    var keepsAny: Bool { ranges.contains { $0.contains { keepsMatrix(of: $0.count) } } }

    /// The matrices of every dimension of every block, as views of a flat tensor.
    func matrices(in flat: Tensor) -> [[Tensor?]] {
        var start = 0
        return ranges.map { block in
            block.map { range in
                guard keepsMatrix(of: range.count) else { return nil }
                let n = range.count
                defer { start += n * n }
                return flat.narrowed(0, from: start, length: n * n).reshaped([n, n])
            }
        }
    }

    /// The flat tensor of such matrices.
    func flat(_ matrices: [[Tensor?]]) -> Tensor {
        let pieces = matrices.joined().compactMap { $0?.flattened() }
        return pieces.count == 1 ? pieces[0].copy() : .concatenated(pieces)
    }

    /// Zeros for every matrix.
    func zeros(like tensor: Tensor) -> Tensor {
        guard tensor.failure == nil else { return tensor }
        let count = ranges.joined().reduce(0) { $0 + (keepsMatrix(of: $1.count) ? $1.count * $1.count : 0) }
        return .zeros([count], dtype: tensor.dtype, device: tensor.device)
    }
}

/// L_i <- keeping L_i + (1 - keeping) G_i G_i^T for every dimension i with a matrix, G_i the tensor unfolded along
/// it; finite whatever g is.
func averagedFactors(_ factors: [Tensor?], _ g: Tensor, keeping: Double) -> [Tensor?] {
    guard g.failure == nil else { return factors.map { $0.map { _ in g } } }
    // Sums of at most `count` squares, kept finite as `square(of:)` keeps single ones.
    let bound = (g.dtype.greatestFiniteMagnitude / 2 / Double(max(g.count, 1))).squareRoot()
    let bounded = g.clamped(to: -bound...bound)
    return factors.enumerated().map { dimension, factor in
        guard let factor else { return nil }
        let unfolded =
            g.rank == 2 && dimension == 1
            ? bounded.transposed()
            : bounded.transposed(0, dimension).reshaped([g.shape[dimension], g.count == 0 ? 0 : -1])
        let rows = unfolded.transposed()
        return symmetricProduct(rows, rows, scale: 1 - keeping, keeping: keeping, added: factor)
    }
}

/// The tensor with each dimension i multiplied by a matrix: sum over k of x[.. k ..] M_i[k, j]; a dimension
/// without one stays. For a matrix: M_0^T X M_1.
func multiplied(_ x: Tensor, by matrices: [Tensor?]) -> Tensor {
    guard x.failure == nil, x.count > 0 else { return x }
    if x.rank == 2 {
        let left = matrices[0].map { transposedProduct($0, x) } ?? x
        return matrices[1].map { transposedProduct(left.transposed(), $0) } ?? left
    }
    var result = x
    for matrix in matrices {
        // The first dimension is multiplied and goes to the end; after all of them the order is the old one.
        let shape = result.shape
        let turned = result.reshaped([shape[0], -1]).transposed()
        result = (matrix.map { turned.matmul($0) } ?? turned).reshaped(Array(shape.dropFirst()) + [shape[0]])
    }
    return result
}
