import Fisher
import FisherData
import FisherTraining
import Foundation

extension DataNetwork {
    /// What a user gave of the network, before data are read.
    struct Given {
        /// The description; nil where one is made for the data. Without a ``likelihood`` its own means nothing.
        let specification: NetworkSpecification?
        /// The weights to begin with.
        let start: DataStart?
        /// The name of the likelihood; nil where the targets decide.
        let likelihood: String?
        /// The network in words, for readers.
        let text: String
        /// What was taken to be so, for readers.
        let notes: [String]

        /// Reads the description and decides on the likelihood as far as the data are not needed.
        init(_ options: DataOptions) throws {
            var named: String?
            if !options.likelihood.isEmpty,
                try !LikelihoodRegistry.likelihood(named: options.likelihood).text.isEmpty
            {
                named = options.likelihood
            }
            try Self.check(options)
            let found = try Self.model(options)
            var source = found?.source
            if !options.weights.isEmpty { source = .file(try PlainNetwork.weightsPath(options.weights)) }
            if options.start == .body, source == nil {
                throw ConfigurationError("model.start = body needs weights: \(options.model) holds none")
            }
            start =
                options.start == .drawn
                ? nil : source.map { DataStart(source: $0, isBody: options.start == .body) }
            let isState = if case .state? = found?.source { true } else { false }
            likelihood = named ?? (isState ? nil : found?.specification.likelihood)
            if let found, let named, named != found.specification.likelihood {
                specification = try NetworkSpecification(
                    layers: found.specification.layers, likelihood: named)
            } else {
                specification = found?.specification
            }
            var (text, notes) = (options.model.isEmpty ? "made for the data" : options.model, [String]())
            if case .state(_, let network)? = found?.source {
                (text, notes) = ("\(text): \(network.text)", network.notes)
            }
            (self.text, self.notes) = (text, notes)
        }

        /// Throws for options that contradict each other.
        private static func check(_ options: DataOptions) throws(ConfigurationError) {
            if let column = options.drop.first(where: options.target.contains) {
                throw ConfigurationError(
                    "data.drop = \(column) leaves out the column that data.target names: name it once")
            }
            if options.model.isEmpty {
                for (key, value) in [("activation", options.activation), ("structure", options.structure)]
                where !value.isEmpty {
                    throw ConfigurationError(
                        "model.\(key) = \(value) is for a state_dict of PyTorch: name its file with --model")
                }
                if options.start != .weights {
                    throw ConfigurationError(
                        "model.start = \(options.start.rawValue) is for a model: name it with --model")
                }
            }
            if options.start == .drawn, !options.weights.isEmpty {
                throw ConfigurationError(
                    "model.start = drawn leaves the weights of \(options.weights) out: drop one of the two")
            }
        }

        /// The description that the options name, with the weights that are in the same place.
        private static func model(
            _ options: DataOptions
        ) throws -> (specification: NetworkSpecification, source: DataStart.Source?)? {
            guard !options.model.isEmpty else { return nil }
            if let files = try state(at: options.model) {
                let network = try network(of: files, options)
                return (network.specification, .state(files, network))
            }
            guard options.activation.isEmpty, options.structure.isEmpty else {
                throw ConfigurationError(
                    "--\(options.activation.isEmpty ? "structure" : "activation") completes a state_dict of PyTorch, which "
                        + "\(options.model) is not")
            }
            // A folder of `fisher convert` holds the description and the weights to begin with.
            let model = try PlainNetwork.descriptionPath(options.model)
            if try FileReader(model).format() == .safetensors {
                return (try PlainNetwork.description(in: model), .file(model))
            }
            let source: DataStart.Source? =
                model == options.model ? nil : .file(try PlainNetwork.weightsPath(options.model))
            return (try PlainNetwork.description(at: model), source)
        }

        /// What targets must be for the likelihood; nil where they decide.
        var kind: DataRequest.TargetKind? {
            get throws {
                guard let likelihood else { return nil }
                if likelihood == Bernoulli.name { return .shares }
                let description =
                    try specification.map(LikelihoodRegistry.likelihood(of:))
                    ?? LikelihoodRegistry.likelihood(named: likelihood)
                let observed = description.targetDType(forOutputs: .float32, given: .int64)
                return observed.isFloatingPoint ? .numbers : .classes
            }
        }
    }
}
