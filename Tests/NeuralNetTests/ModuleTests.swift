import Foundation
import NeuralNet
import Testing
import Torch

/// Paths, sharing, modes, weights and capture.
@Suite struct ModuleTests {
    static func gpt(tied: Bool = false, dropout: Double = 0) throws -> GPT {
        GPT(
            GPT.Configuration(
                vocabulary: 7, context: 6, width: 4, layers: 1, heads: 2, dropout: dropout, tiesHead: tied),
            using: try RandomGenerator(seed: 1))
    }

    @Test func pathsFollowTheDeclarations() throws {
        #expect(
            try Self.gpt().parameters.map { "\($0.path)" } == [
                "tokenEmbedding.weight", "positionEmbedding.weight", "blocks.0.attentionNorm.weight",
                "blocks.0.attentionNorm.bias", "blocks.0.attention.queryKeyValue.weight",
                "blocks.0.attention.queryKeyValue.bias", "blocks.0.attention.output.weight",
                "blocks.0.attention.output.bias", "blocks.0.feedForwardNorm.weight",
                "blocks.0.feedForwardNorm.bias",
                "blocks.0.feedForward.expand.weight", "blocks.0.feedForward.expand.bias",
                "blocks.0.feedForward.contract.weight", "blocks.0.feedForward.contract.bias",
                "finalNorm.weight",
                "finalNorm.bias", "head.weight",
            ])
        #expect(try !Self.gpt(tied: true).parameters.contains { "\($0.path)" == "head.weight" })
    }

    @Test func sharedModulesCountOnce() throws {
        final class Twice: Module {
            let a: Linear
            let b: Linear
            init(_ layer: Linear) { (a, b) = (layer, layer) }
        }
        let model = Twice(Linear(2, 3, using: try RandomGenerator(seed: 0)))
        #expect(model.parameters.map { "\($0.path)" } == ["a.weight", "a.bias"])
        #expect(model.parameterCount == 9)
    }

    @Test func modulesAreFoundInEveryKindOfCollection() throws {
        final class Holder: Module {
            let grid: [[Linear]]
            let pair: (Linear, last: Linear?)
            let named: [String: Linear]
            let free: [Parameter]
            let numbers = [1, 2, 3]
            let texts = ["a": "b"]

            init(_ make: () -> Linear) {
                grid = [[make()], [make(), make()]]
                pair = (make(), make())
                named = ["b": make(), "a": make()]
                free = [Parameter(wrappedValue: .ones([2]))]
            }
        }
        let generator = try RandomGenerator(seed: 0)
        let holder = Holder { Linear(1, 1, bias: false, using: generator) }
        #expect(
            holder.parameters.map { "\($0.path)" } == [
                "grid.0.0.weight", "grid.1.0.weight", "grid.1.1.weight", "pair.0.weight",
                "pair.last.weight", "named.a.weight", "named.b.weight", "free.0",
            ])
    }

    @Test func frozenParametersTakeNoGradient() throws {
        let model = try Self.gpt()
        let all = model.parameterCount
        model.parameters[0].parameter.isTrainable = false
        #expect(model.parameterCount == all - 28)
    }

    @Test func aModelIsSavedAndLoadedInOneLine() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (model, other) = (try Self.gpt(), try Self.gpt(tied: true))
        try model.save(to: path, metadata: ["model": "gpt"])
        #expect(try SafetensorsFile(path: path).metadata["model"] == "gpt")
        let copy = GPT(model.configuration, dtype: .float64, using: try RandomGenerator(seed: 9))
        try copy.load(from: path)
        for (a, b) in zip(model.parameters, copy.parameters) {
            #expect(a.path == b.path && b.parameter.wrappedValue.dtype == .float64)
            #expect(
                try a.parameter.wrappedValue.scalars(as: Double.self)
                    == b.parameter.wrappedValue.scalars(as: Double.self))
        }
        let error = #expect(throws: WeightError.self) { try other.load(from: path) }
        #expect(
            error?.description == "\(path): the model has no parameter head.weight, which the weights give")
        #expect(throws: SafetensorsError.self) { try model.load(from: path + ".none") }
    }

    @Test func weightsThatDoNotFitAreNamed() throws {
        let model = try Self.gpt()
        let good = model.weights
        for (expected, change) in [
            ("finalNorm.bias", { $0["finalNorm.bias"] = nil }),
            ("head.weight", { $0["head.weight"] = .ones([2, 2]) }),
            ("extra", { $0["extra"] = .ones([1]) }),
        ] as [(String, (inout [String: Tensor]) -> Void)] {
            var weights = good
            change(&weights)
            let error = #expect(throws: WeightError.self) { try model.load(weights) }
            #expect(error?.description.contains(expected) == true)
        }
        try model.load(good)
    }

    @Test func dropoutIsForTrainingAndReproducible() throws {
        let model = try Self.gpt(dropout: 0.5)
        let tokens = Tensor([1, 2, 3] as [Int64], shape: [1, 3])
        func logits() throws -> [Float] { try model(tokens).scalars() }
        let generator = try #require(model.randomGenerators.first)
        #expect(model.randomGenerators.count == 1)
        let state = try generator.state()
        let first = try logits()
        #expect(try logits() != first)
        try generator.restore(state)
        #expect(try logits() == first)
        model.setTraining(false)
        #expect(try logits() == logits())
    }

    @Test func initializersHaveTheirMoments() throws {
        let generator = try RandomGenerator(seed: 3)
        for (initializer, mean, deviation) in [
            (.normal(standardDeviation: 0.02), 0, 0.02), (.uniform(bound: 0.3), 0, 0.3 / 3.0.squareRoot()),
            (.glorotUniform, 0, (2.0 / 600).squareRoot()), (.heNormal, 0, (2.0 / 400).squareRoot()),
            (.constant(2), 2, 0),
        ] as [(Initializer, Double, Double)] {
            let values: [Double] = try initializer([200, 400], dtype: .float64, using: generator).scalars()
            let found = values.reduce(0, +) / 80_000
            let spread = (values.map { ($0 - found) * ($0 - found) }.reduce(0, +) / 80_000).squareRoot()
            #expect(abs(found - mean) <= 5 * deviation / 80_000.0.squareRoot())
            #expect(abs(spread - deviation) <= 0.01 * deviation)
        }
    }

    final class Uses: CaptureRecorder {
        var paths: [String] = []
        func record(layer path: ParameterPath, input: Tensor, output: Tensor) { paths.append("\(path)") }
    }

    @Test func captureSeesEveryUseByPath() throws {
        let (model, uses) = (try Self.gpt(tied: true), Uses())
        let tokens = Tensor([1, 2, 3] as [Int64], shape: [1, 3])
        model.capturing(by: uses) { _ = model(tokens) }
        #expect(uses.paths.filter { $0 == "tokenEmbedding" }.count == 2)
        #expect(uses.paths.contains("blocks.0.feedForward.contract"))
        let count = uses.paths.count
        _ = model(tokens)
        #expect(uses.paths.count == count)
    }
}
