import Fisher
import FisherStudies
import FisherTasks
import FisherTraining
import Foundation

extension Claim {
    private static let measured = """
        A small convolutional classifier on half of the bundled digits, each optimizer at its best rate, run again with its \
        seeds until the training loss first falls to 0.2 nats, so that all are compared at equal loss; there the largest \
        eigenvalue of the Hessian and its trace.
        """

    /// AdaFisher ends in flatter minima.
    static let flatness = Claim(
        "flatness",
        says:
            "AdaFisher achieves superior generalization by converging to flatter local minima than first-order methods.",
        in: .adaFisher("Mechanism 3"),
        decidedBy: """
            \(measured) It holds if both are smaller for AdaFisher as published than for Adam and for AdamW with clipping \
            (95 % intervals of the paired differences of logarithms below zero), and does not hold if one of the intervals \
            lies above.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 250, full: 2500)
    ) { context in
        let study = try FlatnessStudy(context)
        let pairs = [(0, 2), (0, 3)].flatMap { own, other in
            [
                study.contrast(own, to: other, "decades of the largest eigenvalue", \.atEqualLoss.eigenvalue),
                study.contrast(own, to: other, "decades of the trace", \.atEqualLoss.trace),
            ]
        }
        return study.finding(
            .all(pairs.map(\.verdict)), pairs,
            "At equal training loss: " + pairs.map(\.sentence).joined(separator: " "))
    }

    /// Flatter minima generalize better.
    static let flatnessGeneralization = Claim(
        "flatness-generalization",
        says: "Flatter minima correspond to better generalization.",
        in: .adaFisher("Mechanism 3, core assumption"),
        decidedBy: """
            \(measured) Over six optimizers: Spearman's rank correlation of the largest eigenvalue with the held-out loss, \
            over the optimizers within each seed. It holds if the 95 % interval of the mean correlation over seeds lies above \
            zero, and does not hold if it lies below 0.3.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 250, full: 2500)
    ) { context in
        let study = try FlatnessStudy(context)
        let correlations = study.correlations(\.atEqualLoss.eigenvalue)
        // Negative where flatter goes with better.
        let contrast = ClaimContrast(
            measured: "no correlation", to: "rank correlation of flatness and held-out loss",
            quantity: "correlation", values: correlations.mapValues { -$0 },
            references: correlations.mapValues { _ in 0 }, isInterior: study.isInterior,
            decidedBy: .better(margin: 0.3))
        let ends = SampleSummary(Array(study.correlations(\.atEnd.eigenvalue).values))
        let equal = SampleSummary(Array(correlations.values))
        func text(_ correlation: SampleSummary?) -> String {
            guard let correlation else { return "unknown" }
            let mean = NumberText.plain.signed(correlation.mean, decimals: 2)
            return mean
                + (correlation.interval().map { " \(NumberText.plain.interval($0, decimals: 2))" } ?? "")
        }
        return study.finding(
            contrast.verdict, [contrast],
            "The rank correlation of the largest eigenvalue with the held-out loss over the optimizers is "
                + "\(text(equal)) at equal training loss, the mean over \(correlations.count) seeds, and \(text(ends)) at "
                + "the ends of the runs.")
    }
}

/// The curvature of the loss where optimizers arrive.
struct FlatnessStudy {
    /// A point of a run.
    struct Place: Codable, Sendable {
        /// The loss on the batches of the survey.
        let trainingLoss: Double
        /// The held-out loss.
        let heldOutLoss: Double
        /// The largest eigenvalue of the Hessian of the training loss.
        let eigenvalue: Double
        /// Its trace.
        let trace: Double
        /// The step.
        let step: Int
    }

    /// A run.
    struct Run: Codable, Sendable {
        let seed: UInt64
        /// Where the training loss first fell to the common value; the end, if it never did.
        let atEqualLoss: Place
        /// At the end.
        let atEnd: Place
        /// Whether it fell so far.
        let reached: Bool
    }

    private static let arms: [Arm] = [
        .adaFisher, .codedAdaFisher, .adam, .adamW(Arm.smallImageRates), .sgd, .fadam(Arm.smallImageRates),
    ]
    private static let commonLoss = 0.2

    private let comparison: ArmComparison
    let tuned: [TunedArm]
    /// The runs by arm.
    let runs: [[Run]]

    /// Tunes what is missing and makes the runs again in memory, looking at them on the way.
    init(_ context: ClaimContext) throws {
        let problem = Problem.imageClassifier(context.form)
        var comparison = ArmComparison(context, by: .misjudged)
        tuned = try Self.arms.map { try comparison.tuned($0, on: problem) }
        self.comparison = comparison
        runs = try tuned.enumerated().map { position, arm in
            try arm.runs.filter { $0.record.completedLoss != nil }.map { run in
                context.progress.expect(more: 1)
                context.progress.begin("curvature, \(arm.label), seed \(run.record.seed)", totalSteps: 1)
                defer { context.progress.endRun("measured") }
                let document = try run.folder.document()
                let name = "arm-\(position)-seed-\(run.record.seed)"
                let settings = document.configuration.sorted { $0.key < $1.key }
                return try context.kept(
                    name, in: "flatness", of: "loss \(Self.commonLoss), \(settings)"
                ) {
                    try Self.measure(run, document)
                }
            }
        }
    }

    private static func measure(_ run: TunedArm.Run, _ document: RunDocument) throws -> Run {
        let layer = try ConfigurationLayer(tomlFile: run.folder.configurationFile, followingLinks: false)
        let configuration = try ResolvedConfiguration<DigitsTask.Options>([layer]).value
        let task = try DigitsTask.make(configuration)
        let candidate = try configuration.optimizer.candidate(steps: document.steps)
        let session = try TrainingSession(task, candidate, seed: run.record.seed)
        var settings = LandscapeSettings()
        (settings.batchCount, settings.eigenvalueCount, settings.probes, settings.lanczosSteps) = (
            4, 1, 6, 12
        )
        let survey = try LandscapeSurvey(task, settings)
        func place() throws -> Place {
            let point = try survey.point(of: session.model)
            let losses = try survey.run(
                at: point, label: document.label, seed: run.record.seed, path: run.folder.path,
                recordedLoss: nil)
            let found = try survey.curvature(at: point)
            return Place(
                trainingLoss: losses.loss, heldOutLoss: losses.heldOutLoss,
                eigenvalue: found.eigenvalues.first ?? .nan, trace: found.trace, step: session.progress.step)
        }
        var common: Place?
        var mean = Double.infinity
        while session.progress.step < document.steps {
            try Interruption.poll()
            let loss = try session.advance().loss
            // The loss of a single batch falls below the value long before its mean does.
            mean = mean.isFinite ? 0.9 * mean + 0.1 * loss : loss
            if common == nil, mean <= commonLoss { common = try place() }
        }
        let end = try place()
        return Run(
            seed: run.record.seed, atEqualLoss: common ?? end, atEnd: end, reached: common != nil)
    }

    /// Whether every best rate lies inside its grid.
    var isInterior: Bool { tuned.allSatisfy(\.isInterior) }

    private func bySeed(_ arm: Int, _ value: (Run) -> Double) -> [UInt64: Double] {
        Dictionary(runs[arm].filter(\.reached).map { ($0.seed, value($0)) }) { first, _ in first }
    }

    /// The contrast of the decimal logarithms of a measure, smaller ones flatter.
    func contrast(_ arm: Int, to other: Int, _ quantity: String, _ value: (Run) -> Double) -> ClaimContrast {
        ClaimContrast(
            measured: tuned[arm].label, to: tuned[other].label, quantity: quantity,
            values: bySeed(arm) { log10(max(1e-6, value($0))) },
            references: bySeed(other) { log10(max(1e-6, value($0))) },
            isInterior: tuned[arm].isInterior && tuned[other].isInterior, decidedBy: .better(margin: 0), of: 4
        )
    }

    /// The rank correlation of a measure with the held-out loss at the end over the arms, by seed.
    func correlations(_ value: (Run) -> Double) -> [UInt64: Double] {
        let seeds = Set(runs.joined().map(\.seed))
        var found: [UInt64: Double] = [:]
        for seed in seeds {
            let own = runs.compactMap { $0.first { $0.seed == seed && $0.reached } }
            guard own.count > 3 else { continue }
            found[seed] = RankCorrelation.spearman(own.map(value), own.map(\.atEnd.heldOutLoss))
        }
        return found
    }

    /// A finding with the tables and the chart of this study.
    func finding(_ verdict: ClaimVerdict, _ contrasts: [ClaimContrast], _ answer: String) -> ClaimFinding {
        let text = NumberText.plain
        let rows = zip(tuned, runs).flatMap { arm, runs in
            [("equal loss", \Run.atEqualLoss), ("end", \Run.atEnd)].map { name, path -> [String] in
                func mean(_ value: (Place) -> Double, _ decimals: Int) -> String {
                    let summary = SampleSummary(runs.map { value($0[keyPath: path]) })
                    return summary.map { text.spread($0, decimals: decimals) } ?? "-"
                }
                return [
                    arm.label, name, mean({ Double($0.step) }, 0), mean(\.trainingLoss, 3),
                    mean(\.heldOutLoss, 3), mean(\.eigenvalue, 2), mean(\.trace, 1),
                ]
            }
        }
        let figure = ClaimFigure(
            title: "Held-out loss at the end by the largest eigenvalue at equal training loss",
            horizontal: .init("largest eigenvalue of the Hessian", isLogarithmic: true),
            vertical: .init("held-out loss at the end, nats/image", isLogarithmic: true),
            series: zip(tuned, runs).map { arm, runs in
                .init(
                    arm.label,
                    runs.map { .init($0.atEqualLoss.eigenvalue, $0.atEnd.heldOutLoss) }
                        .sorted { $0.x < $1.x }, isJoined: false)
            })
        let late = zip(tuned, runs).flatMap { arm, runs in
            runs.filter { !$0.reached }.map { "\(arm.label), seed \($0.seed)" }
        }
        return comparison.finding(
            verdict, answer, contrasts,
            exhibits: [
                .table(
                    ExhibitTable(
                        title: "Curvature where optimizers arrive",
                        caption: "Means over seeds with the standard deviation.",
                        columns: [
                            "optimizer", "where", "step", "training loss", "held-out loss",
                            "largest eigenvalue", "trace",
                        ], rows: rows))
            ], figures: [figure],
            remarks: late.isEmpty
                ? []
                : [
                    "These never fell to the common training loss and count in no contrast: \(late.joined(separator: "; "))."
                ])
    }
}
