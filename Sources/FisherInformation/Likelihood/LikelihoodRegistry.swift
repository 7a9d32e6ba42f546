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

    /// The likelihoods with what their outputs and observations are, as `fisher explain` tells it; those that were registered
    /// by others have their name only.
    package static var explanations: [(name: String, text: String)] {
        let texts = [
            "categorical":
                "Outputs are logits [..., classes], targets classes [...] of an integer type; -100 is not observed.",
            "categorical_pixels":
                "Outputs are the logits of the levels of pixels, channels first; targets are the pixels' levels.",
            "bernoulli": "Outputs are logits [..., bits], targets bits of 0 or 1, or their probabilities.",
            "gaussian":
                "Outputs are means [..., d] of a known variance, an option (1); targets are numbers [..., d].",
            "gaussian_learned_variance":
                "Outputs are means and log-variances [..., 2 d]; targets are numbers [..., d].",
            "two_hot":
                "Outputs are logits of bins, between whose centers a number's weight is divided; targets are numbers.",
            "logit_laplace":
                "Outputs are locations and log-scales [..., 2 d]; targets are intensities in (0, 1).",
        ]
        return names.map { ($0, texts[$0] ?? "A likelihood of another package.") }
    }

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
