import Foundation
import NeuralNet
import Testing
import Torch

/// The GPT against the same network in PyTorch, written by Reference/gpt.py.
@Suite struct GPTParityTests {
    struct Fixture: CustomTestStringConvertible, Sendable {
        let name: String
        var testDescription: String { name }

        func load() throws -> (file: SafetensorsFile, model: GPT, tolerance: Double) {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            let file = try SafetensorsFile(
                path: root.appending(path: "Fixtures/gpt/\(name).safetensors").path)
            func number(_ key: String) -> Int { Int(file.metadata[key] ?? "") ?? 0 }
            let configuration = GPT.Configuration(
                vocabulary: number("vocabulary"), context: number("context"), width: number("width"),
                layers: number("layers"), heads: number("heads"),
                tiesHead: file.metadata["tied"]?.lowercased() == "true")
            let dtype: DType = name.hasSuffix("f64") ? .float64 : .float32
            let model = GPT(configuration, dtype: dtype, using: try RandomGenerator(seed: 0))
            return (file, model, dtype == .float64 ? 1e-10 : 1e-5)
        }
    }

    @Test(arguments: ["tied-f32", "tied-f64", "untied-f32", "untied-f64"].map(Fixture.init))
    func logitsLossAndGradients(_ fixture: Fixture) throws {
        let (file, model, tolerance) = try fixture.load()
        var weights: [String: Tensor] = [:]
        for entry in file.tensors where entry.name.hasPrefix("parameters/") {
            weights[String(entry.name.dropFirst("parameters/".count))] = try file.tensor(named: entry.name)
        }
        try model.load(weights)

        let logits = model(try file.tensor(named: "inputs"))
        #expect(try Self.error(logits, try file.tensor(named: "logits")) < tolerance)
        let targets = try file.tensor(named: "targets")
        let loss =
            logits.flattened(to: -2).crossEntropySum(targets: targets.flattened()) / Double(targets.count)
        #expect(try Self.error(loss, try file.tensor(named: "loss")) < tolerance)

        let parameters = model.parameters
        let found = try gradients(of: loss, withRespectTo: parameters.map(\.parameter.wrappedValue))
        for (named, gradient) in zip(parameters, found) {
            let expected = try file.tensor(named: "gradients/\(named.path)")
            #expect(try Self.error(gradient!, expected) < tolerance, "\(named.path)")
        }
    }

    /// The largest difference relative to the largest element.
    static func error(_ a: Tensor, _ b: Tensor) throws -> Double {
        #expect(a.shape == b.shape)
        let (x, y) = (try a.scalars(as: Double.self), try b.scalars(as: Double.self))
        return zip(x, y).map { abs($0 - $1) }.max()! / max(y.map(abs).max()!, 1e-30)
    }

    /// A later token changes no earlier logit.
    @Test func attentionIsCausal() throws {
        let (_, model, _) = try Fixture(name: "untied-f64").load()
        let a = model(Tensor([1, 2, 3, 4, 5] as [Int64], shape: [1, 5]))
        let b = model(Tensor([1, 2, 3, 9, 0] as [Int64], shape: [1, 5]))
        let (x, y) = (try a.scalars(as: Double.self), try b.scalars(as: Double.self))
        let kept = 3 * 11
        #expect(x[..<kept] == y[..<kept])
        #expect(x[kept...] != y[kept...])
    }

    @Test func badTokensAreAnErrorNotATrap() throws {
        let (_, model, _) = try Fixture(name: "untied-f64").load()
        for tokens in [
            Tensor([0, 11] as [Int64], shape: [1, 2]),
            Tensor([Int64](repeating: 0, count: 10), shape: [1, 10]),
        ] {
            #expect(throws: TorchError.self) { try model(tokens).check() }
        }
    }
}
