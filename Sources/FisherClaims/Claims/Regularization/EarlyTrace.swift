import Fisher
import FisherStudies
import FisherTasks
import FisherTraining

extension Claim {
    /// The Fisher's trace early in training has an effect on generalization that lasts.
    static let earlyTrace = Claim(
        "early-trace",
        says:
            "The Fisher trace in the early phase of training has a lasting effect on generalization (Jastrzebski et al. 2021).",
        in: .hierarchy("Two Regimes"),
        decidedBy: """
            A perceptron on a fifth of the bundled digits, SGD without momentum at constant rates from 0.1 (0.03 in the full form) to \
            1.8, each until the running mean of the training loss is 0.1 nats: the peak of the exact Fisher's trace on \
            the way, and the held-out loss at that equal training loss. The tuned rate is the best of another seed. It holds if \
            the smallest rate has the higher peak and the larger held-out loss than the tuned one, and a penalty on the trace \
            (its strength chosen by the other seed) lowers the held-out loss of the smallest rate (95 % intervals of paired \
            differences); it does not hold if one of the intervals lies on the other side of zero, or excludes an effect of \
            0.02 nats.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 150, full: 1500)
    ) { context in
        let small = context.form == .short ? [0.1] : [0.03, 0.1]
        let training = EarlyTrace.Training(rates: small + [0.3, 0.9, 1.8], most: 15_000)
        func runs(_ seed: UInt64) throws -> [EarlyTrace.Run] {
            try context.kept("seed-\(seed)", of: training.description) {
                context.progress.expect(more: 1)
                context.progress.begin("early trace, seed \(seed)", totalSteps: 1)
                defer { context.progress.endRun("trained") }
                return try training(seed: seed)
            }
        }
        let tuning = try runs(EarlyTrace.tuningSeed)
        return EarlyTrace(training: training, tuning: tuning, runs: try context.seeds.map(runs)).finding
    }
}

/// Runs of SGD at several rates, with the trace of the Fisher information on the way.
struct EarlyTrace {
    static let tuningSeed: UInt64 = 1 << 40

    /// A run to the common training loss.
    struct Run: Codable, Sendable {
        let seed: UInt64
        let rate: Double
        /// The strength of the penalty on the trace; 0 for none.
        let penalty: Double
        /// The steps that it took.
        let steps: Int
        /// Whether it arrived.
        let arrived: Bool
        /// The largest trace on the way.
        let peak: Double
        /// The held-out loss at the end.
        let heldOutLoss: Double
    }

    /// What the runs are.
    struct Training: Sendable {
        /// The learning rates, ascending.
        let rates: [Double]
        /// The most steps.
        let most: Int
        /// The training loss at which a run ends.
        var commonLoss = 0.1
        /// The strengths of the penalty that are tried at the smallest rate.
        var penalties = [0.003, 0.01, 0.03]
        /// The share of the images that is held out.
        var testShare = 0.8

        /// Everything that determines the runs.
        var description: String { "\(rates) \(most) \(commonLoss) \(penalties) \(testShare)" }
    }

    let training: Training
    /// The runs of the seed by which rate and strength are chosen.
    let tuning: [Run]
    /// The runs by seed.
    let runs: [[Run]]
}

extension EarlyTrace.Training {
    /// The runs of a seed: all rates, and the smallest one with each penalty.
    func callAsFunction(seed: UInt64) throws -> [EarlyTrace.Run] {
        let (images, test) = try Digits.all.split(test: testShare)
        let task = try DigitsTask(.perceptron, training: images, test: test, batch: 32)
        return try rates.map { try run(task, seed, rate: $0, penalty: 0) }
            + penalties.map { try run(task, seed, rate: rates[0], penalty: $0) }
    }

    private func run(
        _ task: DigitsTask, _ seed: UInt64, rate: Double, penalty: Double
    ) throws -> EarlyTrace.Run {
        let model = try task.makeModel(seed: seed)
        let batches = try task.makeBatches(seed: seed)
        let generator = try RandomGenerator(seed: seed)
        let optimizer = try Optimizer(for: model, try SGD(learningRate: .constant(rate)))
        let weights = model.parameters.map(\.parameter.wrappedValue)
        let looked = task.training.batch(at: Array(0..<min(256, task.training.count)))
        func trace() throws -> Double {
            let found = try CurvatureEstimator(of: model).estimate(
                [.diagonal(.exact)], of: try task.objective(of: model, on: looked))
            let diagonal = found.diagonal(.exact)?.mean ?? [:]
            return try diagonal.values.reduce(0) { $0 + (try $1.sum(dtype: .float64).item()) }
        }
        // Looks are equally far apart in what the rate lets a step do.
        let interval = max(10, Int((2 / rate).rounded()))
        var (peak, mean, step) = (try trace(), Double.infinity, 0)
        // An untrained network has a loss of 2.3 nats: far above it a rate is too large.
        while step < most, mean > commonLoss, !(mean.isFinite && mean > 10) {
            try Interruption.poll()
            let batch = batches.next()
            let report = try optimizer.step(on: batch) { batch in
                let likelihood = Categorical(logits: model(batch.inputs))
                guard penalty > 0 else { return try Objective(likelihood, observing: batch.targets) }
                // The square of a batch's mean gradient at labels of the model's own: the trace over the batch's size, in the
                // mean (Jastrzebski et al. 2021, section 4).
                let drawn = withoutGradients { likelihood.sample(using: generator) }
                let loss = try Objective(likelihood, observing: drawn).loss
                let parts = try gradients(
                    of: loss, withRespectTo: weights, keepGraph: true, createGraph: true)
                let square = parts.compactMap { $0?.squared().sum() }.reduce(Tensor.zeros([])) { $0 + $1 }
                let scale = penalty * Double(batch.unitCount)
                return try Objective(
                    likelihood, observing: batch.targets, auxiliaries: [.init("trace", square * scale)])
            }
            step += 1
            mean = mean.isFinite ? 0.98 * mean + 0.02 * report.loss : report.loss
            if step.isMultiple(of: interval) { peak = max(peak, try trace()) }
        }
        return EarlyTrace.Run(
            seed: seed, rate: rate, penalty: penalty, steps: step, arrived: mean <= commonLoss, peak: peak,
            heldOutLoss: try withoutGradients { try task.validationLoss(of: model) })
    }
}

extension EarlyTrace {
    private static func best(_ runs: [Run]) -> Run? {
        runs.filter(\.arrived).min { $0.heldOutLoss < $1.heldOutLoss }
    }

    /// The rate that the other seed found best.
    var tunedRate: Double? { Self.best(tuning.filter { $0.penalty == 0 })?.rate }
    /// The strength of the penalty that the other seed found best.
    var tunedPenalty: Double? { Self.best(tuning.filter { $0.penalty > 0 })?.penalty }

    private func bySeed(
        _ rate: Double, _ penalty: Double, _ value: (Run) -> Double
    ) -> [UInt64: Double] {
        let found = runs.joined().filter { $0.rate == rate && $0.penalty == penalty && $0.arrived }
        return Dictionary(found.map { ($0.seed, value($0)) }) { first, _ in first }
    }

    /// What was found.
    var finding: ClaimFinding {
        let smallest = training.rates[0]
        guard let tuned = tunedRate, let penalty = tunedPenalty else {
            return ClaimFinding(
                .undecided, "No run of the tuning seed arrived at the training loss \(training.commonLoss).")
        }
        let isInterior = tuned != training.rates.last && tuned != smallest
        func contrast(
            _ label: String, _ reference: String, _ quantity: String, _ margin: Double,
            _ values: [UInt64: Double], _ references: [UInt64: Double]
        ) -> ClaimContrast {
            ClaimContrast(
                measured: label, to: reference, quantity: quantity, values: values, references: references,
                isInterior: isInterior, decidedBy: .better(margin: margin), of: 3)
        }
        let (small, large) = ("rate \(NumberText.short(smallest))", "rate \(NumberText.short(tuned))")
        let contrasts = [
            contrast(
                large, small, "peak of the trace", 0, bySeed(tuned, 0, \.peak), bySeed(smallest, 0, \.peak)),
            contrast(
                large, small, "held-out loss, nats/image", 0.02, bySeed(tuned, 0, \.heldOutLoss),
                bySeed(smallest, 0, \.heldOutLoss)),
            contrast(
                "\(small) with a penalty of \(NumberText.short(penalty))", small, "held-out loss, nats/image",
                0.02,
                bySeed(smallest, penalty, \.heldOutLoss), bySeed(smallest, 0, \.heldOutLoss)),
        ]
        let kinds = training.rates.map { ($0, 0.0) } + training.penalties.map { (smallest, $0) }
        let text = NumberText.plain
        let rows = kinds.map { rate, penalty -> [String] in
            func spread(_ value: (Run) -> Double, _ decimals: Int) -> String {
                let summary = SampleSummary(Array(bySeed(rate, penalty, value).values))
                return summary.map { text.spread($0, decimals: decimals) } ?? "-"
            }
            return [
                NumberText.short(rate), NumberText.short(penalty), spread({ Double($0.steps) }, 0),
                spread(\.peak, 2), spread(\.heldOutLoss, 4),
                "\(bySeed(rate, penalty, \.peak).count) of \(runs.count)",
            ]
        }
        let correlations = runs.compactMap { own -> Double? in
            let plain = own.filter { $0.penalty == 0 && $0.arrived }
            return RankCorrelation.spearman(plain.map(\.peak), plain.map(\.heldOutLoss))
        }
        return ClaimFinding(
            .all(contrasts.map(\.verdict)),
            contrasts.map(\.sentence).joined(separator: " "),
            contrasts: contrasts,
            exhibits: [
                .table(
                    ExhibitTable(
                        title: "Runs to a training loss of \(training.commonLoss) nats",
                        caption: "Means over seeds with the standard deviation.",
                        columns: [
                            "rate", "penalty", "steps", "peak of the trace", "held-out loss", "arrived",
                        ], rows: rows))
            ],
            figures: [
                ClaimFigure(
                    title: "Held-out loss by the peak of the Fisher's trace",
                    caption: "Each point is a run; all end at the same training loss.",
                    horizontal: .init("peak of the trace"), vertical: .init("held-out loss, nats/image"),
                    series: kinds.map { rate, penalty in
                        .init(
                            "rate \(NumberText.short(rate))"
                                + (penalty > 0 ? ", penalty \(NumberText.short(penalty))" : ""),
                            runs.joined().filter { $0.rate == rate && $0.penalty == penalty && $0.arrived }
                                .map { .init($0.peak, $0.heldOutLoss) }.sorted { $0.x < $1.x },
                            isJoined: false)
                    })
            ],
            remarks: SampleSummary(correlations).map {
                [
                    "Rank correlation of the peak with the held-out loss over the rates, mean over seeds: "
                        + text.signed($0.mean, decimals: 2) + "."
                ]
            } ?? [])
    }
}
