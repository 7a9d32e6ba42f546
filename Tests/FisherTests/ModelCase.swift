import Fisher
import Foundation
import Testing

/// A network, batches and the weights after a step on each, written by a script under Reference/.
struct ModelCase: CustomTestStringConvertible, Sendable {
    let file: URL

    var testDescription: String { file.deletingPathExtension().lastPathComponent }

    /// All cases of a folder of fixtures.
    static func all(in folder: String) -> [ModelCase] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let path = root.appending(path: "Fixtures/\(folder)")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path.path)) ?? []
        return names.filter { $0.hasSuffix(".safetensors") }.sorted().map {
            ModelCase(file: path.appending(path: $0))
        }
    }

    /// The largest error of a tensor's movement, relative to the movement, in float64.
    ///
    /// - Parameters:
    ///   - microBatches: the slices of each batch.
    ///   - processes: those that share each batch.
    func error(microBatches: Int = 1, processes: ProcessGroup? = nil) throws -> Double {
        let stored = try SafetensorsFile(path: file.path)
        let tensors = try stored.allTensors()
        let specification = try NetworkSpecification(
            json: Data(try #require(stored.metadata["specification"]).utf8))
        let weights = tensors.filter { $0.key.hasPrefix("weights/") }.map {
            (String($0.key.dropFirst(8)), $0.value)
        }
        let network = try specification.makeNetwork(
            dtype: .float64, weights: Dictionary(uniqueKeysWithValues: weights))
        network.setTraining(false)
        let optimizer = try Optimizer(
            for: network, groups: [.init(.rest, try rule(stored.metadata), decaying: .all)])
        optimizer.processes = processes
        for step in 1...(Int(stored.metadata["steps"] ?? "") ?? 0) {
            if let draws = optimizer.draws {
                for number in 0... {
                    let own = network.parameters.compactMap { tensors["draws/\(step)/\(number)/\($0.path)"] }
                    if own.isEmpty { break }
                    draws.given += own
                }
            }
            let batch = SupervisedBatch(
                inputs: try #require(tensors["inputs/\(step)"]),
                targets: try #require(tensors["targets/\(step)"]))
            try optimizer.step(on: batch, microBatches: microBatches) { batch in
                let outputs = network(batch.inputs)
                return specification.likelihood == "gaussian"
                    ? try Objective(Gaussian(mean: outputs), observing: batch.targets)
                    : try Objective(Categorical(logits: outputs), observing: batch.targets)
            }
        }
        var worst = 0.0
        for named in network.parameters {
            let before = try #require(tensors["weights/\(named.path)"])
            let expected = try #require(tensors["expected/\(named.path)"])
            let error = try (named.parameter.wrappedValue.detached() - expected).norm().item()
            let movement = try (expected - before).norm().item()
            worst = error.isFinite ? max(worst, error / movement) : .infinity
        }
        return worst
    }

    private func rule(_ metadata: [String: String]) throws -> any OptimizationRule {
        var rule = try RuleRegistry.rule(named: metadata["rule"] ?? "")
        let options = try JSONDecoder().decode(
            [String: OptionJSON].self, from: Data((metadata["options"] ?? "").utf8))
        for (name, value) in options.sorted(by: { $0.key < $1.key }) { try rule.set(name, to: value.text) }
        return rule
    }
}

/// A number, truth value, word or null as an option's text.
struct OptionJSON: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            text = "none"
        } else if let flag = try? container.decode(Bool.self) {
            text = "\(flag)"
        } else if let number = try? container.decode(Double.self) {
            text = "\(number)"
        } else {
            text = try container.decode(String.self)
        }
    }
}
