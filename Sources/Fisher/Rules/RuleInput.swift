import FisherInformation
import FisherOptions
import Torch

/// The input of a rule for one parameter.
public struct RuleInput {
    /// theta, in the precision of the computation.
    public let parameter: Tensor
    /// g: the gradient of the mean negative log-likelihood, in the precision of the computation.
    public let gradient: Tensor
    /// a: the gradient of the auxiliary objectives, if there are any.
    public let auxiliary: Tensor?
    /// t: the number of this update of this parameter, from 1.
    public let step: Int
    /// Whether weight decay applies to this parameter.
    public let decays: Bool
    /// The moments at draws of the parameter, for a rule that draws it.
    var moments: DrawnMoments?

    /// Describes one parameter's part of a step.
    public init(
        parameter: Tensor, gradient: Tensor, auxiliary: Tensor? = nil, step: Int, decays: Bool = true
    ) {
        self.parameter = parameter
        self.gradient = gradient
        self.auxiliary = auxiliary
        self.step = step
        self.decays = decays
    }

    /// g, with the auxiliary gradient added for `inGradient`.
    public func gradient(_ treatment: AuxiliaryTreatment) -> Tensor {
        guard treatment == .inGradient, let auxiliary else { return gradient }
        return gradient + auxiliary
    }

    /// The auxiliary gradient if a rule treats it separately; otherwise nil.
    public func auxiliaryGradient(for treatment: AuxiliaryTreatment) -> Tensor? {
        treatment == .bypass ? auxiliary : nil
    }
}

/// How a rule treats the gradient of an auxiliary objective.
public enum AuxiliaryTreatment: String, Codable, CaseIterable, OptionValue {
    /// Added to the gradient, so that it enters every average.
    case inGradient = "in_gradient"
    /// Kept out of every average, and divided by the same metric as the gradient.
    case bypass
}

/// A rule's state of one parameter: tensors by name.
public struct TensorState {
    /// The tensors by name.
    public var tensors: [String: Tensor]
    /// Whether nothing else can share these tensors' elements, so that a step may change them in place.
    var isExclusive = false
    /// Elements that this step has overwritten in tensors of the former state: views of them, and what they held.
    private var overwritten: [(view: Tensor, former: Tensor)] = []

    /// Creates a state, empty before the first step.
    public init(tensors: [String: Tensor] = [:]) { self.tensors = tensors }

    /// The tensor of a name.
    public subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set { tensors[name] = newValue }
    }

    /// Overwrites a part of a tensor of this state in place; the step's end decides whether that remains.
    mutating func overwrite(_ view: Tensor, with value: Tensor) throws(TorchError) {
        let former = view.copy()
        try former.check()
        try view.assign(value)
        overwritten.append((view, former))
    }

    /// Puts back what was overwritten, last first.
    func revert() throws(TorchError) {
        for (view, former) in overwritten.reversed() { try view.assign(former) }
    }

    /// Makes what was overwritten final.
    mutating func forgetChanges() { overwritten = [] }
}

/// The update of one parameter: theta <- theta + change.
public struct ParameterUpdate {
    /// The change that is added to the parameter.
    public let change: Tensor
    /// max(1, RMS / c) by which the step was divided, if the rule clips; 0-dimensional.
    public var clipFactor: Tensor?
    /// The epsilon in force, if the rule has an adaptive one; 0-dimensional.
    public var epsilon: Tensor?
    /// The natural decay, if the rule has one.
    public var decay: DecayRecord?
    /// The number of factorizations or solutions for this step that failed and were replaced by a safer
    /// method.
    public var fallbackCount: Int = 0
    /// How well the rule's linear system was solved, if it solves one by iterations; reported once per group.
    public var solution: SolutionRecord?

    /// Describes an update.
    public init(
        change: Tensor, clipFactor: Tensor? = nil, epsilon: Tensor? = nil, decay: DecayRecord? = nil,
        fallbackCount: Int = 0
    ) {
        self.change = change
        self.clipFactor = clipFactor
        self.epsilon = epsilon
        self.decay = decay
        self.fallbackCount = fallbackCount
    }
}

/// The natural weight decay of one parameter, for the report.
public struct DecayRecord {
    /// The decay's direction w after its clip.
    let direction: Tensor
    /// The information f.
    let information: Tensor

    /// Describes a decay along `direction`, measured by `information`, both of the parameter's shape.
    public init(direction: Tensor, information: Tensor) {
        self.direction = direction
        self.information = information
    }

    /// The share of |w|^2 on the 1 % of the elements (at least one) that have the least information.
    func shareOfLeastInformed() throws(TorchError) -> Double {
        let (w, f) = (direction.flattened().to(dtype: .float64), information.flattened())
        try f.check()
        try w.check()
        guard f.count > 0 else { return 0 }
        let least = f.indicesOfSmallest(max(1, f.count / 100))
        let total = try w.norm().item()
        let part = try w.gathering(least, along: 0).norm().item()
        return total > 0 ? part * part / (total * total) : 0
    }
}

/// How well a linear system of a step was solved by iterations.
public struct SolutionRecord: Hashable, Sendable {
    /// The relative residual |b - A x| / |b|.
    public let relativeResidual: Double
    /// The number of products with A.
    public let iterations: Int
    /// The damping in force.
    public let damping: Double

    /// Describes a solution.
    public init(relativeResidual: Double, iterations: Int, damping: Double) {
        self.relativeResidual = relativeResidual
        self.iterations = iterations
        self.damping = damping
    }
}
