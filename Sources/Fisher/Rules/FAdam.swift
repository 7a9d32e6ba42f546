import FisherInformation
import Torch

/// FAdam (Fisher Adam): the diagonal of the empirical Fisher information taken seriously as a metric.
///
///     f  <- b2hat f + (1 - b2hat) g^2,  b2hat = b2 (1 - b2^(t-1)) / (1 - b2^t),  f_0 = 1
///     eh  = min(epsilon, epsilon2 RMS(g)),  d = f^rho + eh^(2 rho)
///     n   = g / d,      n <- n / max(1, RMS(n) / c)
///     m  <- b1 m + (1 - b1) n
///     w   = theta / d,  w <- w / max(1, RMS(w) / c)
///     theta <- theta - eta (m + lambda w)
///
/// Hwang (2024), Algorithm 1; g is the gradient of the loss, RMS is over one parameter tensor. Where d is
/// exactly zero (an element that never had a gradient, with no epsilon) both n and w are zero. The decay
/// falls mostly on elements with almost no information, and its clip takes it from the others; see
/// `decay` for AdamW's.
public struct FAdam: FisherMetricRule, DiagonalSourceRule {
    /// eta.
    public var learningRate: Schedule = 1e-3
    /// b1, in [0, 1).
    public var beta1: Schedule = 0.9
    /// b2, in [0, 1).
    public var beta2: Schedule = 0.999
    /// epsilon.
    public var epsilon: Schedule = 1e-8
    /// epsilon2: epsilon-hat as a fraction of the gradient's RMS.
    public var epsilon2: Schedule = 0.01
    /// c; no clipping where it is missing.
    public var clip: Double? = 1
    /// lambda.
    public var weightDecay: Schedule = 1e-3
    /// rho: 1/2 the invariant, 1 the natural gradient.
    public var power: Double = 0.5
    /// Where epsilon-hat comes from.
    public var epsilonPolicy: EpsilonPolicy = .adaptive
    /// What the momentum averages.
    public var momentum: FisherMomentum = .natural
    /// Whether the momentum is corrected for its start at zero; the paper leaves it as a built-in warm-up.
    public var correctsMomentumBias: Bool = false
    /// What the decay is measured by.
    public var decay: FisherDecay = .natural
    /// How the gradient of an auxiliary objective enters.
    public var auxiliary: AuxiliaryTreatment = .bypass
    /// Where the information of a batch comes from: its squared mean gradient as published, or a better estimate.
    public var source: DiagonalSource = .minibatch
    /// The number of draws of labels an update, where they are sampled.
    public var draws: Double = 1

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1e-3, beta1: Schedule = 0.9, beta2: Schedule = 0.999,
        epsilon: Schedule = 1e-8, epsilon2: Schedule = 0.01, clip: Double? = 1, weightDecay: Schedule = 1e-3,
        power: Double = 0.5, epsilonPolicy: EpsilonPolicy = .adaptive, momentum: FisherMomentum = .natural,
        correctsMomentumBias: Bool = false, decay: FisherDecay = .natural,
        auxiliary: AuxiliaryTreatment = .bypass, source: DiagonalSource = .minibatch, draws: Int = 1
    ) throws(HyperparameterError) {
        self.init()
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.epsilon2 = epsilon2
        self.clip = clip
        self.weightDecay = weightDecay
        self.power = power
        self.epsilonPolicy = epsilonPolicy
        self.momentum = momentum
        self.correctsMomentumBias = correctsMomentumBias
        self.decay = decay
        self.auxiliary = auxiliary
        self.source = source
        self.draws = Double(draws)
        try validate()
    }

    public init() {}

    public static let summary = RuleSummary(
        name: "fadam", title: "FAdam", source: "mini-batch gradient", structure: "diagonal",
        power: "1/2 (rho)", momentum: "of the natural gradient", stateBytes: "8",
        cost: "P", neglects: "correlations; units, by source",
        reference: "Hwang 2024, Algorithm 1")

    public static let options: [RuleOption<FAdam>] = fisherMetricOptions() + diagonalSourceOptions()

    public func fisher(_ g: Tensor, decay b2hat: Double, addend: Double, state: inout TensorState) -> Tensor {
        fullSquare(g, decay: b2hat, addend: addend, state: &state)
    }
}
