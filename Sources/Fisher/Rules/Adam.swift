import FisherInformation
import Torch

/// Adam: a moving average of the squared gradient as a diagonal Fisher information, to the power 1/2.
///
///     g <- g + lambda theta
///     m <- b1 m + (1 - b1) g,       mhat = m / (1 - b1^t)
///     v <- b2 v + (1 - b2) g^2,     vhat = v / (1 - b2^t)
///     theta <- theta - eta mhat / (sqrt(vhat) + epsilon)
///
/// Kingma and Ba (2015), Algorithm 1; the decay is coupled. Hwang (2024) prints the bias corrections inside
/// the recursion (Algorithm 3), which would feed corrected averages back; this is the original.
/// An option clips the step by its own RMS (`clip`), others set the power of the information and switch the
/// bias corrections off: without them, without epsilon, at power 1 and b1 = 0 the rule is the diagonal
/// natural gradient with forgetting.
public struct Adam: TensorRule {
    /// eta.
    public var learningRate: Schedule = 1e-3
    /// b1, in [0, 1).
    public var beta1: Schedule = 0.9
    /// b2, in [0, 1).
    public var beta2: Schedule = 0.999
    /// epsilon.
    public var epsilon: Schedule = 1e-8
    /// lambda, coupled.
    public var weightDecay: Schedule = 0
    /// c of u / max(1, RMS(u) / c); no clipping where it is missing.
    public var clip: Double?
    /// The power of v that divides.
    public var power: Double = 0.5
    /// Whether both averages are corrected for their start at zero.
    public var correctsBias: Bool = true
    /// How the gradient of an auxiliary objective enters.
    public var auxiliary: AuxiliaryTreatment = .inGradient

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1e-3, beta1: Schedule = 0.9, beta2: Schedule = 0.999,
        epsilon: Schedule = 1e-8, weightDecay: Schedule = 0, clip: Double? = nil, power: Double = 0.5,
        correctsBias: Bool = true, auxiliary: AuxiliaryTreatment = .inGradient
    ) throws(HyperparameterError) {
        self.init()
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.clip = clip
        self.power = power
        self.correctsBias = correctsBias
        self.auxiliary = auxiliary
        try validate()
    }

    public init() {}

    public static let summary = RuleSummary(
        name: "adam", title: "Adam", source: "mini-batch gradient", structure: "diagonal", power: "1/2",
        momentum: "of the gradient", stateBytes: "8", cost: "P", neglects: "correlations, units",
        reference: "Kingma, Ba 2015")

    public static let options: [RuleOption<Adam>] = adaptiveMomentOptions()

    public func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta) = (input.step, input.parameter)
        let lambda = input.decays ? weightDecay(t) : 0

        let g = lambda == 0 ? input.gradient(auxiliary) : input.gradient(auxiliary) + theta * lambda
        let u = adaptiveMomentStep(g, input, state: &state)
        return ParameterUpdate(change: u.value * -learningRate(t), clipFactor: u.factor)
    }
}
