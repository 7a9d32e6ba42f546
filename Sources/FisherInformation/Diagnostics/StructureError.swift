import NeuralNet
import Torch

/// How far a structure is from the true block of a layer that it stands for, in the Frobenius norm.
public struct StructureError: Hashable, Sendable, Codable {
    /// The structure: `diagonal`, `kronecker` or `ekfac`.
    public let structure: String
    /// Its cosine, relative distance and scale against the true block.
    public let comparison: InformationComparison

    package init(structure: String, comparison: InformationComparison) {
        self.structure = structure
        self.comparison = comparison
    }

    /// Whether a matrix of zeros is nearer to the true block.
    public var isWorseThanZero: Bool { comparison.relativeDistance > 1 }
}

extension BlockRows {
    /// The errors of the structures that the layer has, each made of the same rows as the true block F:
    ///
    ///     |F - D|^2 = |F|^2 - |D|^2                        its diagonal D
    ///     <F, A (x) S> = sum over rows of <G, S G A>       K-FAC
    ///     |F - E|^2 = |F|^2 - |s|^2                        EKFAC, E = Q diag(s) Q^T with s the diagonal of Q^T F Q
    ///
    /// No matrix of parameters x parameters is formed.
    ///
    /// - Parameters:
    ///   - squaredNorm: |F|^2.
    ///   - diagonal: D, [parameters].
    ///   - factors: K-FAC's factors A and S; nil for a layer without.
    func structureErrors(
        squaredNorm: Double, diagonal: Tensor, factors: (inputs: Tensor, outputs: Tensor)?
    ) throws -> [StructureError] {
        func projection(_ name: String, _ energy: Double) -> StructureError {
            StructureError(
                structure: name,
                comparison: InformationComparison(
                    product: energy, square: energy, referenceSquare: squaredNorm))
        }
        var found = [projection("diagonal", try diagonal.energy())]
        guard let factors else { return found }
        let (a, s) = factors
        let basis = try KroneckerEigenbasis(
            of: KroneckerFactors(inputs: a, outputs: s, inputCount: 1, observationCount: 1))
        var product = 0.0
        var eigenvalues = Tensor.zeros([s.shape[0], a.shape[0]], dtype: .float64)
        try forEach { rows, _ in
            guard let g = matrices(rows) else { return }
            product += try (g * s.matmul(g).matmul(a)).sum().item()
            eigenvalues =
                eigenvalues
                + basis.outputs.transposed(0, 1).matmul(g).matmul(basis.inputs).squared().sum(along: 0)
        }
        found.append(
            StructureError(
                structure: "kronecker",
                comparison: InformationComparison(
                    product: product, square: try a.energy() * s.energy(), referenceSquare: squaredNorm)))
        found.append(projection("ekfac", try eigenvalues.energy()))
        return found
    }
}
