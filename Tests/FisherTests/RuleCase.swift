import Foundation
import Testing

@testable import Fisher
@testable import FisherInformation

/// A file of parameters, gradients by step and expected parameters, written by a script under Reference/.
struct RuleCase: CustomTestStringConvertible, Sendable {
    let file: URL

    var testDescription: String { file.deletingPathExtension().lastPathComponent }

    /// Whether the case's rule has a fused path.
    var isFused: Bool { FusedPathTests.rules.contains(String(testDescription.prefix { $0 != "-" })) }

    /// All cases of a folder of fixtures.
    static func all(in folder: String) -> [RuleCase] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let path = root.appending(path: "Fixtures/\(folder)")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path.path)) ?? []
        return names.filter { $0.hasSuffix(".safetensors") }.sorted().map {
            RuleCase(file: path.appending(path: $0))
        }
    }

    /// The largest error of the case relative to the largest element of each tensor, computed in a type, by one
    /// execution and, where one is named, by one instruction set.
    func error(
        in dtype: DType, by execution: Execution = .automatic, with instructions: InstructionSet? = nil
    ) throws -> Double {
        let stored = try SafetensorsFile(path: file.path)
        let tensors = try stored.allTensors()
        func group(_ prefix: String) -> [String: Tensor] {
            Dictionary(
                uniqueKeysWithValues: tensors.compactMap { key, value in
                    key.hasPrefix(prefix) ? (String(key.dropFirst(prefix.count)), value) : nil
                })
        }
        let parameters = group("parameters/").sorted { $0.key < $1.key }.map { name, value in
            NamedParameter(
                path: ParameterPath(components: [name]),
                parameter: Parameter(wrappedValue: value.to(dtype: dtype).copy()))
        }
        let optimizer = try Optimizer(
            parameters: parameters,
            groups: [ParameterGroup(.rest, try rule(stored.metadata), decaying: .all)],
            execution: execution)
        if let instructions { optimizer.instructionSet = instructions }
        // Some trajectories go on from a state.
        let saved = group("state/").mapValues { $0.dtype == .float64 ? $0.to(dtype: dtype) : $0 }
        if !saved.isEmpty { try optimizer.restore(saved) }
        for step in 1...(Int(stored.metadata["steps"] ?? "") ?? 0) {
            var gradients: [ParameterPath: Tensor] = [:]
            for (name, value) in group("gradients/\(step)/") {
                gradients[ParameterPath(components: [name])] = value.to(dtype: dtype)
            }
            try optimizer.update(with: gradients)
        }
        let expected = group("expected/")
        var worst = 0.0
        for named in parameters {
            let answer = try expected["\(named.path)"]!.scalars(as: Double.self)
            let found = try named.parameter.wrappedValue.scalars(as: Double.self)
            let largest = answer.map(abs).max() ?? 0
            for (a, b) in zip(answer, found) {
                worst = b.isFinite ? max(worst, abs(a - b) / max(largest, .leastNormalMagnitude)) : .infinity
            }
        }
        return worst
    }

    private func rule(_ metadata: [String: String]) throws -> any OptimizationRule {
        var rule = try RuleRegistry.rule(named: metadata["rule"] ?? "")
        let options = try JSONDecoder().decode(
            [String: OptionJSON].self, from: Data((metadata["options"] ?? "").utf8))
        for (name, value) in options { try rule.set(name, to: value.text) }
        return rule
    }
}
