import FisherInformation
import Torch

/// AdaFisherW: AdaFisher with decoupled weight decay.
///
///     h = average of diag A,  s = average of diag S,  each normalized at use: (v - min) / (max - min + 1e-6)
///     F = s (x) h + damping
///     m <- b m + (1 - b) g,  mhat = m / (1 - b^t)
///     theta <- theta - eta (mhat / F + lambda theta)
///
/// Gomes et al. (2025), Algorithm 1, the variant with decoupled decay. A is the mean of a a^T over a layer's inputs, S that of s s^T over the
/// gradients of -log p at the data's labels; F has the shape [outputs, inputs (+ 1)] of the layer's weight with its
/// bias, and no square root is taken. Parameters of no linear layer or convolution have the diagonal of their
/// samples' squared gradients, normalized likewise: exact for LayerNorm and for BatchNorm in evaluation.
/// The authors' program computes something else; see `compatibility`.
public struct AdaFisherW: DiagonalKroneckerRule {
    /// eta.
    public var learningRate: Schedule = 1e-3
    /// b, in [0, 1).
    public var beta: Schedule = 0.9
    /// damping.
    public var damping: Schedule = 1e-3
    /// d of the averages sum_k d^(t-k) x_k / sum_k d^(t-k), in [0, 1).
    public var decay: Schedule = 0.92
    /// Updates from one gathering of statistics to the next.
    public var statisticsInterval: Int = 100
    /// How the diagonals are brought onto one scale.
    public var normalization: DiagonalNormalization = .minMax
    /// Whose arithmetic is followed.
    public var compatibility: AdaFisherCompatibility = .paper
    /// lambda, decoupled from the gradient, scaled by eta.
    public var weightDecay: Schedule = 1e-2

    public init() {}

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1e-3, beta: Schedule = 0.9, damping: Schedule = 1e-3, decay: Schedule = 0.92,
        statisticsInterval: Int = 100, normalization: DiagonalNormalization = .minMax,
        compatibility: AdaFisherCompatibility = .paper, weightDecay: Schedule = 1e-2
    ) throws(HyperparameterError) {
        self.learningRate = learningRate
        self.beta = beta
        self.damping = damping
        self.decay = decay
        self.statisticsInterval = statisticsInterval
        self.normalization = normalization
        self.compatibility = compatibility
        self.weightDecay = weightDecay
        try validate()
    }

    public static let summary = RuleSummary(
        name: "adafisherw", title: "AdaFisherW", source: "labels",
        structure: "diagonals of Kronecker factors",
        power: "1", momentum: "of the gradient", stateBytes: "4", cost: "P; refresh B (m + n)",
        neglects: "correlations, dependence of inputs and output gradients",
        reference: "Gomes et al. 2025, Algorithm 1")

    public static let options: [RuleOption<AdaFisherW>] = diagonalKroneckerOptions()

    public static var decouplesDecay: Bool { true }
}
