import Torch

/// Takeuchi's (1976) penalty tr[(F + damping)^-1 J] against a damping: F the true information, J the second moment of the
/// gradients at the data's labels, both of an observation.
///
/// TIC = 2 (loss summed over the data + tr[F^-1 J]). Where the model is right J = F, and the penalty is the number of
/// effective parameters; its excess over that number measures misspecification. It is computed where F is not rounding: in
/// other directions F^-1 does not exist. Away from a minimum J contains the mean gradient too.
public struct TakeuchiPenalty: Hashable, Sendable {
    /// The eigenvalues l of F that are not rounding, descending.
    private let eigenvalues: [Double]
    /// v^T J v of their eigenvectors.
    private let energies: [Double]
    /// tr J.
    public let empiricalTrace: Double

    /// The share of tr J in the directions in which F is not rounding.
    public var identifiableShare: Double {
        empiricalTrace > 0 ? min(1, energies.reduce(0, +) / empiricalTrace) : 1
    }

    /// tr[(F + damping)^-1 J] over the identifiable directions: sum of v^T J v / (l + damping).
    public func callAsFunction(damping: Double) -> Double {
        zip(eigenvalues, energies).reduce(0) { $0 + $1.1 / ($1.0 + damping) }
    }

    /// Computes it from rows X of F = X^T X and Y of J = Y^T Y.
    ///
    /// - Parameters:
    ///   - gram: X X^T.
    ///   - cross: X Y^T.
    ///   - empiricalTrace: tr J.
    ///   - cutoff: what is rounding, relative to the largest eigenvalue.
    init(gram: Tensor, cross: Tensor, empiricalTrace: Double, cutoff: Double) throws(TorchError) {
        let (ascending, vectors) = gram.symmetricEigen()
        let values = try ascending.scalars(as: Double.self)
        let turned = try vectors.transposed().matmul(cross).squared().sum(along: 1)
            .scalars(as: Double.self)
        let largest = values.last ?? 0
        // The eigenvector of F is X^T u / sqrt(l).
        let kept = zip(values, turned).reversed().prefix { $0.0 > cutoff * largest && $0.0 > 0 }
        eigenvalues = kept.map(\.0)
        energies = kept.map { $0.1 / $0.0 }
        self.empiricalTrace = empiricalTrace
    }
}
