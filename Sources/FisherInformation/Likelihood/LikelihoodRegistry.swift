import NeuralNet
import Torch

/// The likelihoods that the description of a network can name.
public enum LikelihoodRegistry {
    // A new likelihood of this package adds one line here.
    private static let own: [any LikelihoodDescription.Type] = [
        PlainDescription<Categorical>.self,
        Categorical.PixelDescription.self,
        PlainDescription<Bernoulli>.self,
        Gaussian.Description.self,
        Gaussian.LearnedVarianceDescription.self,
        TwoHot.Description.self,
        PlainDescription<LogitLaplace>.self,
    ]

    private static let registry = NameRegistry(own, name: { $0.kind }, type: { ObjectIdentifier($0) })

    /// Registers a likelihood without options under its name; call it before descriptions are read.
    ///
    /// Registering a type twice changes nothing; it traps if another type has the same name.
    public static func register<Model: NamedLikelihood>(_ likelihood: Model.Type) {
        register(PlainDescription<Model>.self)
    }

    /// Registers a likelihood with options under its `kind`; call it before descriptions are read.
    ///
    /// Registering a type twice changes nothing; it traps if another type has the same name.
    public static func register<Description: LikelihoodDescription>(_ description: Description.Type) {
        registry.register(description, named: description.kind, type: ObjectIdentifier(description))
    }

    /// The names of all likelihoods.
    public static var names: [String] { registry.names }

    /// The likelihood of a name, its options at their defaults. Throws for an unknown name, with the nearest one, and for
    /// a likelihood that needs options.
    public static func likelihood(named name: String) throws(LikelihoodError) -> any LikelihoodDescription {
        try likelihood(named: name, nil)
    }

    /// The likelihood that the description of a network names. Throws for an unknown name, with the nearest one, and for
    /// options that are wrong.
    public static func likelihood(
        of network: NetworkSpecification
    ) throws(LikelihoodError) -> any LikelihoodDescription {
        try likelihood(named: network.likelihood, network.likelihoodOptions)
    }

    private static func likelihood(
        named name: String, _ options: JSONValue?
    ) throws(LikelihoodError) -> any LikelihoodDescription {
        guard let type = registry[name] else { throw .notRegistered(name, known: names) }
        func read<Description: LikelihoodDescription>(
            _ type: Description.Type
        ) throws(LayerDescriptionError) -> any LikelihoodDescription {
            let description = try Description(given: options)
            try description.checkEverything()
            return description
        }
        do throws(LayerDescriptionError) { return try read(type) } catch {
            throw .badOptions(name, reason: error.reason)
        }
    }
}
