import Fisher
import FisherTraining

/// How often one must try: geometric counts whose chance of success depends on two numbers, learned by a small network.
public struct WaitingTask: ConfigurableTask {
    /// The options of data and model.
    public struct Options: ConfigurableOptions {
        /// Samples in a step.
        @Configurable("data.batch", .between(1, 512), "samples in a step")
        public var batch = 64
        /// The seed of the samples.
        @Configurable("data.seed", .nonNegative, "seed of the samples")
        public var seed = 0
        /// The width of the hidden layer.
        @Configurable("model.width", .atLeast(1), "width of the hidden layer")
        public var width = 32

        /// The defaults.
        public init() {}
    }

    public static let name = "waiting"
    public static let subject = "a small network that predicts how often one must try"
    public static let presets = [
        ConfigurationPreset("quick", ["training.steps": "200", "optimizer.learning_rate": "0.03"])
    ]
    public static var smallestPreset: String? { "quick" }

    private let options: Options
    private let training: SupervisedBatch
    private let test: SupervisedBatch

    public init(_ options: Options) throws { try self.init(options, seed: options.seed) }

    private init(_ options: Options, seed: Int) throws {
        self.options = options
        training = try Self.samples(512, seed: 2 * UInt64(seed))
        test = try Self.samples(256, seed: 2 * UInt64(seed) + 1)
    }

    /// Samples of other seeds: what tunes must not see what compares.
    public func tuningTask() throws -> WaitingTask {
        try WaitingTask(options, seed: options.seed + 1_000_000)
    }

    /// Points x [count, 2] in [-1, 1] and counts of the chance sigmoid(2 tanh(3 x_1 x_2)), [count, 1].
    static func samples(_ count: Int, seed: UInt64) throws -> SupervisedBatch {
        let generator = try RandomGenerator(seed: seed)
        let points = Tensor.uniform([count, 2], using: generator) * 2 - 1
        let product = points.narrowed(1, from: 0, length: 1) * points.narrowed(1, from: 1, length: 1)
        let counts = Geometric(logits: (product * 3).tanh() * 2).sample(using: generator)
        return SupervisedBatch(inputs: points, targets: counts)
    }

    public var batch: Int { options.batch }
    public var examplesPerStep: Int { options.batch }
    public var dataFingerprint: String { "waiting \(options.seed)" }
    public var modelMetadata: [String: String] { ["width": "\(options.width)"] }

    public var summary: TaskSummary {
        TaskSummary(
            name: Self.name, description: "two layers of width \(options.width) on 512 waiting times",
            parameterCount: 3 * options.width, lossUnit: "sample",
            settings: [Setting("batch", "\(options.batch) samples")])
    }

    public func makeModel(seed: UInt64) throws -> WaitingNetwork {
        WaitingNetwork(width: options.width, using: try RandomGenerator(seed: seed))
    }

    public func makeBatches(seed: UInt64) throws -> ShuffledBatches {
        try ShuffledBatches(
            inputs: training.inputs, targets: training.targets, batchSize: options.batch, seed: seed)
    }

    public func objective(of model: WaitingNetwork, on batch: SupervisedBatch) throws -> Objective {
        try Objective(Geometric(logits: model(batch.inputs)), observing: batch.targets)
    }

    public func validationLoss(of model: WaitingNetwork) throws -> Double {
        let objective = try objective(of: model, on: test)
        return try objective.negativeLogLikelihood.item() / Double(objective.observationCount)
    }
}

/// Two scaled layers with a hyperbolic tangent between them.
public final class WaitingNetwork: Module {
    let hidden: ScaledLinear
    let output: ScaledLinear

    /// Makes the network with first weights from a generator.
    public init(width: Int, using generator: RandomGenerator) {
        hidden = ScaledLinear(2, width, using: generator)
        output = ScaledLinear(width, 1, using: generator)
    }

    /// The logits [samples, 1] of points [samples, 2].
    public func callAsFunction(_ points: Tensor) -> Tensor { output(hidden(points).tanh()) }
}
