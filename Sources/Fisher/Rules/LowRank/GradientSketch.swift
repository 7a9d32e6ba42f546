import FisherInformation
import Torch

/// A moving average of g g^T of one tensor in low rank: the leading eigenvectors up to the last compression, and the
/// gradients since.
///
///     C <- b C + (1 - b) g g^T ~ A^T A
///
/// The rows of A are kept without their weights. Every `interval` updates the `rank` leading eigenvectors of the rows, by
/// the eigenvectors of their Gram matrix, take the place of all (Le Roux, Manzagol and Bengio 2008). State: `rows`
/// [rank + interval, ...] and `products`, the rows' Gram matrix.
struct GradientSketch {
    /// Number of eigenvectors that a compression keeps.
    let rank: Int
    /// Number of updates from one compression to the next.
    let interval: Int
    /// b: the share of the former average at an update, less than 1; 0 at the first.
    let share: (_ step: Int) -> Double

    /// The number of rows.
    var rowCount: Int { rank + interval }

    /// The average after an update: A^T A = sum over rows of weight x x^T.
    struct Average {
        /// The rows, [rows, elements], without their weights.
        let rows: Tensor
        /// The weight of each row; 0 for one that is not in use.
        let weights: [Double]
        /// A A^T, float64.
        let gram: Tensor
        /// The row of this update's gradient.
        let current: Int
        /// The number of decompositions that failed their check.
        let fallbackCount: Int

        /// The square roots of the weights as a column.
        var scales: Tensor { Tensor(weights.map { $0.squareRoot() }, shape: [weights.count, 1]) }

        /// A, [rows, elements].
        var factor: Tensor { rows * scales.to(dtype: rows.dtype, device: rows.device) }
    }

    /// Averages a gradient in. The rows are written in place; a step that is not made puts them back.
    func update(with gradient: Tensor, at step: Int, in state: inout TensorState) throws(TorchError)
        -> Average
    {
        let g = try MFAC.bounded(gradient)
        let age = (step - 1) % interval
        var fallbacks = 0
        if let rows = state["rows"], let products = state["products"] {
            if age == 0 {
                fallbacks = try compress(rows, products, before: step, in: &state)
            }
        } else {
            state["rows"] = .zeros([rowCount] + g.shape, dtype: g.dtype, device: g.device)
            state["products"] = .zeros([rowCount, rowCount], dtype: g.dtype, device: g.device)
        }
        guard let rows = state["rows"], let products = state["products"] else {
            preconditionFailure("the rows were made above")
        }
        let current = rank + age
        try state.overwrite(rows.selecting(0, current), with: g)
        let flat = rows.reshaped([rowCount, g.count])
        let row = flat.matmul(g.flattened())
        try state.overwrite(products.selecting(0, current), with: row)
        try state.overwrite(products.selecting(1, current), with: row)
        let weights = weights(at: step)
        let average = Average(
            rows: flat, weights: weights, gram: weighted(products, weights), current: current,
            fallbackCount: fallbacks)
        try average.gram.check()
        return average
    }

    /// The weights of the rows after the update `step`.
    private func weights(at step: Int) -> [Double] {
        let age = (step - 1) % interval
        var (weights, kept) = ([Double](repeating: 0, count: rowCount), 1.0)
        for place in stride(from: age, through: 0, by: -1) {
            let own = share(step - age + place)
            weights[rank + place] = kept * (1 - own)
            kept *= own
        }
        for place in 0..<rank { weights[place] = kept }
        return weights
    }

    private func weighted(_ products: Tensor, _ weights: [Double]) -> Tensor {
        let scales = Tensor(weights.map { $0.squareRoot() }, shape: [weights.count, 1])
        return products.to(dtype: .float64) * scales * scales.transposed()
    }

    /// The leading eigenvectors, each times the root of its eigenvalue, take the place of the rows.
    private func compress(
        _ rows: Tensor, _ products: Tensor, before step: Int, in state: inout TensorState
    ) throws(TorchError) -> Int {
        let weights = weights(at: step - 1)
        let gram = weighted(products, weights)
        let found = try SafeEigen((gram + gram.transposed()) * 0.5)
        let kept = min(rank, rowCount)
        let first = rowCount - kept
        // u_k = sum_i V_ik sqrt(w_i) x_i has the squared length of the eigenvalue k.
        let turn =
            found.vectors.narrowed(1, from: first, length: kept).transposed()
            * Tensor(weights.map { $0.squareRoot() }, shape: [1, rowCount])
        let shape = Array(rows.shape.dropFirst())
        let count = shape.reduce(1, *)
        let flat = rows.reshaped([rowCount, count])
        let leading = turn.to(dtype: rows.dtype, device: rows.device).matmul(flat)
        let rest = Tensor.zeros([rowCount - kept, count], dtype: rows.dtype, device: rows.device)
        state["rows"] = Tensor.concatenated([leading, rest]).reshaped(rows.shape)
        let values = found.values.narrowed(0, from: first, length: kept)
        let diagonal = Tensor.concatenated([values, .zeros([rowCount - kept], dtype: .float64)])
        state["products"] = (Tensor.identity(rowCount, dtype: .float64) * diagonal)
            .to(dtype: products.dtype, device: products.device)
        return found.fallbackCount
    }

    /// The rows turned to another basis: each is a matrix that is multiplied on both sides.
    static func turned(_ state: inout TensorState, by matrices: [Tensor?]) {
        guard let rows = state["rows"], rows.failure == nil else { return }
        let parts = (0..<rows.shape[0]).map { multiplied(rows.selecting(0, $0), by: matrices) }
        state["rows"] = Tensor.stacked(parts)
    }

    /// The bytes of the state of a parameter.
    func byteCount(of parameter: Tensor) -> Double {
        let m = Double(rowCount)
        return m * (Double(parameter.count) + m) * Double(parameter.dtype.accumulator.byteCount)
    }
}
