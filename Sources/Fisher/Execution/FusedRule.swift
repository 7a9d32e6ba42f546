import CKernels
import FisherInformation
import Torch

/// A rule that has a fused path beside its formula: one or two loops over a tensor's elements in place of a
/// chain of tensor operations. The formula is the specification; state has the same names, shapes and types
/// in both, so that either continues what the other began.
protocol FusedRule: TensorRule {
    /// The option that requires the formula path; nil if the fused path can be used.
    var fusedObstacle: String? { get }

    /// Whether the kernels for cards have its loops.
    var hasCardLoops: Bool { get }

    /// The constants and memory of one tensor's step. Missing memory is allocated; none is changed.
    func fusedStep(_ input: FusedInput, state: inout TensorState) throws(TorchError) -> FusedStep
}

extension FusedRule {
    var hasCardLoops: Bool { true }
}

/// A rule for whole groups that has a fused path beside its formula for updates without statistics.
protocol FusedCurvatureRule: CurvatureRule {
    /// The option that requires the formula path; nil if the fused path can be used.
    var fusedObstacle: String? { get }

    /// The steps of a group at an update, with the state that they update; nil for a parameter without a
    /// gradient, and nil as a whole if the formula has to make this update.
    func fusedSteps(
        _ structure: GroupStructure, _ inputs: [FusedInput?], at step: Int, state: [TensorState]
    ) throws(TorchError) -> [(step: FusedStep, state: TensorState)?]?
}

/// The input of a rule for one parameter of the fused path.
struct FusedInput {
    /// The parameter theta.
    let parameter: Tensor
    /// t: the number of this update of this parameter, from 1.
    let step: Int
    /// Whether weight decay applies to this parameter.
    let decays: Bool
    /// The shape of a state of one number for each element: that of the parameter, or one dimension for a part of it.
    let stateShape: [Int]
}

/// A step as constants and memory. The gradient's scale is filled in when the step is made.
enum FusedStep {
    /// The loop `plain`.
    case plain(ck_plain, momentum: Tensor?)
    /// The loop `adaptive`.
    case adaptive(ck_adaptive, momentum: Tensor?, square: Tensor)
    /// The loops `metric_...` and `factored_...`.
    case metric(MetricStep)
    /// The loop `divided`: a matrix of as many rows and columns as there are factors.
    case divided(ck_divided, momentum: Tensor, rows: Tensor, columns: Tensor)
}

/// A step that is divided by a metric, with the sums that it depends on.
struct MetricStep {
    /// Constants; `take_m` and `of_decay` before the clip divides them, `epsilon` as it is in most steps.
    var constants: ck_metric
    /// Power rho of the information.
    let power: Double
    /// epsilon-hat as it is in most steps.
    let epsilon: Float
    /// The momentum m.
    let momentum: Tensor
    /// The information f.
    let information: Information
    /// epsilon2, where epsilon-hat is at most epsilon2 RMS(g).
    var epsilonFraction: Double?
    /// Whether the report contains epsilon-hat.
    var reportsEpsilon = true
    /// The clip c, if the rule clips.
    let clip: Double?
    /// Whether the divided gradient is scaled to RMS 1 before its clip.
    let hasUnitLength: Bool

    init(
        constants: ck_metric, power: Double, epsilon: Double, momentum: Tensor, information: Information,
        epsilonFraction: Double? = nil, reportsEpsilon: Bool = true, clip: Double?,
        hasUnitLength: Bool = false
    ) {
        self.constants = constants
        self.power = power
        self.epsilon = Float(epsilon)
        self.momentum = momentum
        self.information = information
        self.epsilonFraction = epsilonFraction
        self.reportsEpsilon = reportsEpsilon
        self.clip = clip
        self.hasUnitLength = hasUnitLength
        self.constants.setPower(power)
        self.constants.epsilon = ck_metric.added(for: self.epsilon, power: power)
    }

    enum Information {
        /// The whole diagonal.
        case full(Tensor)
        /// Row and column sums: R <- keep R + take (sum of (g^2 + inside)) + outside columns.
        case factored(rows: Tensor, columns: Tensor, inside: Double, outside: Double)
    }
}

extension TensorState {
    /// The state tensor of a name as contiguous float32 elements without other users; if there is none yet, a
    /// new one filled with a number.
    mutating func memory(
        _ name: String, _ shape: @autoclosure () -> [Int], filledWith value: Double
    ) throws(TorchError) -> Tensor {
        if let found = tensors[name] {
            if isExclusive && found.isContiguous { return found }
            let own = found.isContiguous ? found.copy() : found.contiguous()
            try own.check()
            tensors[name] = own
            return own
        }
        let fresh = Tensor.full(shape(), value)
        try fresh.check()
        tensors[name] = fresh
        return fresh
    }
}
