import Fisher
import FisherStudies
import FisherTraining

/// Trains the arms of a claim, judges them by its rule, and makes the finding: the differences, a table of the arms, their
/// losses by rate and along the runs, and what restricts the verdict.
struct ArmComparison {
    private let context: ClaimContext
    private let quantities: [JudgedQuantity]
    private let parts: Int
    private var entries: [(problem: Problem, arm: TunedArm)] = []
    private var judged: [ClaimContrast] = []
    private var others: [ClaimContrast] = []
    /// Charts besides those of the arms.
    var figures: [ClaimFigure] = []
    /// Restrictions besides those of the arms.
    var remarks: [String] = []

    /// Begins a comparison.
    ///
    /// - Parameters:
    ///   - context: the form and the kept runs.
    ///   - quantities: what the table shows; the first is what is judged unless another is named.
    ///   - parts: the number of differences, each of which alone refutes the claim.
    init(_ context: ClaimContext, by quantities: JudgedQuantity..., parts: Int = 1) {
        precondition(!quantities.isEmpty)
        self.context = context
        self.quantities = quantities
        self.parts = parts
    }

    /// Tunes an arm and trains it with every seed.
    mutating func tuned(_ arm: Arm, on problem: Problem) throws -> TunedArm {
        let found = try context.tuned(arm, on: problem)
        entries.append((problem, found))
        return found
    }

    /// Trains an arm at one rate with every seed.
    mutating func trained(_ arm: Arm, at rate: Double, on problem: Problem) throws -> TunedArm {
        let found = try context.trained(arm, at: rate, on: problem)
        entries.append((problem, found))
        return found
    }

    /// Judges an arm against a reference, as a part of the claim.
    mutating func judge(
        _ arm: TunedArm, against reference: TunedArm, by decision: ClaimDecision,
        in quantity: JudgedQuantity? = nil
    ) {
        judged.append(contrast(arm, reference, decision, quantity, of: parts))
    }

    /// Compares an arm with a reference for readers; the verdict does not depend on it.
    mutating func show(
        _ arm: TunedArm, against reference: TunedArm, by decision: ClaimDecision,
        in quantity: JudgedQuantity? = nil
    ) {
        var contrast = contrast(arm, reference, decision, quantity, of: 1)
        contrast.note = ["not part of the rule", contrast.note].filter { !$0.isEmpty }.joined(separator: "; ")
        others.append(contrast)
    }

    private func contrast(
        _ arm: TunedArm, _ reference: TunedArm, _ decision: ClaimDecision, _ quantity: JudgedQuantity?,
        of parts: Int
    ) -> ClaimContrast {
        let quantity = quantity ?? quantities[0]
        return context.contrast(
            arm, to: reference, quantity: quantity.name, quantity.values, decidedBy: decision, of: parts)
    }

    /// Whether a run of any arm ceased to be usable.
    var hasDivergedRuns: Bool { entries.contains { !$0.arm.divergedSeeds.isEmpty } }

    /// What was found: the claim holds if all of its parts do, and one that does not refutes it.
    var finding: ClaimFinding {
        let verdict = ClaimVerdict.all(judged.map(\.verdict))
        return ClaimFinding(
            verdict, answer(verdict), contrasts: judged + others, exhibits: [.table(table)],
            figures: figures + problems.flatMap { [rates(on: $0), curves(on: $0)] }.compactMap { $0 },
            remarks: remarks + armRemarks)
    }

    /// The differences that decided, at most three of them.
    private func answer(_ verdict: ClaimVerdict) -> String {
        let deciding = verdict == .holds ? judged : judged.filter { $0.verdict == verdict }
        let shown = deciding.prefix(3).map(\.sentence)
        let more = deciding.count > 3 ? ["\(deciding.count - 3) more differences below."] : []
        return (shown + more).joined(separator: " ")
    }
}

// What the page shows of the arms.
extension ArmComparison {
    /// The problems in the order in which they came.
    private var problems: [Problem] {
        entries.map(\.problem).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private func arms(on problem: Problem) -> [TunedArm] {
        var labels: Set<String> = []
        return entries.filter { $0.problem == problem && labels.insert($0.arm.label).inserted }.map(\.arm)
    }

    private var table: ExhibitTable {
        let measures = quantities.filter { !$0.isLoss }
        let text = NumberText.typographic
        let rows = problems.flatMap { problem in
            arms(on: problem).map { arm in
                let rate =
                    NumberText.significant(arm.rate)
                    + (arm.isTuned ? (arm.isInterior ? "" : ", at the edge") : ", given")
                let loss = SampleSummary(arm.losses.map(\.value)).map { text.spread($0, decimals: 4) } ?? "–"
                let own = measures.map { quantity in
                    SampleSummary(quantity.values(arm).map(\.value)).map {
                        text.spread($0, decimals: quantity.decimals)
                    } ?? "–"
                }
                return [
                    problem.name, arm.label, rate, "\(arm.runs.count - arm.divergedSeeds.count)",
                    "\(arm.divergedSeeds.count)", loss,
                ] + own
            }
        }
        return ExhibitTable(
            title: "Arms", caption: "Means and standard deviations over the seeds.",
            columns: ["problem", "optimizer", "learning rate", "completed", "diverged", "validation loss"]
                + measures.map(\.name), rows: rows
        )
    }

    /// The losses of all rates that were tried.
    private func rates(on problem: Problem) -> ClaimFigure? {
        let series = arms(on: problem).filter { $0.trials.count > 1 }.map { arm in
            ClaimFigure.Series(
                arm.label,
                arm.trials.filter { $0.loss.isFinite }.map { ClaimFigure.Point($0.rate, $0.loss) })
        }.filter { !$0.points.isEmpty }
        guard !series.isEmpty else { return nil }
        return ClaimFigure(
            title: "Loss by learning rate: \(problem.name)",
            caption:
                "On the part of the training data that is held out for tuning; rates that diverged are left out.",
            horizontal: .init("learning rate", isLogarithmic: true), vertical: .init("loss"), series: series)
    }

    /// The most arms whose curves can be told apart; the table has more.
    private static let mostCurves = 8

    /// The mean losses along the runs; nil for more arms than a chart can show.
    private func curves(on problem: Problem) -> ClaimFigure? {
        guard arms(on: problem).count <= Self.mostCurves else { return nil }
        let series = arms(on: problem).compactMap { arm -> ClaimFigure.Series? in
            var losses: [Int: [Double]] = [:]
            for run in arm.runs {
                for point in run.record.curve where point.step > 0 {
                    if let loss = point.validationLoss, loss.isFinite {
                        losses[point.step, default: []].append(loss)
                    }
                }
            }
            let whole = losses.filter { $0.value.count == arm.runs.count }.sorted { $0.key < $1.key }
            guard whole.count > 1 else { return nil }
            return ClaimFigure.Series(
                arm.label,
                whole.compactMap { step, values in
                    SampleSummary(values).map {
                        ClaimFigure.Point(Double(step), $0.mean, interval: $0.interval())
                    }
                })
        }
        guard !series.isEmpty else { return nil }
        return ClaimFigure(
            title: "Loss along the runs: \(problem.name)",
            caption: "Means over the seeds at each arm's rate, with 95 % intervals.",
            horizontal: .init("step"), vertical: .init("validation loss"), series: series)
    }

    private var armRemarks: [String] {
        problems.flatMap { problem in
            arms(on: problem).flatMap { arm in
                var found: [String] = []
                if arm.isTuned, !arm.isInterior {
                    found.append(
                        "On \(problem.name) the best rate of \(arm.label), \(NumberText.significant(arm.rate)), lies at the edge of its grid."
                    )
                }
                if !arm.divergedSeeds.isEmpty {
                    found.append(
                        "On \(problem.name) \(arm.label) diverged in \(arm.divergedSeeds.count) of \(arm.runs.count) runs."
                    )
                }
                return found
            }
        }
    }
}
