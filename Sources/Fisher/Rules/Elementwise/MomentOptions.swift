import FisherInformation
import FisherOptions
import Torch

/// The options of Adam's relatives: the decays of their two averages, the number added to their divisor, and the weight
/// decay. AMSGrad, AdaMax, Yogi and LaProp share them.
public struct MomentOptions: ConfigurableOptions {
    /// Decay b1 of the momentum average, in [0, 1).
    @Configurable("beta1", .decay, "decay of the momentum") public var beta1: Schedule = 0.9
    /// Decay b2 of the information, in [0, 1).
    @Configurable("beta2", .decay, "decay of the information") public var beta2: Schedule = 0.999
    /// Number epsilon that keeps the divisor from zero.
    @Configurable public var epsilon: Schedule
    /// Decay lambda of the weights.
    @Configurable("weight_decay", .nonNegative, "decay of the weights") public var weightDecay: Schedule = 0
    /// Whether the decay is a step of its own, eta lambda theta, as AdamW's; otherwise it is added to the gradient.
    @Configurable public var decouplesDecay: Bool
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    /// The defaults of Adam.
    public init() { self.init(epsilon: 1e-8) }

    /// The defaults of a rule that was published with its own epsilon or with a decoupled decay.
    init(epsilon: Schedule, decouplesDecay: Bool = false) {
        _epsilon = Configurable(
            wrappedValue: epsilon, "epsilon", .nonNegative, aliases: ["eps"], "keeps the divisor from zero")
        _decouplesDecay = Configurable(
            wrappedValue: decouplesDecay, "decouples_decay", aliases: ["decoupled_weight_decay"],
            "whether the decay is a step of its own")
    }
}

/// A rule with the options of Adam's relatives.
@dynamicMemberLookup
public protocol MomentRule: TensorRule {
    /// The decays, epsilon and the weight decay; they are accessible as the rule's own options.
    var moments: MomentOptions { get set }
}

extension MomentRule {
    /// An option of the moments.
    public subscript<Value>(dynamicMember path: WritableKeyPath<MomentOptions, Value>) -> Value {
        get { moments[keyPath: path] }
        set { moments[keyPath: path] = newValue }
    }
}

extension MomentOptions {
    /// The gradient, with lambda theta added to it where the decay is coupled.
    func gradient(of input: RuleInput) -> Tensor {
        let g = input.gradient(auxiliary)
        let lambda = input.decays && !decouplesDecay ? weightDecay(input.step) : 0
        return lambda == 0 ? g : g + input.parameter * lambda
    }

    /// m <- b1 m + (1 - b1) g, kept under `momentum`.
    func momentum(of g: Tensor, at step: Int, state: inout TensorState) -> Tensor {
        let m = averaged(state["momentum"] ?? .zeros(like: g), g, decay: beta1(step))
        state["momentum"] = m
        return m
    }

    /// The update theta <- theta - eta (direction + a / divisor + lambda theta): the second term for auxiliary
    /// gradients that bypass the averages, the third for a decoupled decay.
    func update(
        along direction: Tensor, divisor: Tensor, of input: RuleInput, learningRate eta: Double
    ) -> ParameterUpdate {
        var step = direction
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, divisor) }
        let lambda = input.decays && decouplesDecay ? weightDecay(input.step) : 0
        if lambda != 0 { step = step + input.parameter * lambda }
        return ParameterUpdate(change: step * -eta)
    }
}
