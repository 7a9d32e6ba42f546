import Torch

/// The computation of the inverse or the basis of a Kronecker factor.
public struct CacheRefresh {
    /// The number of the factor's rows.
    let size: Int
    /// The entries of the layer's state, and the number of decompositions that failed their check.
    let compute: () throws -> (entries: [String: Tensor], fallbackCount: Int)

    /// Prepares a computation, which must not change other tensors: those of all factors run side by side.
    ///
    /// - Parameters:
    ///   - factor: the factor, a square matrix.
    ///   - compute: makes the entries of the layer's state; returns the number of decompositions that failed their check too.
    init(
        of factor: Tensor,
        _ compute: @escaping (Tensor) throws -> (entries: [String: Tensor], fallbackCount: Int)
    ) {
        size = factor.failure == nil ? factor.shape[0] : 0
        self.compute = { try compute(factor) }
    }
}
