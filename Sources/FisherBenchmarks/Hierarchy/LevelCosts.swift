import Fisher
import FisherTraining

/// What a step of each level costs: on a task's model in steps of plain gradient descent, and over a range of sizes of
/// a network with square layers.
public struct LevelCosts {
    /// Turns in which steps on the task's model are timed.
    public var turns = 7
    /// Whether the range of sizes is measured.
    public var measuresSizes = true
    /// The widths n of the networks n-n-n-10, ascending.
    public var widths = [
        16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048,
    ]
    /// The time of a step, in milliseconds, beyond which no larger size is measured.
    public var mostMilliseconds = 2000.0
    /// The samples in a batch of these networks: few, because the statistics' products with them grow as d or d^2.
    public static let sampleCount = 16

    /// The defaults.
    public init() {}

    /// Measures all levels in turns with each other and with one optimizer of plain gradient descent, which is the first level
    /// of that rule if there is one: every ratio is to the same steps.
    ///
    /// - Parameters:
    ///   - candidates: the levels.
    ///   - task: the task on whose model the steps are timed.
    ///   - seed: the seed of its weights and its batch.
    ///   - progress: called with the share of the work that is done.
    /// - Returns: the costs in the order of the levels, and what else the machine did while the steps were timed.
    public func costs<Task: TrainingTask>(
        of candidates: [HierarchyCandidate], on task: Task, seed: UInt64,
        progress: (_ share: Double) -> Void = { _ in }
    ) throws -> (costs: [LevelCost], load: MachineLoad?) where Task.Batch: SliceableBatch {
        let batch = try {
            var batches = try task.makeBatches(seed: seed); return try batches.next()
        }()
        let reference = candidates.firstIndex { $0.rule is SGD } ?? candidates.count
        let rules = candidates.map(\.rule) + (reference == candidates.count ? [SGD()] : [])
        let subjects = try rules.map { rule in
            let model = try task.makeModel(seed: seed)
            return (model, try Optimizer(for: model, groups: rule.groups(for: model)))
        }
        let weights = subjects.map { FrozenModel<Task>.copiedWeights(of: $0.0) }
        let total = Double(subjects.count * (turns + 1) + (measuresSizes ? candidates.count : 0))
        let times = try InterleavedTimes(
            candidates: subjects.count, turns: turns, progress: { progress(Double($0) / total) }
        ) { position in
            try Interruption.poll()
            let (model, optimizer) = subjects[position]
            let seconds = try elapsedSeconds {
                try optimizer.step(on: batch) { try task.objective(of: model, on: $0) }
            }
            try withoutGradients {
                for (named, value) in zip(model.parameters.filter(\.parameter.isTrainable), weights[position])
                {
                    try named.parameter.wrappedValue.detached().assign(value)
                }
            }
            return 1000 * seconds
        }
        let costs = try candidates.enumerated().map { position, candidate in
            let ratios = times.ratios(of: position, to: reference)
            let sizes = measuresSizes ? try sizes(of: candidate) : []
            progress(Double(subjects.count * (turns + 1) + position + 1) / total)
            return LevelCost(
                milliseconds: times.spread(of: position).median,
                ratioQuartiles: [ratios.lowerQuartile, ratios.median, ratios.upperQuartile],
                stateBytes: subjects[position].1.stateByteCount, sizes: sizes)
        }
        return (costs, times.load)
    }

    /// The costs from the smallest width to the one whose step takes too long, or whose estimate does not fit.
    private func sizes(of candidate: HierarchyCandidate) throws -> [SizeCost] {
        var found: [SizeCost] = []
        for width in widths {
            guard let size = try size(of: candidate, width: width) else { break }
            found.append(size)
            if size.milliseconds > mostMilliseconds { break }
        }
        return found
    }

    /// The cost at one width; nil if the step is refused for its memory.
    private func size(of candidate: HierarchyCandidate, width: Int) throws -> SizeCost? {
        let generator = try RandomGenerator(seed: 0)
        let model = Sequential([
            Linear(width, width, using: generator), Tanh(), Linear(width, width, using: generator), Tanh(),
            Linear(width, 10, using: generator),
        ])
        let inputs = Tensor.normal([Self.sampleCount, width], using: generator)
        let targets = Tensor((0..<Self.sampleCount).map { Int64($0 % 10) }, shape: [Self.sampleCount])
        let batch = SupervisedBatch(inputs: inputs, targets: targets)
        func step(_ optimizer: Optimizer) throws -> StepReport {
            try Interruption.poll()
            return try optimizer.step(on: batch) {
                try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
            }
        }
        let optimizer: Optimizer
        do {
            var rule = candidate.rule
            // The published cost is that of the whole matrix. Repeated steps of length 1 would leave the numbers' range.
            if rule is NaturalGradient { try rule.set("solver", to: "dense") }
            rule.learningRate = 1e-6
            optimizer = try Optimizer(for: model, groups: rule.groups(for: model))
        } catch OptimizerError.tooLarge {
            return nil
        }
        var last: StepReport?
        let bytes = try ResidentMemory.rise { last = try step(optimizer) }
        // The first step pages in what later ones reuse, and is not counted; slow ones are repeated less.
        let first = last.map(Self.ownMilliseconds) ?? 0
        let count = first > 1000 ? 1 : first > 200 ? 3 : 5
        let times = try (0..<count).map { _ in Self.ownMilliseconds(try step(optimizer)) }
        return SizeCost(
            width: width, parameterCount: optimizer.parameterCount,
            milliseconds: SampleSpread(nonempty: times).median, bytes: bytes)
    }

    /// The time of a step without that of the gradient.
    private static func ownMilliseconds(_ report: StepReport) -> Double {
        (report.statisticsTime + report.updateTime) / .milliseconds(1)
    }
}
