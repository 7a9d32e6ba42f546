import Fisher
import FisherInformation
import NeuralNet
import Testing
import Torch

/// Rules on networks whose batch normalization is in training.
@Suite struct BatchNormRulesTests {
    /// A residual network of one block with a shortcut: 4 convolutions and as many normalizations.
    static func network(dtype: DType = .float32) throws -> Sequential {
        func convolution(_ inputs: Int, _ outputs: Int, stride: Int = 1) -> Conv2d.Description {
            Conv2d.Description(
                inputs: inputs, outputs: outputs, kernel: [3, 3], stride: [stride, stride], padding: [1, 1],
                bias: false)
        }
        let layers: [any LayerDescription] = [
            convolution(1, 2), BatchNorm.Description(channels: 2), ReLU.Description(),
            Residual.Description(
                [
                    convolution(2, 3, stride: 2), BatchNorm.Description(channels: 3), ReLU.Description(),
                    convolution(3, 3), BatchNorm.Description(channels: 3),
                ],
                shortcut: [
                    Conv2d.Description(
                        inputs: 2, outputs: 3, kernel: [1, 1], stride: [2, 2], bias: false),
                    BatchNorm.Description(channels: 3),
                ]),
            ReLU.Description(), AdaptiveAveragePool2d.Description(size: 1), Flatten.Description(),
            Linear.Description(inputs: 3, outputs: 3),
        ]
        return try NetworkSpecification(layers: layers, likelihood: "categorical")
            .makeNetwork(dtype: dtype, using: try RandomGenerator(seed: 1))
    }

    static func batch(_ count: Int = 12, dtype: DType = .float32) throws -> SupervisedBatch {
        let labels = (0..<count).map { Int64($0 % 3) }
        let noise = Tensor.normal([count, 1, 8, 8], dtype: dtype, using: try RandomGenerator(seed: 5))
        let shift = Tensor(labels.map(Double.init), shape: [count, 1, 1, 1]).to(dtype: dtype)
        return SupervisedBatch(inputs: noise + shift, targets: Tensor(labels, shape: [count]))
    }

    /// Every rule takes steps, and none of them is not finite.
    @Test(arguments: RuleRegistry.rules.map { $0.summary.name })
    func everyRuleTakesSteps(_ name: String) throws {
        let (model, batch) = (try Self.network(), try Self.batch())
        var rule = try RuleRegistry.rule(named: name)
        rule.learningRate = .constant(1e-3)
        let optimizer = try Optimizer(for: model, rule)
        for _ in 0..<2 {
            let report = try optimizer.step(on: batch) {
                try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
            }
            #expect(report.loss.isFinite)
        }
    }

    @Test(arguments: [("kfac", 0.03), ("ekfac", 0.03), ("adafisher", 0.01)])
    func theLossFalls(_ name: String, rate: Double) throws {
        let (model, batch) = (try Self.network(), try Self.batch())
        var rule = try RuleRegistry.rule(named: name)
        rule.learningRate = .constant(rate)
        let optimizer = try Optimizer(for: model, rule)
        var losses: [Double] = []
        for _ in 0..<20 {
            losses.append(
                try optimizer.step(on: batch) {
                    try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
                }.loss)
        }
        #expect(losses[19] < 0.6 * losses[0], "\(losses)")
    }

    /// Two layers behind a convolution: with the batch's own statistics as running ones, evaluation computes what training
    /// computes, and whatever lies above the statistics has the same gradients by unit.
    @Test func contributionsAreTheGradientsWhereTheStatisticsAreHeldFixed() throws {
        let generator = try RandomGenerator(seed: 3)
        let norm = BatchNorm(3, dtype: .float64)
        let model = Sequential(
            Conv2d(1, 3, kernel: 3, dtype: .float64, using: generator), norm, ReLU(), Flatten(),
            Linear(3 * 36, 4, dtype: .float64, using: generator))
        let inputs = Tensor.normal([6, 1, 8, 8], dtype: .float64, using: generator)
        let targets = Tensor((0..<6).map { Int64($0 % 4) }, shape: [6])
        func objective() throws -> Objective {
            try Objective(Categorical(logits: model(inputs)), observing: targets)
        }
        let requests: [CurvatureRequest] = [.diagonal(.empirical), .kronecker(.empirical)]
        let training = try CurvatureEstimator(of: model, for: nil, takesContributions: true)
            .estimate(requests, of: objective())

        let hidden = withoutGradients { model.layers[0](inputs) }
        let flat = hidden.transposed(0, 1).flattened(from: 1)
        let mean = flat.mean(along: 1)
        try norm.$runningMean.assign(mean)
        try norm.$runningVariance.assign((flat - mean.unsqueezed(1)).squared().mean(along: 1))
        model.setTraining(false)
        let fixed = try CurvatureEstimator(of: model).estimate(requests, of: objective())
        for path in ["1.weight", "1.bias", "4.weight", "4.bias"] {
            let mine = try #require(training.diagonal(.empirical)?.mean[ParameterPath(path)])
            let exact = try #require(fixed.diagonal(.empirical)?.mean[ParameterPath(path)])
            #expect(try (mine - exact).squared().max().item() < 1e-24, "\(path)")
        }
        let (mine, exact) = (
            try #require(training.kronecker(.empirical)?.layers[ParameterPath("4")]),
            try #require(fixed.kronecker(.empirical)?.layers[ParameterPath("4")])
        )
        #expect(try (mine.a - exact.a).squared().max().item() < 1e-24)
        #expect(try (mine.s - exact.s).squared().max().item() < 1e-24)
        // Below the statistics the gradients differ: there the units are coupled.
        let below = ParameterPath("0.weight")
        let (first, second) = (
            try #require(training.diagonal(.empirical)?.mean[below]),
            try #require(fixed.diagonal(.empirical)?.mean[below])
        )
        #expect(try (first - second).squared().max().item() > 1e-12)
    }

    /// In chunks of units too: the statistics are those of the whole batch.
    @Test func contributionsAddUpToTheGradientOfTheBatch() throws {
        let (model, batch) = (try Self.network(dtype: .float64), try Self.batch(dtype: .float64))
        let recorder = ActivationRecorder()
        let loss = try model.capturing(by: recorder) {
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }.negativeLogLikelihood
        let trained = model.parameters.filter(\.parameter.isTrainable)
        let found = try gradients(
            of: loss, withRespectTo: trained.map(\.parameter.wrappedValue) + recorder.uses.map(\.output))
        let slopes = found.dropFirst(trained.count)
        let clusters = LayerCluster.clusters(of: model)
        let layers = Dictionary(
            uniqueKeysWithValues: clusters.flatMap(\.layers).map { ($0.path, $0.layer) })
        var uses: [ParameterPath: [LayerActivation]] = [:]
        for (use, slope) in zip(recorder.uses, slopes) {
            let layer = try #require(layers[use.path])
            uses[use.path] = [
                LayerActivation(
                    input: withoutGradients { layer.captured(use.input) },
                    outputGradient: try #require(slope))
            ]
        }
        let whole = Dictionary(
            uniqueKeysWithValues: zip(trained, found).map { (ObjectIdentifier($0.parameter), $1) })
        for cluster in clusters {
            let parts = [0..<5, 5..<12].map { cluster.unitGradients(uses, units: $0) }
            for (k, parameter) in cluster.parameters.enumerated() {
                let sum = try parts.map { try #require($0[k]).sum(along: 0) }.reduce(
                    Tensor.zeros([1], dtype: .float64), +)
                let gradient = try #require(whole[ObjectIdentifier(parameter)] ?? nil)
                #expect(
                    try (sum - gradient).squared().max().item() < 1e-18
                        * (1 + gradient.squared().max().item()))
            }
        }
    }

    /// A second evaluation of the same batch, for the damping, is not counted in the running averages.
    @Test func runningAveragesMoveOnceAStep() throws {
        func averages(_ name: String) throws -> [Double] {
            let norm = BatchNorm(2, momentum: 0.5)
            let model = Sequential(Linear(3, 2, using: try RandomGenerator(seed: 1)), norm)
            let inputs = Tensor.normal([8, 3], using: try RandomGenerator(seed: 2))
            let targets = Tensor((0..<8).map { Int64($0 % 2) }, shape: [8])
            var rule = try RuleRegistry.rule(named: name)
            rule.learningRate = .constant(0)
            let optimizer = try Optimizer(for: model, rule)
            for _ in 0..<10 {
                try optimizer.step(on: SupervisedBatch(inputs: inputs, targets: targets)) {
                    try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
                }
            }
            return try norm.runningVariance.scalars(as: Double.self)
        }
        // K-FAC adapts its damping every fifth step.
        #expect(try averages("kfac") == averages("sgd"))
    }
}
