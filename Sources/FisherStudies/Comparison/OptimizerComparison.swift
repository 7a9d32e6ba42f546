import Foundation

/// All results of one comparison of optimizers: the runs, their environment and each run's curve.
///
/// It is the content of `results.json`; tables and reports are made from it alone.
public struct OptimizerComparison: Codable, Sendable, Hashable {
    /// The version of the JSON layout.
    public var formatVersion: Int
    /// The task.
    public var task: TaskSummary
    /// The software and hardware it was trained with.
    public var environment: EnvironmentSummary
    /// The optimizers in the order given by the user; the first is what the others are compared to.
    public var entries: [OptimizerEntry]
    /// How options were tuned beforehand; nil if nothing was tuned.
    public var tuning: [TuningRecord]?
    /// What was to be decided, and how; nil in files of former versions, which are read with the defaults.
    public var plan: ComparisonPlan?

    /// Creates the result of a comparison.
    public init(
        task: TaskSummary, environment: EnvironmentSummary, entries: [OptimizerEntry],
        plan: ComparisonPlan? = nil
    ) {
        self.formatVersion = Self.currentFormatVersion
        self.task = task
        self.environment = environment
        self.entries = entries
        self.plan = plan
    }
}

/// One optimizer of a comparison, with the runs it made.
public struct OptimizerEntry: Codable, Sendable, Hashable {
    /// The name shown to readers, for example `adamw + clip 1.0`.
    public var label: String
    /// The rule's own name, for example `adamw`.
    public var rule: String
    /// The resolved options in reading order, defaults included.
    public var options: [Setting]
    /// One run per seed.
    public var runs: [RunRecord]
    /// The times of a step that were taken alone, after runs that were made side by side; nil if there were none, and in files
    /// of former versions.
    public var timing: StepTiming?

    /// Names an optimizer and gives its runs.
    public init(label: String, rule: String, options: [Setting], runs: [RunRecord]) {
        self.label = label
        self.rule = rule
        self.options = options
        self.runs = runs
    }

    /// The final validation losses of the completed runs, by seed; a repeated seed counts once.
    public var finalLosses: [UInt64: Double] {
        var losses: [UInt64: Double] = [:]
        for run in runs {
            if let loss = run.completedLoss, losses[run.seed] == nil { losses[run.seed] = loss }
        }
        return losses
    }
}

extension OptimizerEntry {
    /// The seconds of a step: the median over the intervals between the points of all runs' curves.
    ///
    /// What happens every so many steps has its share in each interval; what the machine did besides for a while moves the
    /// median little. Those of runs that were made side by side are as much shorter as steps that were timed alone.
    package var secondsPerStep: Double? {
        let alone = secondsAlone
        return SampleSummary.median(
            runs.flatMap { run in
                let share = run.sideBySide == nil ? 1 : alone
                return zip(run.curve, run.curve.dropFirst()).compactMap { before, after in
                    let seconds = share * (after.seconds - before.seconds) / Double(after.step - before.step)
                    return after.step > before.step && seconds.isFinite && seconds >= 0 ? seconds : nil
                }
            })
    }

    /// What the seconds of runs that were made side by side are multiplied by to be those of a run alone: the time of a
    /// step alone by that of their steps. 1 where no times were taken alone.
    var secondsAlone: Double {
        let shared = runs.filter { $0.sideBySide != nil }.map {
            $0.forwardBackwardMilliseconds + $0.optimizerMilliseconds
        }
        guard let timing, let usual = SampleSummary.median(shared.filter { $0 > 0 }) else { return 1 }
        let alone = timing.forwardBackwardMilliseconds + timing.optimizerMilliseconds
        return alone > 0 ? alone / usual : 1
    }

    /// The same runs as if every step had taken ``secondsPerStep``: what curves by time, and times to a loss, are made of.
    package var evenlyTimed: OptimizerEntry {
        guard let seconds = secondsPerStep else { return self }
        var entry = self
        for run in entry.runs.indices {
            for point in entry.runs[run].curve.indices {
                entry.runs[run].curve[point].seconds = seconds * Double(entry.runs[run].curve[point].step)
            }
        }
        return entry
    }
}

extension OptimizerComparison: StudyDocument {
    /// The name of the document in messages.
    public static let kind = "a comparison's result"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// One row for each point of each run: optimizer, seed, step, tokens, seconds, training_loss and
    /// validation_loss; where runs were made side by side, side_by_side with their number, 1 for a run alone.
    public var records: StudyTable {
        typealias Row = (label: String, seed: UInt64, point: CurvePoint, sideBySide: Int?)
        let rows = entries.flatMap { entry in
            entry.runs.flatMap { run in
                run.curve.map { (entry.label, run.seed, $0, run.sideBySide) as Row }
            }
        }
        let mark = StudyColumn<Row>.field("side_by_side") { "\($0.sideBySide ?? 1)" }
        return StudyTable(
            rows,
            [
                .field("optimizer") { $0.label }, .field("seed") { "\($0.seed)" },
                .field("step") { "\($0.point.step)" }, .field("tokens") { "\($0.point.tokens)" },
                .field("seconds", number: { $0.point.seconds }),
                .field("training_loss", number: { $0.point.trainingLoss }),
                .field("validation_loss", number: { $0.point.validationLoss }),
            ] + (rows.contains { $0.sideBySide != nil } ? [mark] : []))
    }

    /// One row per optimizer: final losses, differences to the first one, times and memory.
    public var overview: StudyTable { ComparisonSummary(of: self).table }

    /// What the tables say, for programs: `summary.json` and `summary.csv`.
    public var attachments: [(name: String, contents: Data)] {
        let summary = ComparisonSummary(of: self)
        return [("summary.json", summary.json()), ("summary.csv", Data(summary.table.csv().utf8))]
    }

    /// The headline and all tables.
    public func text(width: Int?, usesColor: Bool) -> String {
        ComparisonSummary(of: self).text(width: width, usesColor: usesColor)
    }

    /// The meaning of the table's signs.
    public var legend: String { ComparisonSummary(of: self).legend }

    /// Differences that the seeds do not show, values at the edge of what was tried.
    public var warnings: [String] { ComparisonSummary(of: self).warnings }

    /// Throws for counts, times and texts that no comparison has.
    public func validate() throws(DocumentFault) {
        try task.validate("task")
        try environment.validate("environment")
        try plan?.validate("plan")
        try DocumentLimits.each(entries, "entries") { (entry, place) throws(DocumentFault) in
            try DocumentLimits.requireText(entry.label, limit: DocumentLimits.name, "\(place).label")
            try DocumentLimits.requireText(entry.rule, limit: DocumentLimits.name, "\(place).rule")
            try DocumentLimits.each(entry.options, "\(place).options") {
                (setting, place) throws(DocumentFault) in
                try setting.validate(place)
            }
            try DocumentLimits.each(entry.runs, "\(place).runs") { (run, place) throws(DocumentFault) in
                try run.validate(place)
            }
            try entry.timing?.validate("\(place).timing")
        }
        try DocumentLimits.each(tuning ?? [], "tuning") { (record, place) throws(DocumentFault) in
            try record.validate(place)
        }
    }
}

extension PairedDifference {
    /// Compares an optimizer with a reference over the seeds that both completed; nil if there are none.
    public init?(of entry: OptimizerEntry, to reference: OptimizerEntry) {
        self.init(of: entry.finalLosses, to: reference.finalLosses)
    }
}
