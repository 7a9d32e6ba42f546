import Fisher
import FisherTraining

/// Which layers of a GPT get low-rank updates, and of which size.
package struct LowRankPlan: Codable, Hashable, Sendable {
    /// The rank.
    let rank: Int
    /// The factor, which is divided by the rank.
    let alpha: Double
    /// A regular expression that is found in the path of a layer or in its name in transformers.
    let targets: String

    /// The projections of the attentions.
    static let attention = #"attention\.(queryKeyValue|output)$"#

    /// Adds the updates to a model, which freezes everything else; throws `ConfigurationError` where no layer is meant or the
    /// pattern is no regular expression.
    @discardableResult
    func add(to model: GPT, using generator: RandomGenerator) throws(ConfigurationError) -> [ParameterPath] {
        guard let expression = try? Regex(targets) else {
            throw ConfigurationError("finetune.lora_targets = \(targets) is not a regular expression")
        }
        let shapes = Dictionary(
            uniqueKeysWithValues: model.parameters.map { ("\($0.path)", $0.parameter.wrappedValue.shape) })
        let names = Self.names(in: model.configuration)
        let most = names.keys.compactMap { shapes[$0 + ".weight"]?.min() }.min() ?? rank
        guard rank <= most else {
            throw ConfigurationError(
                "finetune.lora_rank = \(rank) is more than the rank that a layer can have, which is \(most)")
        }
        let paths = model.addLowRankUpdates(rank: rank, alpha: alpha, using: generator) { path in
            "\(path)".contains(expression) || names["\(path)"]?.contains(expression) ?? false
        }
        if paths.isEmpty {
            throw ConfigurationError(
                "finetune.lora_targets = \(targets) is found in the path of no linear layer, such as "
                    + "blocks.0.attention.queryKeyValue (transformer.h.0.attn.c_attn)")
        }
        return paths
    }

    /// The names of linear layers in transformers by their paths.
    static func names(in configuration: GPT.Configuration) -> [String: String] {
        let weight = ".weight"
        var found: [String: String] = [:]
        for entry in TensorNames.gpt2(configuration, prefix: "transformer.").entries
        where entry.shape.count == 2 && entry.ours.hasSuffix(weight) {
            if entry.ours.hasPrefix("tokenEmbedding") || entry.ours.hasPrefix("positionEmbedding") {
                continue
            }
            found[String(entry.ours.dropLast(weight.count))] = String(entry.theirs.dropLast(weight.count))
        }
        return found
    }
}
