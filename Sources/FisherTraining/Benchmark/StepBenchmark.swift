import Fisher

/// A network of a usual size for measurements of whole training steps.
public enum UsualNetwork: String, CaseIterable, Sendable {
    /// 784-512-512-10 with ReLU.
    case mlp
    /// Images 3 x 32 x 32: three 3 x 3 convolutions of 32, 64 and 128 channels, each with ReLU and a maximum pool, and
    /// a linear map to 10 classes.
    case cnn
    /// A byte-level GPT of width 128 with 4 blocks and 4 heads, on sequences of 64.
    case gpt

    /// The batch on which the package's bounds are stated.
    public var usualBatch: Int { self == .gpt ? 32 : 128 }

    /// The model with its logits, and a batch drawn from a seed.
    func make(batch: Int) throws -> (model: any Module, batch: SupervisedBatch, logits: (Tensor) -> Tensor) {
        let generator = try RandomGenerator(seed: 1)
        let classes = Tensor((0..<batch).map { Int64($0 % 10) }, shape: [batch])
        switch self {
        case .mlp:
            let model = Sequential([
                Linear(784, 512, using: generator), ReLU(), Linear(512, 512, using: generator), ReLU(),
                Linear(512, 10, using: generator),
            ])
            let inputs = Tensor.normal([batch, 784], using: generator)
            return (model, SupervisedBatch(inputs: inputs, targets: classes), { model($0) })
        case .cnn:
            var layers: [any UnaryLayer] = []
            for (inputs, outputs) in [(3, 32), (32, 64), (64, 128)] {
                layers += [
                    Conv2d(inputs, outputs, kernel: 3, padding: 1, using: generator), ReLU(),
                    MaxPool2d(kernel: 2),
                ]
            }
            let model = Sequential(layers + [Flatten(), Linear(2048, 10, using: generator)])
            let inputs = Tensor.normal([batch, 3, 32, 32], using: generator)
            return (model, SupervisedBatch(inputs: inputs, targets: classes), { model($0) })
        case .gpt:
            let model = GPT(.init(context: 64, width: 128, layers: 4, heads: 4), using: generator)
            let tokens = Tensor((0..<batch * 64).map { Int64($0 * 7 % 256) }, shape: [batch, 64])
            let next = Tensor((0..<batch * 64).map { Int64(($0 + 1) * 7 % 256) }, shape: [batch, 64])
            return (model, SupervisedBatch(inputs: tokens, targets: next), { model($0) })
        }
    }
}

/// The seconds that whole training steps took on average, and their parts.
public struct StepSeconds: Sendable {
    /// All of it.
    public var total = 0.0
    /// The forward and the backward pass.
    public var gradient = 0.0
    /// What was gathered for the rule besides.
    public var statistics = 0.0
    /// The rule and the writing of the parameters.
    public var update = 0.0
}

/// One network with its own weights and optimizer, to be timed in turns with others.
public final class StepBenchmark {
    private let batch: SupervisedBatch
    private let logits: (Tensor) -> Tensor
    /// The optimizer, after its first step.
    public let optimizer: Optimizer

    /// Binds a rule to a network, and makes the first step.
    public init(
        _ network: UsualNetwork, batch: Int, _ rule: any OptimizationRule,
        clipGradientNorm: Double? = nil,
        execution: Execution = .automatic
    ) throws {
        let made = try network.make(batch: batch)
        (self.batch, logits) = (made.batch, made.logits)
        optimizer = try Optimizer(
            for: made.model, rule, clipGradientNorm: clipGradientNorm, execution: execution)
        _ = try step()
    }

    private func step() throws -> StepReport {
        try optimizer.step(on: batch) { batch in
            try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
        }
    }

    /// The seconds of a step on average over some steps.
    public func seconds(steps: Int) throws -> StepSeconds {
        let clock = ContinuousClock()
        var sums = StepSeconds()
        for _ in 0..<steps {
            let begin = clock.now
            let report = try step()
            let share = Double(steps)
            sums.total += begin.duration(to: clock.now) / .seconds(1) / share
            sums.statistics += report.statisticsTime / .seconds(1) / share
            sums.gradient += (report.gradientTime - report.statisticsTime) / .seconds(1) / share
            sums.update += report.updateTime / .seconds(1) / share
        }
        return sums
    }
}
