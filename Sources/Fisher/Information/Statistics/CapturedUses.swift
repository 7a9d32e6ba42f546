import NeuralNet
import Torch

/// What the layers of a batch were given and what came back to them, slice by slice, for estimates whose bases are
/// known only after others have been made.
public struct CapturedUses {
    private var slices: [(passes: [BackwardPass], units: Int)]
    private let layers: [ParameterPath: any KroneckerLayer]
    /// N: the number of observations.
    public private(set) var observationCount: Int

    init(
        passes: [BackwardPass], units: Int, layers: [ParameterPath: any KroneckerLayer], observationCount: Int
    ) {
        slices = [(passes, units)]
        self.layers = layers
        self.observationCount = observationCount
    }

    /// Appends further data.
    mutating func add(_ other: CapturedUses) {
        slices += other.slices
        observationCount += other.observationCount
    }

    /// (1/N) sum over units of (Q_S^T G_n Q_A)^2, [outputs, inputs (+ 1)]: the diagonal of a layer's information
    /// in the bases Q_S and Q_A, G_n the gradient of a unit summed over its positions and the layer's uses.
    public func squares(of path: ParameterPath, inputBasis: Tensor, outputBasis: Tensor) -> Tensor? {
        guard let layer = layers[path] else { return nil }
        var total: Tensor?
        for slice in slices {
            for pass in slice.passes {
                let rows = (pass.uses[path] ?? []).map { use in
                    let (a, s) = layer.kroneckerRows(of: use, sharing: .expand)
                    return (a.matmul(inputBasis), s.matmul(outputBasis))
                }
                guard let part = CapturedUses.squares(rows, units: slice.units) else { continue }
                let weighed = pass.weight == 1 ? part : part * pass.weight
                total = total.map { $0 + weighed } ?? weighed
            }
        }
        return total.map { $0 / Double(max(observationCount, 1)) }
    }

    /// sum_n (sum over uses and positions of s a^T)^2 for rows [units * positions, width].
    private static func squares(_ rows: [(a: Tensor, s: Tensor)], units: Int) -> Tensor? {
        guard let first = rows.first else { return nil }
        if let failure = first.a.failure ?? first.s.failure { return Tensor(failed: failure) }
        if rows.count == 1, first.a.shape[0] == units {
            return first.s.squared().transposed(0, 1).matmul(first.a.squared())
        }
        let bytes = first.a.shape[1] * first.s.shape[1] * first.a.dtype.byteCount
        let chunk = max(1, min(units, InformationEstimator.chunkByteCount / max(bytes, 1)))
        var total: Tensor?
        for start in stride(from: 0, to: units, by: chunk) {
            let count = min(chunk, units - start)
            var gradients: Tensor?
            for (a, s) in rows {
                let part = { (x: Tensor) in
                    x.reshaped([units, -1, x.shape[1]]).narrowed(0, from: start, length: count)
                }
                let product = part(s).transposed(1, 2).matmul(part(a))
                gradients = gradients.map { $0 + product } ?? product
            }
            guard let gradients else { continue }
            let squares = gradients.squared().sum(along: 0)
            total = total.map { $0 + squares } ?? squares
        }
        return total
    }
}
