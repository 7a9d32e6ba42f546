import Foundation
import NeuralNet
import Testing
import Torch

/// Layers whose products are in bfloat16.
@Suite struct AutocastLayerTests {
    /// A layer in JSON, the shape of its input, and the type of its output.
    struct Case: CustomTestStringConvertible, Sendable {
        let layers: String
        let shape: [Int]
        let type: DType
        var testDescription: String { layers }

        init(_ layers: String, _ shape: [Int], _ type: DType) {
            (self.layers, self.shape, self.type) = (layers, shape, type)
        }
    }

    static let cases = [
        Case(#"{"linear":[6,4]}"#, [3, 6], .bfloat16),
        Case(#"{"conv1d":{"in":3,"out":4,"kernel":2}},"glu""#, [2, 3, 7], .bfloat16),
        Case(
            #"{"conv2d":{"in":2,"out":3,"kernel":3,"padding":1}},{"max_pool2d":2}"#, [2, 2, 6, 6], .bfloat16),
        Case(#"{"conv2d":{"in":4,"out":6,"kernel":2,"groups":2}},"flatten""#, [2, 4, 5, 5], .bfloat16),
        Case(#"{"conv2d":{"in":2,"out":4,"kernel":3}},{"batch_norm":4},"relu""#, [2, 2, 6, 6], .float32),
        Case(#"{"conv2d":{"in":2,"out":4,"kernel":3}},{"group_norm":[2,4]}"#, [2, 2, 6, 6], .float32),
        Case(#"{"linear":[6,4]},{"layer_norm":4}"#, [3, 6], .float32),
        Case(#"{"lstm":[3,4]}"#, [2, 5, 3], .float32),
        Case(#"{"linear":[6,8]},{"rotary_self_attention":[8,2]}"#, [2, 4, 6], .bfloat16),
        Case(
            #"{"linear":[6,8]},{"residual":[{"layer_norm":8},{"causal_self_attention":[8,2]}]},{"layer_norm":8}"#,
            [2, 4, 6], .float32),
        Case(#"{"graph_convolution":[2,3]}"#, [2, 4, 6], .bfloat16),
    ]

    @Test(arguments: cases)
    func outputsAndGradients(_ test: Case) throws {
        let generator = try RandomGenerator(seed: 3)
        let json = #"{"layers":[\#(test.layers)],"likelihood":"gaussian"}"#
        let model = try NetworkSpecification(json: Data(json.utf8)).makeNetwork(using: generator)
        let x = Tensor.normal(test.shape, using: generator).magnitude()
        let parameters = model.parameters.filter(\.parameter.isTrainable).map(\.parameter.wrappedValue)
        func found(_ precision: ComputePrecision) throws -> (output: Tensor, gradients: [Tensor]) {
            let output = withAutocast(to: precision) { model(x) }
            try output.check()
            let sum = output.to(dtype: .float32).squared().sum()
            let slopes = try gradients(of: sum, withRespectTo: parameters)
            return (output, try slopes.map { try #require($0) })
        }
        let (narrow, wide) = (try found(.bfloat16), try found(.float32))
        #expect(narrow.output.dtype == test.type && wide.output.dtype == .float32)
        #expect(narrow.gradients.allSatisfy { $0.dtype == .float32 })
        let pairs = [(narrow.output, wide.output)] + Array(zip(narrow.gradients, wide.gradients))
        let largest = try wide.gradients.map { try $0.magnitude().max().item() }.max() ?? 0
        for (place, (a, b)) in pairs.enumerated() {
            let error = try (a.to(dtype: .float32) - b).magnitude().max().item()
            let scale = place == 0 ? try b.magnitude().max().item() : largest
            #expect(error < 0.05 * scale, "\(error) of \(scale)")
        }
    }

    /// The nearest code is chosen with all digits, and what is noted for the averages has them.
    @Test func quantizersChooseInFloat32() throws {
        let generator = try RandomGenerator(seed: 5)
        let quantizer = VectorQuantizer(codes: 64, width: 4, using: generator)
        let vectors = Tensor.normal([50, 4], using: generator)
        let exact = quantizer(vectors)
        quantizer.beginStep(units: 50)
        let found = withAutocast(to: .bfloat16) { quantizer(vectors) }
        try quantizer.endStep()
        #expect(try found.codes.scalars(as: Int64.self) == exact.codes.scalars(as: Int64.self))
        #expect(found.output.dtype == .float32 && found.commitment.dtype == .float32)
        // A product in bfloat16 chooses others.
        let book = quantizer.vectors(of: .indices(64))
        #expect(book.dtype == .float32)
    }

    @Test(arguments: [false, true])
    func conformersTrain(_ normalizesBatches: Bool) throws {
        let generator = try RandomGenerator(seed: 1)
        var configuration = Conformer.Configuration(
            mels: 8, classes: 5, channels: 4, width: 8, layers: 1, heads: 2, kernel: 3)
        if normalizesBatches { configuration.norm = .batch }
        let model = Conformer(configuration, using: generator)
        let features = Tensor.normal([2, 12, 8], using: generator)
        let parameters = model.parameters.filter(\.parameter.isTrainable).map(\.parameter.wrappedValue)
        let (logits, counts) = withAutocast(to: .bfloat16) {
            model.logits(features: features, frameCounts: [12, 7])
        }
        try logits.check()
        #expect(logits.dtype == .bfloat16 && counts == [3, 2])
        let slopes = try gradients(of: logits.to(dtype: .float32).sum(), withRespectTo: parameters)
        #expect(slopes.allSatisfy { $0?.dtype == .float32 })
    }
}
