import Torch

/// A likelihood that the description of a network can name: the outputs of the last layer are all that it needs.
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

/// The likelihoods that the description of a network can name.
public enum LikelihoodRegistry {
    // A new likelihood of this package adds one line here.
    private static let own: [any NamedLikelihood.Type] = [
        Categorical.self,
        Gaussian.self,
        Bernoulli.self,
    ]

    private static let registry = NameRegistry(own, name: { $0.name }, type: { ObjectIdentifier($0) })

    /// Registers a likelihood under its name; call it before descriptions are read.
    ///
    /// Registering a type twice changes nothing; it traps if another type has the same name.
    public static func register<Model: NamedLikelihood>(_ likelihood: Model.Type) {
        registry.register(likelihood, named: likelihood.name, type: ObjectIdentifier(likelihood))
    }

    /// The names of all likelihoods.
    public static var names: [String] { registry.names }

    /// The likelihood of a name; throws for an unknown name, with the nearest one.
    public static func likelihood(named name: String) throws(LikelihoodError) -> any NamedLikelihood.Type {
        guard let type = registry[name] else { throw .notRegistered(name, known: names) }
        return type
    }
}

extension Objective {
    /// Creates the objective of a network's outputs by a likelihood that a description names.
    ///
    /// Throws the model's failure, if there is one.
    public init<Model: NamedLikelihood>(
        _ likelihood: Model.Type, of outputs: Tensor, observing targets: Tensor,
        auxiliaries: [Auxiliary] = [], unit: Unit = .firstAxis
    ) throws(TorchError) {
        try self.init(
            Model(outputs: outputs), observing: targets, auxiliaries: auxiliaries, unit: unit)
    }
}
