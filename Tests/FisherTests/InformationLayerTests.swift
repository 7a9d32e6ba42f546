import Fisher
import Foundation
import Testing

/// Every layer's units' gradients against a backward pass of autograd for every unit.
@Suite struct InformationLayerTests {
    static let networks: [(name: String, shape: [Int], layers: String)] = [
        (
            "conv2d", [5, 2, 6, 5],
            #"{"conv2d":{"in":2,"out":4,"kernel":3,"padding":1}},"tanh","flatten",{"linear":[120,3]}"#
        ),
        (
            "strided dilated conv2d", [5, 2, 9, 8],
            #"{"conv2d":{"in":2,"out":3,"kernel":[3,2],"stride":[2,1],"padding":1,"dilation":2}},"relu","flatten",{"linear":[96,3]}"#
        ),
        (
            "grouped conv2d", [5, 4, 5, 5],
            #"{"conv2d":{"in":4,"out":6,"kernel":2,"groups":2}},"tanh","flatten",{"linear":[96,3]}"#
        ),
        (
            "conv1d", [5, 3, 7],
            #"{"conv1d":{"in":3,"out":4,"kernel":3,"stride":2}},"tanh","flatten",{"linear":[12,3]}"#
        ),
        (
            "group norm", [5, 4, 3, 3],
            #"{"group_norm":[2,4]},{"conv2d":{"in":4,"out":2,"kernel":2}},"flatten",{"linear":[8,3]}"#
        ),
        (
            "batch norm", [5, 3, 4, 4],
            #"{"conv2d":{"in":3,"out":3,"kernel":2}},{"batch_norm":3},"relu",{"max_pool2d":2},"flatten",{"linear":[3,3]}"#
        ),
        ("layer norm", [5, 6], #"{"linear":[6,6]},{"layer_norm":6},"gelu",{"linear":[6,3]}"#),
        ("lstm", [5, 4, 3], #"{"lstm":[3,4]},"flatten",{"linear":[16,3]}"#),
        (
            "rotary attention", [5, 4, 6],
            #"{"linear":[6,8]},{"rotary_self_attention":[8,2]},"silu","flatten",{"linear":[32,3]}"#
        ),
        (
            "gated depthwise conv1d", [5, 6, 8],
            #""glu",{"conv1d":{"in":6,"out":6,"kernel":3,"padding":1,"groups":6}},"silu","flatten",{"linear":[24,3]}"#
        ),
        (
            "residual with a shortcut", [5, 2, 6, 6],
            #"{"residual":{"layers":[{"conv2d":{"in":2,"out":3,"kernel":3,"stride":2,"padding":1}},"tanh"],"#
                + #""shortcut":[{"conv2d":{"in":2,"out":3,"kernel":1,"stride":2}}]}},"flatten",{"linear":[27,3]}"#
        ),
        (
            "vision transformer", [5, 2, 4, 4],
            #"{"conv2d":{"in":2,"out":4,"kernel":2,"stride":2}},"tokens","#
                + #"{"position_embedding":{"positions":4,"width":4,"class_token":true}},"#
                + #"{"residual":[{"self_attention":[4,2]}]},"first_position",{"linear":[4,3]}"#
        ),
        (
            "graph convolution", [5, 6, 8],
            #"{"graph_convolution":{"in":2,"out":4,"keep_graph":true}},"relu",{"graph_convolution":[4,3]},"tanh","#
                + #""mean_over_positions",{"linear":[3,3]}"#
        ),
    ]

    static func make(_ position: Int) throws -> (model: Sequential, batch: SupervisedBatch) {
        let (_, shape, layers) = networks[position]
        let json = "{\"layers\":[\(layers)],\"likelihood\":\"categorical\"}"
        let generator = try RandomGenerator(seed: 11)
        let model = try NetworkSpecification(json: Data(json.utf8)).makeNetwork(
            dtype: .float64, using: generator)
        var x = Tensor.normal(shape, dtype: .float64, using: generator)
        // Edges have weights of at least 0.
        if networks[position].name == "graph convolution" { x = x.magnitude() }
        // Running averages that are not those of the first day.
        if networks[position].name == "batch norm" { _ = model(x) }
        model.setTraining(false)
        return (model, SupervisedBatch(inputs: x, targets: Tensor([0, 2, 1, 1, 0] as [Int64], shape: [5])))
    }

    @Test(arguments: networks.indices)
    func diagonalsAreSumsOfSquaredUnitGradients(_ position: Int) throws {
        let (model, batch) = try Self.make(position)
        let named = model.parameters.filter(\.parameter.isTrainable)
        let tensors = named.map(\.parameter.wrappedValue)
        var squares = tensors.map { [Double](repeating: 0, count: $0.count) }
        for unit in 0..<5 {
            let one = batch.slice(unit..<unit + 1)
            let loss = Categorical(logits: model(one.inputs)).negativeLogLikelihood(of: one.targets)
            for (k, gradient) in try gradients(of: loss, withRespectTo: tensors).enumerated() {
                for (e, value) in try #require(gradient).scalars(as: Double.self).enumerated() {
                    squares[k][e] += value * value / 5
                }
            }
        }
        let estimator = try CurvatureEstimator(of: model)
        let found = try #require(
            try estimator.estimate(
                [.diagonal(.empirical)],
                of: Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            ).diagonal(.empirical)
        ).mean
        for (parameter, expected) in zip(named, squares) {
            let values = try #require(found[parameter.path]).scalars(as: Double.self)
            let scale = expected.max() ?? 0
            #expect(
                zip(values, expected).allSatisfy { abs($0 - $1) <= 1e-10 * scale },
                "\(Self.networks[position].name) \(parameter.path)")
        }
    }

    /// One sample of one position: the factors' product is the layer's block of the whole matrix.
    @Test func aConvolutionOfOnePositionHasExactFactors() throws {
        let json =
            #"{"layers":[{"conv2d":{"in":2,"out":3,"kernel":2}},"flatten"],"likelihood":"categorical"}"#
        let generator = try RandomGenerator(seed: 12)
        let model = try NetworkSpecification(json: Data(json.utf8)).makeNetwork(
            dtype: .float64, using: generator)
        let x = Tensor.normal([1, 2, 2, 2], dtype: .float64, using: generator)
        let y = Tensor([1] as [Int64], shape: [1])
        let estimator = try CurvatureEstimator(of: model)
        let full = try #require(
            try estimator.estimate(
                [.full(.exact)], of: Objective(Categorical(logits: model(x)), observing: y)
            ).full(.exact))
        let found = try #require(
            try estimator.estimate(
                [.kronecker(.exact)], of: Objective(Categorical(logits: model(x)), observing: y)
            ).kronecker(.exact))
        #expect(found.uncovered.isEmpty)
        let factors = try #require(found.layers[ParameterPath("0")])
        let (a, s) = (try factors.a.scalars(as: Double.self), try factors.s.scalars(as: Double.self))
        let matrix = try full.mean.scalars(as: Double.self)
        // 24 weights, row-major by output, then 3 biases; the bias is the factors' ninth input.
        func place(_ out: Int, _ input: Int) -> Int { input < 8 ? out * 8 + input : 24 + out }
        for o in 0..<3 {
            for p in 0..<3 {
                for i in 0..<9 {
                    for j in 0..<9 {
                        let expected = matrix[place(o, i) * 27 + place(p, j)]
                        #expect(abs(s[o * 3 + p] * a[i * 9 + j] - expected) < 1e-12)
                    }
                }
            }
        }
    }

    @Test func aBatchNormInTrainingIsRefused() throws {
        let (model, batch) = try Self.make(5)
        model.setTraining(true)
        let estimator = try CurvatureEstimator(of: model)
        let error = #expect(throws: CurvatureError.self) {
            try #require(
                try estimator.estimate(
                    [.diagonal(.empirical)],
                    of: Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
                ).diagonal(.empirical))
        }
        #expect(error?.description.contains("setTraining(false)") == true)
    }
}
