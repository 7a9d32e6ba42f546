import Fisher
import FisherFiles
import FisherStudies
import FisherTasks
import FisherTraining

/// The comparison of methods against forgetting that several claims are decided by: permuted digits, every method's strength
/// tuned on a split of the training images.
struct PermutedDigitsStudy {
    /// The results.
    let result: ContinualComparison

    /// Strengths a third of a decade to a decade apart, so wide that every source has its best inside: their diagonals differ
    /// by factors of thousands.
    static let strengths: [Double] = [
        0.001, 0.01, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000,
    ]

}

extension PermutedDigitsStudy {
    /// Makes what is missing of the comparison, which all claims and starts share; another process that makes it at this moment
    /// is waited for.
    init(_ context: ClaimContext) throws {
        let isShort = context.form == .short
        let (tasks, steps, width) = isShort ? (4, 150, 64) : (5, 400, 100)
        let (training, test) = try Digits.all.split()
        let candidate = OptimizerCandidate(
            label: "sgd + momentum 0.9",
            rule: try SGD(learningRate: .cosine(0.05, steps: steps)) { $0.momentum = 0.9 })
        func made(_ training: Digits, _ test: Digits) throws -> ContinualTraining {
            try ContinualTraining(
                candidate, taskCount: tasks, steps: steps, batch: 64, width: width, memory: .separate,
                training: training, test: test)
        }
        let (inner, tuningTest) = try training.split(seed: 1)
        let methods = ContinualMethod.allCases.filter { $0 != .joint }
        let runner = ContinualRunner(
            training: try made(training, test), tuning: try made(inner, tuningTest),
            methods: methods, strengths: Self.strengths,
            // Runs take a second and differ much: twice as many seeds as other claims have.
            seeds: Self.seeds(of: context), tuningSeeds: 5)
        let path = "\(context.runs.path)/permuted-digits-\(context.form.rawValue)"
        let folder = try FolderWait.untilFree {
            try StudyDirectory(path: path, kind: .continual, resuming: true)
        }
        defer { withExtendedLifetime(folder) {} }
        var earlier = ContinualComparison(
            task: try ContinualTask(try made(training, test), .none, strength: 0, seed: 0).summary,
            environment: .current())
        if folder.files.hasResult {
            let kept = try folder.files.read(ContinualComparison.self)
            guard kept.task == earlier.task else {
                throw StorageError(
                    .damaged, path: path,
                    reason: "holds a comparison of other tasks: remove it to make it again")
            }
            earlier = kept
        }
        context.progress.expect(more: runner.runCount(after: earlier))
        var comparison = try runner(into: earlier, in: folder, progress: context.progress) {
            try folder.files.write($0)
        }
        // A folder may hold strengths that an earlier tuning chose: the last of a method is this one's.
        comparison.entries = methods.compactMap { method in
            comparison.entries.last { $0.method == method.rawValue }
        }
        result = comparison
    }

    /// Twice as many as the context's, from its first on.
    static func seeds(of context: ClaimContext) -> [UInt64] {
        let first = context.seeds.first ?? 0
        return Array(first..<first + 2 * UInt64(context.seeds.count))
    }

    private func entry(_ method: ContinualMethod) -> ContinualEntry? {
        result.entries.first { $0.method == method.rawValue }
    }

    /// The share of held-out images that are misjudged after the last task, averaged over all tasks, by seed. A run that
    /// diverged counts as guessing: left out, it would speak for the strength that broke it.
    func errors(_ method: ContinualMethod) -> [UInt64: Double] {
        let guessing = 1 - 1 / Double(Digits.classCount)
        return Dictionary(
            (entry(method)?.runs ?? []).map { ($0.seed, $0.averageAccuracy.map { 1 - $0 } ?? guessing) }
        ) { first, _ in first }
    }

    /// Whether a method's strength lies inside of those that were tried; true for one that has none.
    func isInterior(_ method: ContinualMethod) -> Bool {
        guard method.hasStrength else { return true }
        guard let strength = entry(method)?.strength else { return false }
        return strength > Self.strengths[0] && strength < Self.strengths[Self.strengths.count - 1]
    }

    /// The contrast of two methods' errors.
    func contrast(
        _ method: ContinualMethod, to reference: ContinualMethod,
        decidedBy decision: ClaimDecision, of parts: Int = 1
    ) -> ClaimContrast {
        func strength(_ method: ContinualMethod) -> String {
            entry(method)?.strength.map { "\(method.rawValue): lambda \(NumberText.short($0))" }
                ?? method.rawValue
        }
        return ClaimContrast(
            measured: method.rawValue, to: reference.rawValue,
            quantity: "average error over all tasks at the end", values: errors(method),
            references: errors(reference),
            isInterior: isInterior(method) && isInterior(reference), decidedBy: decision, of: parts,
            note: "\(strength(method)); \(strength(reference))")
    }

    /// What all claims on this comparison show: the table of the methods, and the accuracy by strength.
    var exhibits: (table: TaskExhibit, figure: ClaimFigure) {
        let text = NumberText.plain
        let rows = result.entries.map { entry -> [String] in
            func mean(_ value: (ContinualRecord) -> Double?) -> String {
                let summary = SampleSummary(entry.runs.compactMap(value))
                return summary.map { text.spread($0, decimals: 3) } ?? "-"
            }
            return [
                entry.method, entry.explanation, entry.strength.map(NumberText.short) ?? "-",
                mean(\.averageAccuracy), mean(\.forgetting), mean(\.learningAccuracy), "\(entry.runs.count)",
            ]
        }
        let table = ExhibitTable(
            title: "Methods against forgetting",
            caption:
                "\(result.task.description). Means with the standard deviation over the seeds that did not "
                + "diverge.",
            columns: [
                "method", "what protects", "lambda", "average accuracy", "forgetting", "just learned", "runs",
            ], rows: rows)
        var methods: [String] = []
        for trial in result.trials where !methods.contains(trial.method) { methods.append(trial.method) }
        let series = methods.map { method in
            ClaimFigure.Series(
                method,
                Self.strengths.compactMap { strength in
                    result.trialAccuracy(of: method, strength: strength).map { .init(strength, $0) }
                })
        }
        return (
            .table(table),
            ClaimFigure(
                title: "Average accuracy by strength, on the images held out for tuning",
                caption:
                    "Means over five seeds, without strengths with which one of them diverged; the best strength "
                    + "of each method is taken for its runs.",
                horizontal: .init("lambda", isLogarithmic: true), vertical: .init("average accuracy"),
                series: series)
        )
    }
}
