import Fisher
import FisherTraining

/// The seconds that whole training steps took on average, and their parts.
public struct StepSeconds: Codable, Hashable, Sendable {
    /// Making the batch.
    public var data = 0.0
    /// The forward and the backward pass.
    public var gradient = 0.0
    /// Computing further statistics for the rule.
    public var statistics = 0.0
    /// The rule and the writing of the parameters.
    public var update = 0.0

    /// All of it.
    public var total: Double { data + gradient + statistics + update }
}

/// Optimizers on copies of one model, each with its own weights, whose whole training steps are timed in turns.
public final class StepBenchmark: InterleavedBenchmark {
    private let name: String
    private let unit: String
    private let batch: Int
    private let steps: Int
    private let labels: [String]
    private var subjects: [(optimizer: Optimizer, subject: StepSubject)] = []

    /// Binds rules to copies of a network, and makes their first steps.
    ///
    /// - Parameters:
    ///   - candidates: the optimizers; ratios are to the first one.
    ///   - network: the network.
    ///   - units: the units of a batch; by default the network's usual number.
    ///   - execution: which execution of the rules is timed.
    ///   - steps: the steps of a turn.
    public convenience init(
        _ candidates: [OptimizerCandidate], on network: StepNetwork, batch units: Int? = nil,
        execution: Execution = .automatic, steps: Int = 10
    ) throws {
        let units = units ?? network.usualBatch
        try self.init(
            candidates, network.name, batch: units, of: network.unit, execution, steps,
            try network.prepare(units))
    }

    /// Binds rules to a task's model and batches, both of the seed 0, and makes their first steps.
    ///
    /// - Parameters:
    ///   - candidates: the optimizers; ratios are to the first one.
    ///   - task: the task.
    ///   - name: the task's name in the result.
    ///   - units: the units of a batch, for the result.
    ///   - unit: what they are called.
    ///   - execution: which execution of the rules is timed.
    ///   - steps: the steps of a turn.
    public convenience init(
        _ candidates: [OptimizerCandidate], on task: some TrainingTask, named name: String, batch units: Int,
        of unit: String, execution: Execution = .automatic, steps: Int = 10
    ) throws {
        try self.init(candidates, name, batch: units, of: unit, execution, steps) { try StepSubject(task) }
    }

    private init(
        _ candidates: [OptimizerCandidate], _ name: String, batch: Int, of unit: String,
        _ execution: Execution, _ steps: Int, _ subject: () throws -> StepSubject
    ) throws {
        (self.name, self.unit, self.batch, self.steps) = (name, unit, batch, steps)
        labels = candidates.map(\.label)
        for (position, candidate) in candidates.enumerated() {
            let subject = try subject()
            subjects.append((try candidate.optimizer(for: subject.model, execution: execution), subject))
            _ = try measure(position, repetitions: 1)
        }
    }

    /// The number of optimizers.
    public var candidateCount: Int { subjects.count }

    /// The number of the model's parameters.
    public var parameterCount: Int { subjects.first?.optimizer.parameterCount ?? 0 }

    /// The steps of a turn.
    public var repetitions: Int { steps }

    /// The seconds of a step on average over some steps.
    public func measure(_ position: Int, repetitions: Int) throws -> StepSeconds {
        var sums = StepSeconds()
        let share = Double(max(repetitions, 1))
        for _ in 0..<repetitions {
            let (report, data) = try subjects[position].subject.step(subjects[position].optimizer)
            sums.data += data / .seconds(1) / share
            sums.statistics += report.statisticsTime / .seconds(1) / share
            sums.gradient += (report.gradientTime - report.statisticsTime) / .seconds(1) / share
            sums.update += report.updateTime / .seconds(1) / share
        }
        return sums
    }

    /// The seconds of a whole step.
    public func seconds(_ sample: StepSeconds) -> Double { sample.total }

    /// Gathers the times.
    public func result(
        of times: InterleavedTimes<StepSeconds>, on machine: EnvironmentSummary
    ) throws -> StepTimings {
        let results = subjects.indices.map { position in
            func milliseconds(_ part: (StepSeconds) -> Double) -> Double {
                1000 * times.spread(of: position, part).median
            }
            let whole = times.spread(of: position, \.total)
            let ratio = times.ratios(of: position, \.total)
            return StepTimings.Result(
                optimizer: labels[position], milliseconds: 1000 * whole.median,
                fastest: 1000 * whole.lowest, slowest: 1000 * whole.highest,
                dataMilliseconds: milliseconds(\.data), gradientMilliseconds: milliseconds(\.gradient),
                statisticsMilliseconds: milliseconds(\.statistics),
                updateMilliseconds: milliseconds(\.update),
                ratio: ratio.median, lowerQuartile: ratio.lowerQuartile, upperQuartile: ratio.upperQuartile,
                stateBytes: subjects[position].optimizer.stateByteCount)
        }
        return StepTimings(
            network: name, unit: unit, batch: batch, threads: machine.threads, turns: times.samples[0].count,
            steps: steps,
            processor: machine.processorName, engine: machine.engineVersion, results: results,
            load: times.load)
    }
}

extension OptimizerCandidate {
    /// The optimizer bound to a model.
    fileprivate func optimizer(for model: some Module, execution: Execution) throws -> Optimizer {
        try Optimizer(
            for: model, groups: rule.groups(for: model), clipGradientNorm: clipGradientNorm,
            execution: execution)
    }
}

/// The times of whole training steps of one model with several optimizers.
public struct StepTimings: StudyDocument {
    /// One optimizer; times are medians over the turns, in milliseconds.
    public struct Result: Codable, Sendable {
        /// The optimizer's label.
        public let optimizer: String
        /// The whole step.
        public let milliseconds: Double
        /// The whole step in the fastest turn.
        public let fastest: Double
        /// The whole step in the slowest turn.
        public let slowest: Double
        /// Making the batch.
        public let dataMilliseconds: Double
        /// The forward and the backward pass.
        public let gradientMilliseconds: Double
        /// Computing further statistics for the rule.
        public let statisticsMilliseconds: Double
        /// The rule and the writing of the parameters.
        public let updateMilliseconds: Double
        /// The whole step over the first optimizer's within a turn, the median over the turns.
        public let ratio: Double
        /// Where the middle half of the ratios begins.
        public let lowerQuartile: Double
        /// Where the middle half of the ratios ends.
        public let upperQuartile: Double
        /// The bytes of the state.
        public let stateBytes: Int
    }

    /// The network's name.
    public let network: String
    /// What a batch counts; nil in files of former versions.
    public let unit: String?
    /// The units of a batch.
    public let batch: Int
    /// The number of threads that computed.
    public let threads: Int
    /// The number of turns.
    public let turns: Int
    /// The steps of a turn.
    public let steps: Int
    /// The processor as the system names it.
    public let processor: String
    /// The version of libtorch.
    public let engine: String
    /// One result per candidate.
    public let results: [Result]
    /// What else the machine did meanwhile; nil where it is not known, and in files of former versions.
    public var load: MachineLoad?

    /// The name of the document in messages.
    public static let kind = "a result of fisher bench step"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// The timed subject and the machine.
    public var title: String {
        "\(network): batch \(batch)\(unit.map { " \($0)s" } ?? ""), \(threads) threads, \(turns) turns of \(steps) steps"
    }

    /// One row per optimizer.
    public var overview: StudyTable {
        StudyTable(
            results,
            [
                StudyColumn(["optimizer"], key: "optimizer", .left) { .init($0.optimizer) },
                .number(["ms per step"] + load.marks, key: "step_ms", decimals: 2, \.milliseconds),
                .number(["fastest"], key: "fastest_ms", decimals: 2, \.fastest),
                .number(["slowest"], key: "slowest_ms", decimals: 2, \.slowest),
                .number(["data"], key: "data_ms", decimals: 2, \.dataMilliseconds),
                .number(["passes"], key: "passes_ms", decimals: 2, \.gradientMilliseconds),
                .number(["statistics"], key: "statistics_ms", decimals: 2, \.statisticsMilliseconds),
                .number(["update"], key: "update_ms", decimals: 2, \.updateMilliseconds),
                .number(["ratio"], key: "ratio", decimals: 2, \.ratio),
                .field("ratio_lower_quartile", number: \.lowerQuartile),
                .field("ratio_upper_quartile", number: \.upperQuartile),
                StudyColumn(["middle half"]) {
                    let text = NumberText.plain
                    return .init(
                        text.fixed($0.lowerQuartile, decimals: 2) + "-"
                            + text.fixed($0.upperQuartile, decimals: 2))
                },
                .number(["state, MB"], key: "state_mb", decimals: 1) { Double($0.stateBytes) / 1e6 },
            ])
    }

    /// The meaning of the columns.
    public var legend: String {
        "Times are medians over the turns, in milliseconds; a ratio is the median over the turns of that to the first "
            + "optimizer within a turn." + load.remark
    }
}
