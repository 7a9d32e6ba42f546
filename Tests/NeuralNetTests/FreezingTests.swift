import NeuralNet
import Testing
import Torch

/// Parts that are not trained, parts of weights, and other types.
@Suite struct FreezingTests {
    @Test func patternsFreezeAndUnfreeze() throws {
        let model = try ModuleTests.gpt()
        let all = model.parameterCount
        let frozen = try model.freeze(matching: #"^blocks\.0\."#)
        #expect(frozen.count == 12 && model.parameterCount == all - 4 * (12 * 4 + 13))
        #expect(model.weights.count == model.parameters.count)
        try model.unfreeze(matching: "bias$")
        #expect(
            model.parameters.filter { !$0.parameter.isTrainable }.allSatisfy {
                $0.path.components.last == "weight"
            })
        try model.unfreeze()
        #expect(model.parameterCount == all)
        #expect(throws: ModuleError.self) { try model.freeze(matching: "(") }
        let error = #expect(throws: ModuleError.self) { try model.freeze(matching: "heads") }
        #expect(error?.description.contains("tokenEmbedding.weight") == true)
        let norm = BatchNorm(2)
        try norm.freeze(matching: "")
        try norm.unfreeze()
        #expect(!norm.$runningMean.isTrainable && norm.$weight.isTrainable && norm.$runningMean.isBuffer)
    }

    @Test func partsOfWeightsAreLoadedAndTheRestIsNamed() throws {
        let model = try ModuleTests.gpt()
        let before = try model.weights["finalNorm.bias"]?.scalars(as: Float.self)
        let given = ["head.weight": Tensor.ones([7, 4]), "other.weight": Tensor.ones([2])]
        let loaded = try model.load(given, strict: false)
        #expect(loaded.unused == ["other.weight"] && !loaded.isComplete)
        #expect(loaded.missing.count == model.parameters.count - 1 && !loaded.missing.contains("head.weight"))
        #expect(try model.weights["head.weight"]?.isEqual(to: .ones([7, 4])) == true)
        #expect(try model.weights["finalNorm.bias"]?.scalars(as: Float.self) == before)
        #expect(throws: WeightError.self) { try model.load(given) }
        #expect(throws: WeightError.self) { try model.load(["head.weight": .ones([7, 5])], strict: false) }
        #expect(try model.load(model.weights).isComplete)
    }

    @Test func modelsMoveToOtherTypesAndDevices() throws {
        let model = try ModuleTests.gpt()
        try model.freeze(matching: "finalNorm")
        let identities = model.parameters.map { ObjectIdentifier($0.parameter) }
        try model.to(device: .cpu, dtype: .float64)
        #expect(model.parameters.allSatisfy { $0.parameter.wrappedValue.dtype == .float64 })
        #expect(model.parameters.map { ObjectIdentifier($0.parameter) } == identities)
        #expect(
            model.parameters.filter { !$0.parameter.isTrainable }.map { "\($0.path)" }
                == ["finalNorm.weight", "finalNorm.bias"])
        #expect(model(Tensor([1, 2] as [Int64], shape: [1, 2])).dtype == .float64)
        #expect(throws: TorchError.self) { try model.to(dtype: .int64) }
        if Device.cudaCount == 0 {
            let error = #expect(throws: TorchError.self) { try model.to(device: .cuda(0)) }
            #expect(error?.kind == .deviceUnavailable)
        }
    }

    static let impossible:
        [@Sendable (RandomGenerator) -> (model: any Module, output: Tensor, reason: String)] = [
            { generator in
                let model = GPT(.init(context: 4, width: 10, layers: 1, heads: 4), using: generator)
                return (
                    model, model(Tensor([1] as [Int64], shape: [1, 1])), "4 heads do not divide the width 10"
                )
            },
            { generator in
                let model = GPT(.init(context: 4, width: 8, layers: -1, heads: 4), using: generator)
                return (
                    model, model(Tensor([1] as [Int64], shape: [1, 1])), "layers -1 must lie between 1 and"
                )
            },
            { generator in
                let layer = Conv2d(0, 4, kernel: 3, using: generator)
                return (
                    layer, layer(.ones([1, 1, 4, 4])),
                    "a convolution from 0 to 4 channels has none to read or to write"
                )
            },
            { generator in
                let layer = Conv1d(2, 4, kernel: 0, using: generator)
                return (
                    layer, layer(.ones([1, 2, 4])),
                    "a convolution's kernel, stride, dilation and groups must be"
                )
            },
            { generator in
                let layer = Conv2d(3, 4, kernel: 3, groups: 2, using: generator)
                return (layer, layer(.ones([1, 3, 4, 4])), "2 groups do not divide 3 inputs and 4 outputs")
            },
            { generator in
                let normal = Initializer.constant(1)
                let layer = SelfAttention(6, heads: 4, weight: normal, outputWeight: normal, using: generator)
                return (layer, layer(.ones([1, 2, 6])), "4 heads do not divide a width of 6")
            },
            { generator in
                let layer = RotarySelfAttention(6, heads: 2, using: generator)
                return (layer, layer(.ones([1, 2, 6])), "2 heads do not divide a width of 6 into even parts")
            },
            { generator in
                let layer = GroupNorm(groups: 3, channels: 4)
                return (layer, layer(.ones([1, 4, 2])), "3 groups do not divide 4 channels")
            },
            { generator in
                let layer = LSTM(0, 4, using: generator)
                return (
                    layer, layer(.ones([1, 2, 0])),
                    "an LSTM of 0 inputs and a width of 4 has nothing to compute"
                )
            },
            { generator in
                let layer = BatchNorm(2, momentum: 2)
                return (layer, layer(.ones([3, 2])), "a momentum must lie in [0, 1], not 2.0")
            },
            { generator in
                let layer = VectorQuantizer(codes: 0, width: 4, using: generator)
                return (layer, layer(.ones([2, 4])).output, "a codebook of 0 codes of width 4 holds nothing")
            },
            { generator in
                let layer = Sequential([Linear(2, -3, using: generator)])
                return (layer, layer(.ones([1, 2])), "a tensor of shape [-3, 2]")
            },
            { generator in
                let model = Conformer(
                    .init(mels: 8, classes: 4, channels: 2, width: 6, layers: 1, heads: 2, kernel: 3),
                    using: generator)
                return (
                    model, model.logits(features: .ones([1, 8, 8]), frameCounts: [8]).logits,
                    "2 heads do not divide the"
                )
            },
            { generator in
                final class Whole: Module { @Parameter var weight = Tensor([1] as [Int64]) }
                let model = Whole()
                return (model, model.weight, "int64 numbers cannot be trained")
            },
        ]

    @Test(arguments: impossible) func sizesThatCannotBeAreErrorsNotTraps(
        _ make: @Sendable (RandomGenerator) -> (model: any Module, output: Tensor, reason: String)
    ) throws {
        let (model, output, reason) = make(try RandomGenerator(seed: 0))
        #expect(output.failure?.message.hasPrefix(reason) == true, "\(output)")
        #expect(throws: TorchError.self) { try model.save(to: "/nowhere") }
        #expect(throws: TorchError.self) { try model.load(model.weights) }
        #expect(Dropout(1, using: try RandomGenerator(seed: 0))(.ones([1])).failure != nil)
        #expect(PixelShuffle(0)(.ones([1, 1, 1, 1])).failure != nil)
    }
}
