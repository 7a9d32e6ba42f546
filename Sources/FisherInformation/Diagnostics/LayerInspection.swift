import NeuralNet
import Torch

/// The analysis of one Kronecker factor of a layer's information.
public struct FactorInspection {
    /// The factor, on the scale of the mean loss, [n, n], float64.
    public let matrix: Tensor
    /// Its eigenvalues.
    public let spectrum: Spectrum
    /// The eigenvalues that are left where its off-diagonals are removed.
    public let diagonalSpectrum: Spectrum
    /// The share of its squared energy on the diagonal, with and without the mean.
    public let share: DiagonalShare
    /// The discs around its diagonal.
    public let discs: GershgorinDiscs
    /// The largest eigenvalue over the smallest; infinite where the smallest is lost in the rounding of the type
    /// in which the factor was computed (1e-12 of the largest in float64, 1e-6 in others).
    public let conditionNumber: Double

    /// Analyzes a factor; costs an eigendecomposition.
    ///
    /// - Parameters:
    ///   - matrix: the factor.
    ///   - mean: the mean of the vectors of which it is the second moment.
    ///   - weight: the multiple of the mean's outer product in it.
    public init(of matrix: Tensor, mean: Tensor?, weight: Double = 1) throws(TorchError) {
        self.matrix = matrix.detached().to(dtype: .float64)
        spectrum = try Spectrum(of: self.matrix)
        diagonalSpectrum = try Spectrum(diagonalOf: self.matrix)
        share = try DiagonalShare(of: self.matrix, mean: mean, weight: weight)
        discs = try GershgorinDiscs(of: self.matrix)
        conditionNumber = spectrum.conditionNumber(cutoff: matrix.dtype == .float64 ? 1e-12 : 1e-6)
    }
}

/// What the information says about one layer.
public struct LayerInspection {
    /// Both factors of a layer that has them.
    public struct Factors {
        /// A, of the layer's inputs, with a trailing 1 where it has a bias.
        public let inputs: FactorInspection
        /// S, of the gradients of its outputs, labels drawn from the model.
        public let outputs: FactorInspection
        /// How far A (x) S from the data's labels is from that of the model's own.
        public let comparison: InformationComparison

        /// The share of A (x) S's squared energy on its diagonal: the product of the factors' shares.
        public var diagonalShare: Double { inputs.share.raw * outputs.share.raw }

        /// The same with the means subtracted; nil if they are not known.
        public var centredShare: Double? {
            guard let a = inputs.share.centred, let s = outputs.share.centred else { return nil }
            return a * s
        }
    }

    /// The layer's place in the model.
    public let path: ParameterPath
    /// The layer's type.
    public let kind: String
    /// The number of its trainable elements.
    public let parameterCount: Int
    /// The trace of the true information of an observation over the layer's parameters.
    public let trace: Double
    /// The same trace from the data's labels.
    public let empiricalTrace: Double
    /// How far the empirical diagonal is from the true one.
    public let comparison: InformationComparison
    /// The Kronecker factors; nil for a layer that has none, an embedding or a norm.
    public let factors: Factors?
    /// The true diagonal's elements as a spectrum.
    public let diagonal: Spectrum

    /// The effective rank: of A (x) S, of the diagonal where the layer has no factors.
    public var effectiveRank: Double {
        factors.map { $0.inputs.spectrum.effectiveRank * $0.outputs.spectrum.effectiveRank }
            ?? diagonal.effectiveRank
    }

    /// The condition number: of A (x) S, of the diagonal where the layer has no factors. Infinite where an
    /// eigenvalue is zero or lost in rounding.
    public var conditionNumber: Double {
        factors.map { $0.inputs.conditionNumber * $0.outputs.conditionNumber }
            ?? diagonal.conditionNumber(cutoff: 0)
    }
}

/// What the information says about a model, layer by layer.
public struct ModelInspection {
    /// The layers that have trainable parameters, in the order of the model.
    public let layers: [LayerInspection]
    /// The parameters that the data determine least.
    public let leastInformed: LeastInformed
    /// The source used for the true information.
    public let source: CurvatureSource
    /// The number of observations.
    public let observationCount: Int
}
