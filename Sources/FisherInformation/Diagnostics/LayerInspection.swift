import NeuralNet
import Torch

/// The analysis of one Kronecker factor of a layer: a part of K-FAC's surrogate A (x) S for the layer's information.
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
    /// Eigenvalues at or below this times the largest are rounding: 1e-12 in float64, 1e-6 in others.
    public let cutoff: Double
    /// The largest eigenvalue over the smallest; infinite if the smallest is lost in the rounding of the type
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
        cutoff = matrix.dtype == .float64 ? 1e-12 : 1e-6
        conditionNumber = spectrum.conditionNumber(cutoff: cutoff)
    }

    /// The number of eigenvalues above rounding.
    public var rank: Int { spectrum.rank(cutoff: cutoff) }

    /// The largest eigenvalue over the smallest that is not rounding; infinite for a factor of zeros.
    public var rangeConditionNumber: Double { spectrum.rangeConditionNumber(cutoff: cutoff) }
}

/// The analysis of one layer's information.
public struct LayerInspection {
    /// K-FAC's surrogate A (x) S for the layer's block. Its ranks, spectra and shares are its own: how far it is from the
    /// block is in ``LayerInspection/errors``.
    public struct Factors {
        /// A, of the layer's inputs, with a trailing 1 if it has a bias.
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

        /// The effective rank of A (x) S, the product of the factors'.
        public var effectiveRank: Double {
            inputs.spectrum.effectiveRank * outputs.spectrum.effectiveRank
        }

        /// The condition number of A (x) S, the product of the factors'; infinite if an eigenvalue is zero or lost in
        /// rounding.
        public var conditionNumber: Double { inputs.conditionNumber * outputs.conditionNumber }

        /// The rank of A (x) S, the product of the factors'.
        public var rank: Int { inputs.rank * outputs.rank }

        /// The condition number of A (x) S without its null space, the product of the factors'.
        public var rangeConditionNumber: Double { inputs.rangeConditionNumber * outputs.rangeConditionNumber }
    }

    /// The layer's place in the model.
    public let path: ParameterPath
    /// The layer's type.
    public let kind: String
    /// The number of its trainable elements.
    public let parameterCount: Int
    /// The trace of the true information of an observation over the layer's parameters, from all batches.
    public let trace: Double
    /// The same trace from the data's labels.
    public let empiricalTrace: Double
    /// The layer's true block, from the units of ``ModelInspection/unitCount``.
    public let block: TrueBlock
    /// How far diagonal, K-FAC and EKFAC of the same units are from that block; of a layer without Kronecker factors the
    /// diagonal alone.
    public let errors: [StructureError]
    /// How far the empirical diagonal is from the true one.
    public let diagonalComparison: DrawnComparison
    /// How far the empirical block is from the true one.
    public let blockComparison: DrawnComparison
    /// K-FAC's surrogate; nil for a layer that has none, an embedding or a norm.
    public let factors: Factors?

    /// The share of the true block's squared norm on its diagonal.
    public var diagonalShare: Double {
        // The diagonal is a projection: its squared scale is the share.
        errors.first.map { $0.comparison.scale * $0.comparison.scale } ?? 1
    }
}

/// The analysis of a model's information, layer by layer.
///
/// Traces, the least informed and K-FAC's factors are of all batches. What needs a Gram matrix, blocks, errors and
/// comparisons, is of the first units of them, as many as the limit of its rows allows.
public struct ModelInspection {
    /// The layers that have trainable parameters, in the order of the model.
    public let layers: [LayerInspection]
    /// The whole information, the blocks between layers included.
    public let whole: TrueBlock
    /// The share of the whole information's squared norm in the blocks between layers.
    public let betweenLayersShare: Double
    /// The same from pairs of different units, which the noise of a finite sample does not enlarge; nil for a single unit,
    /// and where noise is all there is.
    public let unbiasedBetweenLayersShare: Double?
    /// How far the whole empirical information is from the true one.
    public let comparison: DrawnComparison
    /// Takeuchi's penalty for the whole model.
    public let takeuchi: TakeuchiPenalty
    /// Dampings at which effective parameters and the penalty are worth showing: decades from the largest eigenvalue down.
    public let dampings: [Double]
    /// The parameters that the data determine least.
    public let leastInformed: LeastInformed
    /// The source used for the true information.
    public let source: CurvatureSource
    /// The number of observations of all batches.
    public let observationCount: Int
    /// The number of units of which the blocks are.
    public let unitCount: Int
    /// The number of rows of their Gram matrices.
    public let rowCount: Int
}
