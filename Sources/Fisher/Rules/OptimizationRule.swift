import FisherInformation
import FisherOptions
import NeuralNet
import Torch

/// A method that turns gradients into a step: an estimate of the Fisher information and its use.
///
/// Rules are values: options only, no state. Each option is a property with `@Configurable`, which declares
/// its name, default, allowed values and meaning; the table of options, parsing, validation, coding and the
/// initializers derive from it.
///
///     let rule = try KFAC(learningRate: 0.02) { $0.damping = 1e-3 }
///
/// A new rule is one file, and a line that registers it in ``RuleRegistry``.
public protocol OptimizationRule: ConfigurableOptions, Codable {
    /// The rule's description for tables and configurations.
    static var summary: RuleSummary { get }

    /// The rule with its published defaults.
    init()

    /// The step size.
    var learningRate: Schedule { get set }

    /// The updates of this step for a group's parameters, none of which it writes.
    ///
    /// - Parameters:
    ///   - group: parameters, gradients and counts.
    ///   - state: the rule's state; changed to the state after the step.
    /// - Returns: an update for each parameter, in order. Failures travel in the tensors.
    func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate]

    /// The groups in which a training run binds the rule to a whole model: by default one, of all parameters.
    func groups(for model: any Module) -> [ParameterGroup]

    /// How processes that train together may divide its work and its state: by default by tensors.
    var division: WorkDivision { get }

    /// About the multiplications of a step for a tensor of this shape, by which the work is divided: by default its elements.
    /// For a rule that divides by layers, of the layer's matrix [outputs, inputs (+ 1)].
    func workload(of shape: [Int]) -> Double
}

extension OptimizationRule {
    /// Creates the rule with a learning rate and its published defaults, except for options that a closure
    /// sets.
    ///
    /// Throws for an option whose value is not allowed.
    public init(
        learningRate: Schedule, _ configure: (inout Self) -> Void = { _ in }
    ) throws(HyperparameterError) {
        try self.init {
            $0.learningRate = learningRate
            configure(&$0)
        }
    }

    /// Creates the rule with its published defaults, except for options that a closure sets.
    ///
    /// Throws for an option whose value is not allowed.
    public init(_ configure: (inout Self) -> Void) throws(HyperparameterError) {
        self.init()
        configure(&self)
        try checkOptions()
    }

    public func groups(for model: any Module) -> [ParameterGroup] { [ParameterGroup(.rest, self)] }

    /// The shapes of the rule's state of one parameter, by name.
    func stateShapes(like parameter: Tensor) -> [String: [Int]] {
        let zeros = Tensor.zeros(like: parameter, dtype: parameter.dtype.accumulator)
        var fresh = [TensorState()]
        _ = withoutGradients {
            updates(for: [RuleInput(parameter: zeros, gradient: zeros, step: 1)], state: &fresh)
        }
        return fresh[0].tensors.mapValues(\.shape)
    }
}

/// A rule that treats every tensor separately.
public protocol TensorRule: OptimizationRule {
    /// The update of this step for one tensor, which it does not write.
    func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate
}

extension TensorRule {
    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        group.indices.map { update(for: group[$0], state: &state[$0]) }
    }
}

/// A row of the table of rules: which information, in which structure, to which power, at which cost.
public struct RuleSummary: Hashable, Sendable {
    /// The name in configurations.
    public let name: String
    /// The name in print.
    public let title: String
    /// Where the information comes from.
    public let source: String
    /// Which structure is kept of it.
    public let structure: String
    /// The power of the information that divides the gradient.
    public let power: String
    /// Where momentum sits.
    public let momentum: String
    /// The bytes of state per float32 parameter.
    public let stateBytes: String
    /// Multiplications of a step besides the passes, by order: P parameters, matrices of m rows and n columns, B units,
    /// K classes, k gradients kept.
    public let cost: String
    /// What it neglects of the information.
    public let neglects: String
    /// Where it is published.
    public let reference: String

    /// Describes a rule.
    public init(
        name: String, title: String, source: String, structure: String, power: String, momentum: String,
        stateBytes: String, cost: String, neglects: String, reference: String
    ) {
        self.name = name
        self.title = title
        self.source = source
        self.structure = structure
        self.power = power
        self.momentum = momentum
        self.stateBytes = stateBytes
        self.cost = cost
        self.neglects = neglects
        self.reference = reference
    }
}
