import NeuralNet
import Torch

/// The rows of one layer's gradients J with F = J^T J, formed once if they are small and piece by piece if not.
struct BlockRows {
    /// The largest memory in which all rows are kept, in bytes.
    private static let wholeByteCount = 256 << 20

    let gradients: UnitGradients
    let block: UnitGradients.Block
    /// The number of the layer's parameters.
    let parameterCount: Int
    private let runs: [UnitGradients.Run]
    /// All rows, [rows, parameters].
    let whole: Tensor?

    init(_ gradients: UnitGradients, _ block: UnitGradients.Block) throws {
        self.gradients = gradients
        self.block = block
        let count = block.parameterCount
        parameterCount = count
        runs = gradients.runs(parameterCount: count)
        whole =
            8 * gradients.rowCount * count <= Self.wholeByteCount
            ? .concatenated(try runs.map { try gradients.rows(of: block, $0) }) : nil
    }

    /// Passes all rows to a function, piece by piece, with the number of the first.
    func forEach(_ take: (Tensor, Int) throws -> Void) throws {
        if let whole {
            for run in runs { try take(whole.narrowed(0, from: run.start, length: run.count), run.start) }
            return
        }
        for run in runs { try take(try gradients.rows(of: block, run), run.start) }
    }

    /// J J'^T with the rows of other labels of the same layer, [rows, other rows].
    func gram(with other: BlockRows) throws -> Tensor {
        if let quick = try factorGram(with: other) { return quick }
        if let whole, let its = other.whole { return whole.matmul(its.transposed()) }
        var parts: [Tensor] = []
        try forEach { rows, _ in
            var row: [Tensor] = []
            try other.forEach { its, _ in row.append(rows.matmul(its.transposed())) }
            parts.append(.concatenated(row, along: 1))
        }
        return .concatenated(parts)
    }

    /// The same of a layer with factors as sum over positions t and u of (a_t . a'_u) (s_t . s'_u), if that is cheaper.
    private func factorGram(with other: BlockRows) throws -> Tensor? {
        guard block.layer != nil, let first = runs.first, let probe = try gradients.factors(of: block, first)
        else { return nil }
        let (positions, a, s) = (probe.inputs.shape[1], probe.inputs.shape[2], probe.outputs.shape[2])
        guard positions * positions * (a + s) < a * s else { return nil }
        func all(_ rows: BlockRows) throws -> (a: Tensor, s: Tensor)? {
            let found = try rows.runs.compactMap { try rows.gradients.factors(of: rows.block, $0) }
            guard found.count == rows.runs.count,
                found.allSatisfy({ $0.inputs.shape[1] == found[0].inputs.shape[1] })
            else { return nil }
            return (.concatenated(found.map(\.inputs)), .concatenated(found.map(\.outputs)))
        }
        guard let own = try all(self), let its = try all(other) else { return nil }
        var sum = Tensor.zeros([own.a.shape[0], its.a.shape[0]], dtype: .float64)
        for t in 0..<own.a.shape[1] {
            for u in 0..<its.a.shape[1] {
                let (x, y) = (own.a.selecting(1, t), its.a.selecting(1, u))
                let (v, w) = (own.s.selecting(1, t), its.s.selecting(1, u))
                sum = sum + x.matmul(y.transposed()) * v.matmul(w.transposed())
            }
        }
        return sum
    }

    /// The sums of the rows' squares by group: the diagonal of each group's information, [groups, parameters].
    func diagonals(_ group: [Int], count: Int) throws -> Tensor {
        var sum = Tensor.zeros([count, parameterCount], dtype: .float64)
        try forEach { rows, start in
            let places = Tensor(group[start..<start + rows.shape[0]].map(Int64.init))
            sum = sum.addingRows(rows.squared(), at: places)
        }
        return sum
    }

    /// Some rows as gradients of the layer's matrix, [rows, outputs, inputs (+ 1)].
    func matrices(_ rows: Tensor) -> Tensor? {
        guard block.layer != nil, let shape = block.members.first?.parameter.wrappedValue.shape else {
            return nil
        }
        let (outputs, inputs) = (shape[0], shape.dropFirst().reduce(1, *))
        let weight = rows.narrowed(1, from: 0, length: outputs * inputs).reshaped([-1, outputs, inputs])
        guard block.members.count > 1 else { return weight }
        let bias = rows.narrowed(1, from: outputs * inputs, length: outputs).unsqueezed(2)
        return .concatenated([weight, bias], along: 2)
    }
}

/// The sums of a matrix's elements by groups of its rows and columns, [groups, groups].
func groupSums(_ matrix: Tensor, _ group: [Int], count: Int) -> Tensor {
    let marks = groupMarks(group, count: count)
    return marks.matmul(matrix).matmul(marks.transposed())
}

/// 1 where a row is of a group, [groups, rows].
func groupMarks(_ group: [Int], count: Int) -> Tensor {
    var marks = [Double](repeating: 0, count: count * group.count)
    for (row, own) in group.enumerated() { marks[own * group.count + row] = 1 }
    return Tensor(marks, shape: [count, group.count])
}

extension Tensor {
    /// The sum of the squares.
    func energy() throws(TorchError) -> Double { try squared().sum(dtype: .float64).item() }

    /// The rows and columns of some numbers.
    func submatrix(_ rows: [Int], _ columns: [Int]) -> Tensor {
        gathering(Tensor(rows.map(Int64.init)), along: 0)
            .gathering(Tensor(columns.map(Int64.init)), along: 1)
    }
}
