import FisherInformation
import FisherOptions
import Torch

/// What a rule is told about one parameter.
public struct RuleInput {
    /// theta, in the precision of the computation.
    public let parameter: Tensor
    /// g: the gradient of the mean negative log-likelihood, in the precision of the computation.
    public let gradient: Tensor
    /// a: the gradient of the auxiliary objectives, where there are any.
    public let auxiliary: Tensor?
    /// t: the number of this update of this parameter, from 1.
    public let step: Int
    /// Whether weight decay applies to this parameter.
    public let decays: Bool

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

    /// g, with the auxiliary gradient added where a rule takes it so.
    public func gradient(_ treatment: AuxiliaryTreatment) -> Tensor {
        guard treatment == .inGradient, let auxiliary else { return gradient }
        return gradient + auxiliary
    }

    /// The auxiliary gradient where a rule keeps it apart.
    public func auxiliaryGradient(for treatment: AuxiliaryTreatment) -> Tensor? {
        treatment == .bypass ? auxiliary : nil
    }
}

/// How a rule takes the gradient of an auxiliary objective.
public enum AuxiliaryTreatment: String, Codable, CaseIterable, OptionValue {
    /// Added to the gradient, so that it enters every average.
    case inGradient = "in_gradient"
    /// Kept out of every average, and divided by the same metric as the gradient.
    case bypass
}

/// What a rule remembers of one parameter: tensors by name.
public struct TensorState {
    /// The tensors by name.
    public var tensors: [String: Tensor]
    /// Whether nothing else can hold these tensors' elements, so that a step may change them in place.
    var isExclusive = false

    /// Makes a state, empty before the first step.
    public init(tensors: [String: Tensor] = [:]) { self.tensors = tensors }

    /// The tensor of a name.
    public subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set { tensors[name] = newValue }
    }
}

/// What a step does to one parameter: theta <- theta + change.
public struct ParameterUpdate {
    /// What is added to the parameter.
    public let change: Tensor
    /// max(1, RMS / c) by which the step was divided, where the rule clips; 0-dimensional.
    public var clipFactor: Tensor?
    /// The epsilon in force, where the rule has an adaptive one; 0-dimensional.
    public var epsilon: Tensor?
    /// What the natural decay did, where the rule has one.
    public var decay: DecayRecord?
    /// How often a factorization or a solution for this step failed and something safer took its place.
    public var fallbackCount: Int = 0
    /// How well the rule's linear system was solved, where it solves one by iterations; told once a group.
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

/// What a natural weight decay did to one parameter, kept for the report.
public struct DecayRecord {
    /// w: the decay's direction after its clip.
    let direction: Tensor
    /// f: the information.
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
    /// |b - A x| / |b|.
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
