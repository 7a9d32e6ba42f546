import FisherInformation
import Torch

/// Kronecker FAdam: FAdam in the eigenbasis of the gradient's Kronecker factors.
///
///     L <- avg_d(G G^T),  R <- avg_d(G^T G)
///     Q_L, Q_R: eigenvectors at the first step, then a power iteration and QR every f steps
///     G'  = Q_L^T G Q_R,   theta' = Q_L^T theta Q_R
///     D'  = FAdam's step for the parameter theta' and the gradient G'
///     theta <- theta + Q_L D' Q_R^T
///
/// FAdam's diagonal f is an estimate of the information in whatever coordinates it is kept. In these the information
/// has its off-diagonal elements nearly gone, so that the diagonal leaves out less: the extension
/// that Hwang (2024) leaves for future work, made with the basis of Vyas et al. (2024), see ``SOAP``. The RMS of
/// epsilon-hat and of the clips does not depend on the basis. f is permuted where the basis vectors are sorted,
/// and the momentum is turned to the new basis; vectors, scalars and dimensions above `maximumDimension`
/// keep the identity, which is FAdam.
public struct KroneckerFAdam: OptimizationRule {
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
    /// Whether the momentum is corrected for its start at zero.
    public var correctsMomentumBias: Bool = false
    /// What the weight decay is measured by; FAdam's `decay`, which here is that of the factors.
    public var decayMetric: FisherDecay = .natural
    /// d of the averaged factors, in [0, 1].
    public var decay: Double = 0.999
    /// f: the basis changes every so many steps.
    public var basisInterval: Int = 10
    /// Longer dimensions keep the identity.
    public var maximumDimension: Int = 10000
    /// How the gradient of an auxiliary objective enters.
    public var auxiliary: AuxiliaryTreatment = .bypass

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1e-3, beta1: Schedule = 0.9, beta2: Schedule = 0.999,
        epsilon: Schedule = 1e-8, epsilon2: Schedule = 0.01, clip: Double? = 1, weightDecay: Schedule = 1e-3,
        power: Double = 0.5, epsilonPolicy: EpsilonPolicy = .adaptive, momentum: FisherMomentum = .natural,
        correctsMomentumBias: Bool = false, decayMetric: FisherDecay = .natural, decay: Double = 0.999,
        basisInterval: Int = 10, maximumDimension: Int = 10000, auxiliary: AuxiliaryTreatment = .bypass
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
        self.decayMetric = decayMetric
        self.decay = decay
        self.basisInterval = basisInterval
        self.maximumDimension = maximumDimension
        self.auxiliary = auxiliary
        try validate()
    }

    public init() {}

    public static let summary = RuleSummary(
        name: "kronecker_fadam", title: "KroneckerFAdam", source: "mini-batch gradient",
        structure: "diagonal in Kronecker basis", power: "1/2 (rho)", momentum: "of the natural gradient",
        stateBytes: "8, and 8 a row^2 and a column^2", cost: "8 m n (m + n); bases 4 (m^3 + n^3)",
        neglects: "units, layers' correlations, off-diagonals in the basis",
        reference: "ours, after Hwang 2024")

    public static let options: [RuleOption<KroneckerFAdam>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
        .schedule("beta1", \.beta1, .decay, "decay of the momentum"),
        .schedule("beta2", \.beta2, .decay, "decay of the information in the basis"),
        .schedule("epsilon", \.epsilon, .nonNegative, aliases: ["eps"], "largest epsilon-hat"),
        .schedule("epsilon2", \.epsilon2, .nonNegative, aliases: ["eps2"], "epsilon-hat relative to RMS(g)"),
        .optional("clip", \.clip, .positive, "largest RMS of the natural gradient and of the decay"),
        .schedule("weight_decay", \.weightDecay, .nonNegative, "decay of the weights"),
        .number("power", \.power, .exponent, aliases: ["rho"], "power of the Fisher information"),
        .choice("epsilon_policy", \.epsilonPolicy, aliases: ["epsilon_rule"], "where epsilon-hat comes from"),
        .choice("momentum", \.momentum, "what the momentum averages"),
        .flag("corrects_momentum_bias", \.correctsMomentumBias, "correct the momentum's start at zero"),
        .choice("decay_metric", \.decayMetric, "what the weight decay is measured by"),
        .number("decay", \.decay, .fraction, "decay of the averaged factors; 1 for the plain mean"),
        .integer("basis_interval", \.basisInterval, in: 1...Int.max, "steps between changes of the basis"),
        .integer(
            "maximum_dimension", \.maximumDimension, in: 0...Int.max, "longer dimensions keep the identity"),
        .choice("auxiliary", \.auxiliary, "how auxiliary gradients enter"),
    ]

    /// FAdam with this rule's options.
    var diagonal: FAdam {
        var rule = FAdam()
        rule.learningRate = learningRate
        rule.beta1 = beta1
        rule.beta2 = beta2
        rule.epsilon = epsilon
        rule.epsilon2 = epsilon2
        rule.clip = clip
        rule.weightDecay = weightDecay
        rule.power = power
        rule.epsilonPolicy = epsilonPolicy
        rule.momentum = momentum
        rule.correctsMomentumBias = correctsMomentumBias
        rule.decay = decayMetric
        rule.auxiliary = auxiliary
        return rule
    }

    public func direction(_ group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        let basis = TrackedEigenbasis(decay: decay, interval: basisInterval, largest: maximumDimension)
        let (states, rule) = (state, diagonal)
        let moved = concurrently(costs: group.map(basis.cost)) { k in
            var own = states[k]
            let movement = basis.movement(group[k], gradient: group[k].gradient(auxiliary), state: &own) {
                rule.movement($0, state: &$1)
            }
            return (movement, own)
        }
        for (k, (_, own)) in moved.enumerated() { state[k] = own }
        return moved.map(\.0)
    }
}
