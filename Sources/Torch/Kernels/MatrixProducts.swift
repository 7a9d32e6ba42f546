/// x^T y of matrices with as many rows: by the package's own loops where they can read them, which on processors
/// that the engine's library does not know are faster than it, else by the engine.
package func transposedProduct(_ x: Tensor, _ y: Tensor) -> Tensor {
    if x.failure == nil, y.failure == nil, x.rank == 2, y.rank == 2,
        let quick = UnitSums.outer(x, y, depth: 1, squares: .none)
    {
        return quick.sum
    }
    return x.transposed(0, 1).matmul(y)
}

/// sum over rows of x x^T, with a trailing 1 in x if so wanted.
package func gram(_ rows: Tensor, withOnes: Bool = false) -> Tensor {
    if rows.failure != nil { return rows }
    if let quick = UnitSums.gram(rows, withOnes: withOnes) { return quick }
    var x = rows
    if withOnes {
        x = .concatenated([x, .ones([x.shape[0], 1], dtype: x.dtype, device: x.device)], along: 1)
    }
    return x.transposed(0, 1).matmul(x)
}
