import FisherInformation
import Torch

/// FAdafactor: FAdam with the diagonal of a matrix kept as a product of row and column sums.
///
///     R <- b2hat R + (1 - b2hat) g^2 1,   C <- b2hat C + (1 - b2hat) 1^T g^2,   f = R C / sum(R)
///
/// and the rest as FAdam; sum(R) = 0 gives f = 0. A parameter of rank two or more is a matrix of its first
/// dimension by the rest; vectors and scalars keep the whole diagonal. Hwang (2024), Algorithm 2.
public struct FAdafactor: FisherMetricRule, DiagonalSourceRule {
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
        name: "fadafactor", title: "FAdafactor", source: "mini-batch gradient",
        structure: "rank-one diagonal",
        power: "1/2 (rho)", momentum: "of the natural gradient", stateBytes: "4, and 4 a row and column",
        cost: "P", neglects: "correlations, all but rank one of the diagonal; units, by source",
        reference: "Hwang 2024, Algorithm 2")

    public static let options: [RuleOption<FAdafactor>] = fisherMetricOptions() + diagonalSourceOptions()

    public func fisher(_ g: Tensor, decay b2hat: Double, addend: Double, state: inout TensorState) -> Tensor {
        factoredSquare(g, decay: b2hat, addend: addend, state: &state)
            ?? fullSquare(g, decay: b2hat, addend: addend, state: &state)
    }
}
