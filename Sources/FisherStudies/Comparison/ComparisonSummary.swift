import Foundation

/// The contents of a comparison's table: one row per optimizer, and what may be said of them.
public struct ComparisonSummary: Sendable, Hashable, Encodable {
    /// One optimizer's numbers over its seeds.
    public struct Row: Sendable, Hashable, Encodable {
        /// The optimizer's name.
        public let label: String
        /// The final validation losses of the completed runs, in nats for each unit; nil if none completed.
        public let finalLoss: SampleSummary?
        /// The standard error of the final loss over parts of the validation data; nil where they were not recorded.
        public let validationError: Double?
        /// The difference to the first optimizer; nil for the first itself and if no seed is common.
        public let contrast: BaselineContrast?
        /// The mean final loss over that of the first optimizer; nil for the first itself.
        public let relativeLoss: Double?
        /// The steps and time to reach the first optimizer's final loss; nil for the first itself.
        public let reach: LossReach?
        /// The steps and time to the target; nil without a target.
        public let target: LossReach?
        /// The steps to the target over those of the first optimizer; nil unless all runs of both reached it.
        public let targetSteps: LossReach.Ratio?
        /// The seconds to the target over those of the first optimizer.
        public let targetSeconds: LossReach.Ratio?
        /// Milliseconds of forward and backward pass in a step: those that were taken alone after runs side by side, otherwise
        /// the median over runs of the runs' medians.
        public let forwardBackwardMilliseconds: Double?
        /// The same of the optimizer.
        public let optimizerMilliseconds: Double?
        /// What else the machine did while these times were taken, in the run where it did most; nil where it is not known.
        public let load: MachineLoad?
        /// How many runs were made at one time while these times were taken; nil if each was alone.
        public let sideBySide: Int?
        /// The number of steps that were timed alone after runs side by side; nil if these are the times of the runs.
        public let stepsTimedAlone: Int?
        /// Bytes of optimizer state, the largest over the runs.
        public let stateBytes: Int
        /// The number of runs recorded.
        public let runCount: Int
        /// The number of runs that completed with a finite loss.
        public let completedCount: Int
        /// The number of runs that diverged, or completed with a loss that is not finite.
        public let divergedCount: Int
        /// The number of runs that ended before their last step.
        public let interruptedCount: Int
    }

    /// The name of the unit of a loss.
    public let lossUnit: String
    /// What a step's examples are, in the plural.
    public let examples: String
    /// The number of trained parameters.
    public let parameterCount: Int
    /// What was trained on, on which alone the conclusion holds; nil if it is not named.
    public let data: String?
    /// What was to be decided, and how.
    public let plan: ComparisonPlan
    /// The optimizers in the order of the comparison.
    public let rows: [Row]
    /// The index of the optimizer with the lowest mean loss; nil for fewer than three seeds, which call none best.
    ///
    /// If some optimizer completed every run, only such optimizers are considered: the mean over the
    /// remaining runs would reward diverging on the harder seeds.
    public let bestIndex: Int?
    /// The index of the next one after the best, under the same condition.
    public let runnerUpIndex: Int?
    /// The differences of all pairs without the first optimizer.
    public let pairs: [PairContrast]
    /// What a pilot's runs say about the number of seeds; nil if they are the comparison itself.
    public let pilot: PilotSummary?
    /// The chosen options that lie at an edge of what was tried, with the optimizers.
    public let openEdges: [OpenEdge]

    /// What the runs are judged by besides the loss, in the order of the task.
    public let measures: [MeasureSummary]

    /// How options were tuned beforehand.
    public let tuning: [TuningRecord]
    /// The largest number of steps of each optimizer's completed runs, if they differ.
    let lengths: [Int]

    /// A tuned option whose best value lies at the edge of what was tried.
    public struct OpenEdge: Sendable, Hashable, Encodable {
        /// The optimizer.
        public let label: String
        /// The option and its best value.
        public let setting: Setting
    }

    private enum CodingKeys: String, CodingKey {
        case lossUnit, parameterCount, data, plan, rows, bestIndex, runnerUpIndex, pairs, pilot, openEdges,
            examples, measures
    }

    /// Summarizes a comparison.
    public init(of result: OptimizerComparison) {
        let plan = result.plan ?? ComparisonPlan()
        self.plan = plan
        tuning = result.tuning ?? []
        openEdges = tuning.flatMap { record in
            record.edges.map { OpenEdge(label: record.label, setting: $0) }
        }
        lossUnit = result.task.lossUnit
        examples = result.task.examples
        measures = MeasureSummary.all(of: result.entries)
        parameterCount = result.task.parameterCount
        data = result.task.data
        let contrasts = ComparisonContrasts(result.entries, plan)
        pairs = contrasts.pairs
        let rows = result.entries.indices.map { Row($0, of: result.entries, plan, contrasts) }
        self.rows = rows
        let ranking = Self.ranking(rows)
        let seeds = ranking.first.flatMap { rows[$0].finalLoss?.count } ?? 0
        let namesBest = seeds >= ComparisonPlan.fewestSeeds && plan.pilot == nil
        bestIndex = namesBest ? ranking.first : nil
        runnerUpIndex = namesBest ? ranking.dropFirst().first : nil
        pilot = plan.pilot.flatMap { PilotSummary(of: result, $0, variances: plan.variances) }
        lengths = Set(
            result.entries.flatMap(\.runs).filter { $0.completedLoss != nil }.compactMap {
                $0.curve.last?.step
            }
        ).sorted()
    }

    /// What the tables say, as JSON: the contents of `summary.json`.
    public func json() -> Data {
        StoredJSON.encode(Printed(summary: self, headline: headline, warnings: warnings, legend: legend))
    }

    /// The numbers with the sentences.
    private struct Printed: Encodable {
        let summary: ComparisonSummary
        let headline: String
        let warnings: [String]
        let legend: String
    }

    /// Bits for each unit that a loss in nats amounts to.
    public static func bits(fromNats loss: Double) -> Double { loss / log(2) }

    /// The perplexity of a loss in nats.
    public static func perplexity(fromNats loss: Double) -> Double { exp(loss) }

    /// The difference of a pair of optimizers, whichever is named first; nil if one of them is the first optimizer.
    func pair(_ index: Int, _ reference: Int) -> PairContrast? {
        pairs.first { ($0.index, $0.reference) == (max(index, reference), min(index, reference)) }
    }

    /// The rows from the lowest mean loss upwards, those with failed runs left out unless all have some.
    private static func ranking(_ rows: [Row]) -> [Int] {
        let scored = rows.indices.filter { rows[$0].finalLoss != nil }
        let whole = scored.filter { rows[$0].completedCount == rows[$0].runCount }
        return (whole.isEmpty ? scored : whole).sorted { left, right in
            (rows[left].finalLoss?.mean ?? .infinity, left) < (
                rows[right].finalLoss?.mean ?? .infinity, right
            )
        }
    }
}

extension ComparisonSummary.Row {
    /// The signs behind times that were taken on a busy machine, or beside other runs.
    package var timeMark: String {
        let marks =
            (load?.isBusy == true ? MachineLoad.mark : "")
            + (sideBySide == nil ? "" : RunRecord.sideBySideMark)
        return marks.isEmpty ? "" : " " + marks
    }

    init(
        _ index: Int, of entries: [OptimizerEntry], _ plan: ComparisonPlan, _ contrasts: ComparisonContrasts
    ) {
        let entry = entries[index]
        let reference = index == 0 ? nil : entries.first
        let completed = entry.runs.filter { $0.completedLoss != nil }
        let interrupted = entry.runs.filter { if case .interrupted = $0.status { true } else { false } }
        // A run that stopped early has few steps to time; it is used only if there is no other.
        let timed = completed.isEmpty ? entry.runs : completed
        label = entry.label
        finalLoss = SampleSummary(completed.compactMap(\.completedLoss))
        validationError = ValidationNoise.error(entry)
        let contrast = contrasts.toBaseline[index]
        self.contrast = contrast
        let pairs = contrast?.difference.pairs.map(\.seed) ?? []
        let sums = [entry, reference].compactMap { $0 }.map { side in
            pairs.reduce(0) { $0 + (side.finalLosses[$1] ?? 0) }
        }
        relativeLoss = sums.count == 2 && sums[1] > 0 ? sums[0] / sums[1] : nil
        reach = reference.flatMap { reference in
            let losses = reference.finalLosses
            return LossReach(of: entry) { losses[$0] }
        }
        let target = plan.target.flatMap { loss in LossReach(of: entry) { _ in loss } }
        let own = { (seeds: Int) in
            BaselineTest(comparisons: max(1, entries.count - 1), seeds: seeds, level: ComparisonPlan.level)
        }
        let first = reference.flatMap { reference in
            plan.target.flatMap { loss in LossReach(of: reference) { _ in loss } }
        }
        self.target = target
        targetSteps = first.flatMap { target?.ratio(to: $0, of: \.steps, test: own) }
        targetSeconds = first.flatMap { target?.ratio(to: $0, of: \.seconds, test: own) }
        let alone = entry.timing
        forwardBackwardMilliseconds =
            alone?.forwardBackwardMilliseconds
            ?? SampleSummary.median(timed.map(\.forwardBackwardMilliseconds))
        optimizerMilliseconds =
            alone?.optimizerMilliseconds ?? SampleSummary.median(timed.map(\.optimizerMilliseconds))
        load = alone.map(\.load) ?? timed.map(\.load).reduce(nil, MachineLoad.heavier)
        sideBySide = alone == nil ? timed.compactMap(\.sideBySide).max() : nil
        stepsTimedAlone = alone?.steps
        stateBytes = entry.runs.map(\.stateBytes).max() ?? 0
        runCount = entry.runs.count
        completedCount = completed.count
        interruptedCount = interrupted.count
        divergedCount = entry.runs.count - completed.count - interrupted.count
    }
}
