import NeuralNet
import Torch

/// A likelihood in the description of a network: its name, its options, and how it is created from the network's outputs.
///
///     extension NegativeBinomial {
///         struct Description: LikelihoodDescription {
///             static let kind = "negative_binomial"
///             static var options: [LayerOption<Self>] { [.required("failures", \\.failures, .positive)] }
///             var failures = 0.0
///
///             func likelihood(of outputs: Tensor) -> NegativeBinomial {
///                 NegativeBinomial(logits: outputs, failures: failures)
///             }
///         }
///     }
///     LikelihoodRegistry.register(NegativeBinomial.Description.self)
///
/// A likelihood without options, of observations that are a tensor, conforms to ``NamedLikelihood`` instead.
public protocol LikelihoodDescription: NamedOptions {
    /// The likelihood.
    associatedtype Model: Samplable & ClosedFormFisher

    /// Creates the likelihood from the outputs of a network. Throws for options that were not checked before.
    func likelihood(of outputs: Tensor) throws(LikelihoodError) -> Model

    /// The observations that targets from a file are, once they have the type `targetDType`.
    func observations(_ targets: Tensor) -> Model.Observation

    /// The type that targets of the type `given` are converted to if the outputs have the type `dtype`; by default that
    /// of the outputs. Targets of a floating-point type cannot become whole numbers.
    func targetDType(forOutputs dtype: DType, given: DType) -> DType
}

extension LikelihoodDescription {
    public func targetDType(forOutputs dtype: DType, given: DType) -> DType { dtype }

    /// The objective of a network's outputs, the targets converted already.
    ///
    /// Throws the model's failure, if there is one, and `LikelihoodError`.
    public func objective(
        of outputs: Tensor, observing targets: Tensor, auxiliaries: [Objective.Auxiliary] = [],
        unit: Objective.Unit = .firstAxis
    ) throws -> Objective {
        try Objective(
            likelihood(of: outputs), observing: observations(targets), auxiliaries: auxiliaries, unit: unit)
    }

    /// The likelihood's name and options as one text, options at their defaults left out.
    public var text: String { "\(value)" }
}

extension LikelihoodDescription where Model.Observation == Tensor {
    /// The targets themselves.
    public func observations(_ targets: Tensor) -> Tensor { targets }
}

/// A likelihood that the outputs of the last layer are all that it needs for.
///
/// It is registered by one line, so that a likelihood of any package can be named:
///
///     extension Poisson: NamedLikelihood {
///         static let name = "poisson"
///         init(outputs: Tensor) { self.init(logRate: outputs) }
///     }
///     LikelihoodRegistry.register(Poisson.self)
public protocol NamedLikelihood: Samplable, ClosedFormFisher, SendableMetatype where Observation == Tensor {
    /// The likelihood's name in JSON.
    static var name: String { get }

    /// Creates the likelihood from the outputs of a network.
    init(outputs: Tensor)

    /// The type that the targets must have if the outputs have the type `dtype`: by default the same.
    static func targetDType(forOutputs dtype: DType) -> DType
}

extension NamedLikelihood {
    public static func targetDType(forOutputs dtype: DType) -> DType { dtype }
}

/// The description of a likelihood without options.
struct PlainDescription<Model: NamedLikelihood>: LikelihoodDescription {
    static var kind: String { Model.name }

    func likelihood(of outputs: Tensor) -> Model { Model(outputs: outputs) }

    func targetDType(forOutputs dtype: DType, given: DType) -> DType {
        Model.targetDType(forOutputs: dtype)
    }
}
