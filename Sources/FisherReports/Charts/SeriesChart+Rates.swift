import FisherStudies
import Foundation

extension SeriesChart {
    /// The loss by learning rate, a line for each optimizer: from the trials of its tuning, or from runs of a comparison that
    /// differ in the learning rate alone. Nil if no optimizer was tried with two rates or more.
    ///
    /// Where other options were tried too, the best of them counts at each rate. Whiskers reach from the lowest to the highest
    /// seed; a rate with a run that diverged is a cross at the upper edge. Losses above those of untrained models lie on the
    /// edge.
    static func rates(_ result: OptimizerComparison) -> (chart: SeriesChart, note: String)? {
        let tuned = RateTrials.tuned(result)
        let sweeps = tuned.isEmpty ? RateTrials.compared(result) : tuned
        guard !sweeps.isEmpty else { return nil }
        let series = sweeps.map { sweep in
            Series(
                label: sweep.label, style: SeriesStyle(index: sweep.index),
                points: sweep.points.compactMap { point in
                    guard let summary = point.losses else { return nil }
                    return Point(
                        x: point.rate, y: summary.mean, interval: summary.count > 1 ? summary.range : nil)
                }, failed: sweep.points.filter { $0.losses == nil }.map(\.rate), chosen: sweep.chosen)
        }
        let means = series.flatMap { $0.points.map(\.y) }
        let untrained = result.entries.flatMap(\.runs).compactMap { run in
            run.curve.first.flatMap { $0.step == 0 ? $0.validationLoss : nil }
        }.max()
        let positive = (means.min() ?? 0) > 0
        guard
            let chart = SeriesChart(
                title: "Sensitivity to the learning rate",
                horizontal: Axis(title: "learning rate", isLogarithmic: true),
                vertical: Axis(
                    title: "final loss, nats/\(result.task.lossUnit)",
                    isLogarithmic: positive && (means.max() ?? 0) > 3 * (means.min() ?? 0),
                    ceiling: untrained.map { 1.05 * $0 }), series: series)
        else { return nil }
        var note =
            (tuned.isEmpty
                ? "The final losses of the comparison itself. "
                : "The tuning's trials, on a split of the training data. ")
            + "Marks are means over the seeds, whiskers reach from the lowest to the highest."
        if sweeps.contains(where: { $0.chosen != nil }) { note += " The ring is the rate that was chosen." }
        if sweeps.contains(where: { $0.points.contains { $0.losses == nil } }) {
            note += " A cross at the upper edge is a rate at which a run diverged."
        }
        if let untrained, means.contains(where: { $0 > 1.05 * untrained }) {
            note += " Marks on the upper edge are losses above that of the untrained model."
        }
        if sweeps.contains(where: \.hasOtherOptions) {
            note += " Other options were tried too: at each rate the best of them is shown."
        }
        return (chart, note)
    }
}

/// What one optimizer reached at each of several learning rates.
struct RateTrials {
    struct Point {
        let rate: Double
        /// The final losses over the seeds; nil if a run did not complete.
        let losses: SampleSummary?
    }

    let label: String
    /// The optimizer's position in the comparison, for its color.
    let index: Int
    /// By increasing rate.
    let points: [Point]
    let chosen: Double?
    let hasOtherOptions: Bool

    private static let option = "learning_rate"

    /// A rate as it is written: a number, or a schedule with its peak.
    static func rate(_ text: String) -> Double? {
        let number = Double(text) ?? text.firstMatch(of: /peak=([-+.e0-9]+)/).flatMap { Double($0.1) }
        return number.flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
    }

    /// The trials of a tuning, optimizer by optimizer.
    static func tuned(_ result: OptimizerComparison) -> [RateTrials] {
        (result.tuning ?? []).enumerated().compactMap { index, record in
            let trials = record.trials.compactMap { trial in
                trial.settings.first { $0.name == option }.flatMap { rate($0.value) }.map {
                    (rate: $0, trial: trial)
                }
            }
            let points = Dictionary(grouping: trials, by: \.rate).map { rate, trials in
                let best = trials.filter { $0.trial.meanLoss != nil }.min {
                    ($0.trial.meanLoss ?? 0) < ($1.trial.meanLoss ?? 0)
                }
                return Point(
                    rate: rate,
                    losses: best.flatMap { SampleSummary($0.trial.runs.compactMap(\.completedLoss)) })
            }
            let chosen = record.best?.settings.first { $0.name == option }.flatMap { rate($0.value) }
            return RateTrials(
                label: record.label, index: index, points, chosen: chosen,
                hasOtherOptions: trials.count > points.count)
        }
    }

    /// The optimizers of a comparison that differ in the learning rate alone, each group a line.
    static func compared(_ result: OptimizerComparison) -> [RateTrials] {
        struct Kind: Hashable {
            let rule: String
            let others: [Setting]
        }
        var groups: [(kind: Kind, index: Int, label: String, points: [Point])] = []
        for (index, entry) in result.entries.enumerated() {
            guard let rate = entry.options.first(where: { $0.name == option }).flatMap({ rate($0.value) })
            else {
                continue
            }
            let kind = Kind(rule: entry.rule, others: entry.options.filter { $0.name != option })
            let losses = entry.runs.compactMap(\.completedLoss)
            let isWhole = !losses.isEmpty && losses.count == entry.runs.count
            let point = Point(rate: rate, losses: isWhole ? SampleSummary(losses) : nil)
            if let known = groups.firstIndex(where: { $0.kind == kind }) {
                groups[known].points.append(point)
            } else {
                groups.append((kind, index, entry.rule, [point]))
            }
        }
        return groups.enumerated().compactMap { place, group in
            RateTrials(
                label: group.label, index: place, group.points, chosen: nil, hasOtherOptions: false)
        }
    }

    private init?(label: String, index: Int, _ points: [Point], chosen: Double?, hasOtherOptions: Bool) {
        guard Set(points.map(\.rate)).count > 1, points.contains(where: { $0.losses != nil }) else {
            return nil
        }
        (self.label, self.index, self.chosen, self.hasOtherOptions) = (label, index, chosen, hasOtherOptions)
        self.points = points.sorted { $0.rate < $1.rate }
    }
}
