import Foundation
import Testing

@testable import Fisher
@testable import FisherInformation

/// A file of a network, its weights, batches by step and expected weights, written by Reference/layerwise.py.
struct LayerwiseCase: CustomTestStringConvertible, Sendable {
    let file: URL

    var testDescription: String { file.deletingPathExtension().lastPathComponent }

    static let all: [LayerwiseCase] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let path = root.appending(path: "Fixtures/layerwise")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path.path)) ?? []
        return names.filter { $0.hasSuffix(".safetensors") }.sorted().map {
            LayerwiseCase(file: path.appending(path: $0))
        }
    }()

    /// A run that can be continued, stopped and restored.
    final class Run {
        let specification: NetworkSpecification
        let network: Sequential
        let optimizer: Optimizer
        let batches: [SupervisedBatch]
        let first: [String: Tensor]
        let expected: [String: Tensor]

        init(
            _ file: URL, _ dtype: DType, setting changes: [String: String], by execution: Execution
        ) throws {
            let stored = try SafetensorsFile(path: file.path)
            let tensors = try stored.allTensors()
            func group(_ prefix: String) -> [String: Tensor] {
                Dictionary(
                    uniqueKeysWithValues: tensors.compactMap { key, value in
                        key.hasPrefix(prefix) ? (String(key.dropFirst(prefix.count)), value) : nil
                    })
            }
            specification = try NetworkSpecification(json: Data((stored.metadata["model"] ?? "").utf8))
            first = group("weights/").mapValues { $0.to(dtype: dtype).copy() }
            network = try specification.makeNetwork(dtype: dtype, weights: first.mapValues { $0.copy() })
            network.setTraining(false)
            var rule = try RuleRegistry.rule(named: stored.metadata["rule"] ?? "")
            let options = try JSONSerialization.jsonObject(
                with: Data((stored.metadata["options"] ?? "").utf8))
            let isFlag = Set(["pi", "adapts_damping"])
            for (name, value) in try #require(options as? [String: Any]).sorted(by: { $0.key < $1.key }) {
                let text =
                    value is NSNull
                    ? "none" : isFlag.contains(name) ? "\(value as? Bool ?? false)" : "\(value)"
                try rule.set(name, to: text)
            }
            for (name, value) in changes where rule.settings.contains(where: { $0.name == name }) {
                try rule.set(name, to: value)
            }
            optimizer = try Optimizer(
                for: network, groups: [ParameterGroup(.rest, rule, decaying: .all)],
                execution: execution, labelSeed: 3)
            batches = (1...(Int(stored.metadata["steps"] ?? "") ?? 1)).compactMap { step in
                guard let inputs = tensors["batches/\(step)/inputs"],
                    let targets = tensors["batches/\(step)/targets"]
                else { return nil }
                return SupervisedBatch(
                    inputs: inputs.dtype == .float64 ? inputs.to(dtype: dtype) : inputs,
                    targets: targets.dtype == .float64 ? targets.to(dtype: dtype) : targets)
            }
            expected = group("expected/")
        }

        @discardableResult
        func step(on batch: SupervisedBatch, microBatches: Int = 1) throws -> StepReport {
            try optimizer.step(on: batch, microBatches: microBatches) { batch in
                let outputs = network(batch.inputs)
                if specification.likelihood == "gaussian" {
                    return try Objective(Gaussian(mean: outputs), observing: batch.targets)
                }
                return try Objective(Categorical(logits: outputs), observing: batch.targets)
            }
        }

        func weights() throws -> [String: [Double]] {
            try network.weights.mapValues { try $0.scalars(as: Double.self) }
        }
    }

    func run(
        _ dtype: DType = .float64, setting changes: [String: String] = [:],
        by execution: Execution = .automatic
    ) throws -> Run {
        try Run(file, dtype, setting: changes, by: execution)
    }
}
