import FisherInformation
import NeuralNet
import Torch

/// A way from gradients to a step: one estimate of the Fisher information and a use of it.
///
/// Rules are values: hyperparameters only, no state. A new rule is one file and one line in `RuleRegistry`.
public protocol OptimizationRule: Codable, Hashable, Sendable {
    /// What the rule is, for tables and configurations.
    static var summary: RuleSummary { get }
    /// Its options in the order in which they are shown.
    static var options: [RuleOption<Self>] { get }

    /// The rule with its published defaults.
    init()

    /// The step size.
    var learningRate: Schedule { get set }

    /// The movements that this step makes of a group's parameters, none of which it writes.
    ///
    /// - Parameters:
    ///   - group: parameters, gradients and counts.
    ///   - state: what the rule remembers; changed to what holds after the step.
    /// - Returns: a movement for each parameter, in order. Failures travel in the tensors.
    func direction(_ group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate]

    /// The groups in which a training run binds the rule to a whole model: by default one, of all parameters.
    func groups(for model: any Module) -> [ParameterGroup]
}

extension OptimizationRule {
    public func groups(for model: any Module) -> [ParameterGroup] { [ParameterGroup(.rest, self)] }
}

/// A rule that treats every tensor by itself.
public protocol TensorRule: OptimizationRule {
    /// The movement of one tensor.
    func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate
}

extension TensorRule {
    public func direction(_ group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        group.indices.map { movement(group[$0], state: &state[$0]) }
    }
}

/// What a rule is told about one parameter.
public struct RuleInput {
    /// theta, in the precision of the computation.
    public let parameter: Tensor
    /// g: the gradient of the mean negative log-likelihood, in the precision of the computation.
    public let score: Tensor
    /// a: the gradient of the auxiliary objectives, where there are any.
    public let auxiliary: Tensor?
    /// t: the number of this update of this parameter, from 1.
    public let step: Int
    /// Whether weight decay applies to this parameter.
    public let decays: Bool

    /// Describes one parameter's part of a step.
    public init(parameter: Tensor, score: Tensor, auxiliary: Tensor? = nil, step: Int, decays: Bool = true) {
        self.parameter = parameter
        self.score = score
        self.auxiliary = auxiliary
        self.step = step
        self.decays = decays
    }

    /// g, with the auxiliary gradient added where a rule takes it so.
    func gradient(_ treatment: AuxiliaryTreatment) -> Tensor {
        guard treatment == .inGradient, let auxiliary else { return score }
        return score + auxiliary
    }

    /// The auxiliary gradient where a rule keeps it apart.
    func auxiliaryGradient(for treatment: AuxiliaryTreatment) -> Tensor? {
        treatment == .bypass ? auxiliary : nil
    }
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

    /// Describes a movement.
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

/// How a rule takes the gradient of an auxiliary objective.
public enum AuxiliaryTreatment: String, Codable, CaseIterable, Sendable {
    /// Added to the gradient, so that it enters every average.
    case inGradient = "in_gradient"
    /// Kept out of every average, and divided by the same metric as the gradient.
    case bypass
}
