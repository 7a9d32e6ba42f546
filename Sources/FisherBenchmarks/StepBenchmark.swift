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
    private let tokensPerUnit: Int?
    private let steps: Int
    private var subjects: [(label: String, optimizer: Optimizer, subject: StepSubject)] = []
    /// What was asked for and cannot be timed on this processor.
    private var unmeasured: [String] = []
    private let processes: ProcessGroup?

    /// Binds rules to copies of a network, and makes their first steps.
    ///
    /// - Parameters:
    ///   - candidates: the optimizers; ratios are to the first one.
    ///   - network: the network.
    ///   - units: the units of a batch; by default the network's usual number.
    ///   - execution: which execution of the rules is timed.
    ///   - precisions: the precisions of matrix products in which every optimizer is timed. Without a processor's
    ///     instructions for it bfloat16 is only named in the result.
    ///   - steps: the steps of a turn.
    ///   - processes: the processes that share the batch, each of which makes the same measurements.
    public convenience init(
        _ candidates: [OptimizerCandidate], on network: StepNetwork, batch units: Int? = nil,
        execution: Execution = .automatic, precisions: [ComputePrecision] = [.float32], steps: Int = 10,
        sharedBy processes: ProcessGroup? = nil
    ) throws {
        let units = units ?? network.usualBatch
        try self.init(
            candidates, network.name, batch: units, of: network.unit, network.tokensPerUnit, execution,
            precisions, steps, processes, try network.prepare(units))
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
    ///   - precisions: the precisions of matrix products in which every optimizer is timed.
    ///   - steps: the steps of a turn.
    ///   - processes: the processes that share every batch, each of which makes the same measurements.
    public convenience init(
        _ candidates: [OptimizerCandidate], on task: some TrainingTask, named name: String, batch units: Int,
        of unit: String, execution: Execution = .automatic, precisions: [ComputePrecision] = [.float32],
        steps: Int = 10, sharedBy processes: ProcessGroup? = nil
    ) throws {
        try self.init(candidates, name, batch: units, of: unit, nil, execution, precisions, steps, processes)
        {
            try StepSubject(task)
        }
    }

    private init(
        _ candidates: [OptimizerCandidate], _ name: String, batch: Int, of unit: String,
        _ tokensPerUnit: Int?, _ execution: Execution, _ precisions: [ComputePrecision], _ steps: Int,
        _ processes: ProcessGroup?,
        _ subject: () throws -> StepSubject
    ) throws {
        self.processes = processes
        (self.name, self.unit, self.batch, self.steps) = (name, unit, batch, steps)
        self.tokensPerUnit = tokensPerUnit
        for precision in precisions {
            for candidate in candidates {
                let label = candidate.label + (precision == .float32 ? "" : ", \(precision.rawValue)")
                if precision == .bfloat16, Bfloat16Instructions.found.isEmpty {
                    unmeasured.append(label)
                    continue
                }
                let subject = try subject()
                let optimizer = try candidate.optimizer(for: subject.model, execution: execution)
                optimizer.precision = precision
                optimizer.processes = processes
                subjects.append((label, optimizer, subject))
                _ = try measure(subjects.count - 1, repetitions: 1)
            }
        }
        if subjects.isEmpty, let complaint = Bfloat16Instructions.complaint() {
            throw ConfigurationError("not measurable here: \(complaint)")
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
            let rule = times.spread(of: position) { $0.statistics + $0.update }
            let ratio = times.ratios(of: position, \.total)
            return StepTimings.Result(
                optimizer: subjects[position].label, milliseconds: 1000 * whole.median,
                fastest: 1000 * whole.lowest, slowest: 1000 * whole.highest,
                dataMilliseconds: milliseconds(\.data), gradientMilliseconds: milliseconds(\.gradient),
                statisticsMilliseconds: milliseconds(\.statistics),
                updateMilliseconds: milliseconds(\.update), ruleMilliseconds: 1000 * rule.median,
                ruleFastest: 1000 * rule.lowest, ruleSlowest: 1000 * rule.highest,
                ratio: ratio.median, lowerQuartile: ratio.lowerQuartile, upperQuartile: ratio.upperQuartile,
                stateBytes: subjects[position].optimizer.stateByteCount)
        }
        return StepTimings(
            network: name, unit: unit, batch: batch, tokensPerUnit: tokensPerUnit, threads: machine.threads,
            turns: times.samples[0].count, steps: steps,
            processor: machine.processorName, engine: machine.engineVersion, results: results,
            unmeasured: unmeasured.isEmpty ? nil : unmeasured, processes: processes?.size,
            // What the other processes compute is no load by others.
            load: processes == nil ? times.load : nil)
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
