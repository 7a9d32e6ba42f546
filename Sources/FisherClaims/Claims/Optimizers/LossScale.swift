import Fisher
import FisherStudies
import FisherTasks
import FisherTraining

extension Claim {
    /// The adaptive epsilon follows the scale of the loss.
    static let lossScale = Claim(
        "loss-scale",
        says: """
            The root mean square of gradients tends to decrease as models get larger; to mitigate the need for manual tuning of \
            epsilon we propose an adaptive mechanism that adjusts it to the gradient's root mean square.
            """,
        in: .fadam("Appendix B.3, Algorithm 1"),
        decidedBy: """
            A perceptron on digits in float32, its loss multiplied by 1e-3, 1e-6, ... 1e-18, each optimizer at the rate tuned \
            without a factor. First, FAdam with the adaptive epsilon is where it was: its loss is equal to that without a factor \
            within \(OptimizerMargin.classifier) nats/image, for each of the six factors. Second, at 1e-18 it is better than FAdam \
            with a fixed epsilon of 1e-8 and than AdamW with 1e-8 (same margin). All eight must hold.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 60, full: 150)
    ) { context in
        let arms = [
            ScaledLossArm("FAdam, adaptive epsilon", "fadam", []),
            ScaledLossArm(
                "FAdam, epsilon 1e-8", "fadam", [("epsilon_policy", "fixed"), ("epsilon", "1e-08")]),
            ScaledLossArm("AdamW, epsilon 1e-8", "adamw", [("epsilon", "1e-08")]),
            ScaledLossArm("AdamW, epsilon 1e-15", "adamw", [("epsilon", "1e-15")]),
        ]
        return try ScaledLossStudy(context: context).finding(arms)
    }
}

/// An optimizer by its rule and options.
private struct ScaledLossArm {
    let label: String
    let rule: String
    let options: [(name: String, value: String)]

    init(_ label: String, _ rule: String, _ options: [(name: String, value: String)]) {
        self.label = label
        self.rule = rule
        self.options = options
    }
}

/// Training with the loss multiplied by a factor.
private struct ScaledLossStudy {
    let context: ClaimContext
    private static let factors = [1, 1e-3, 1e-6, 1e-9, 1e-12, 1e-15, 1e-18]
    private static let rates = [0.002, 0.005, 0.01, 0.02, 0.05]
    private static let margin = OptimizerMargin.classifier

    /// What an arm reached: its rate, whether that lies inside the rates, and the losses by factor and seed; nil for runs that
    /// diverged.
    private struct Result: Codable {
        var rate: Double
        var isInterior: Bool
        var losses: [[Double?]]
    }

    private var steps: Int { context.form == .short ? 200 : 400 }

    private func task() throws -> DigitsTask {
        var options = DigitsOptions()
        options.network = .perceptron
        options.batch = 64
        return try DigitsTask(options)
    }

    private func result(of arm: ScaledLossArm) throws -> Result {
        let task = try task()
        let tuning = try task.tuningTask()
        var trials: [(rate: Double, loss: Double)] = []
        for rate in Self.rates {
            let loss = try loss(of: arm, at: rate, times: 1, seed: ReservedSeeds.tuning(1)[0], on: tuning)
            trials.append((rate, loss ?? .infinity))
        }
        let best = trials.min { $0.loss < $1.loss }?.rate ?? Self.rates[0]
        return Result(
            rate: best, isInterior: best != Self.rates.first && best != Self.rates.last,
            losses: try Self.factors.map { factor in
                try context.seeds.map { try loss(of: arm, at: best, times: factor, seed: $0, on: task) }
            })
    }

    /// The loss on held-out data, without the factor, after training with it; nil if a step was not finite.
    private func loss(
        of arm: ScaledLossArm, at rate: Double, times factor: Double, seed: UInt64, on task: DigitsTask
    ) throws -> Double? {
        try Interruption.poll()
        var rule = try RuleRegistry.rule(named: arm.rule)
        for (name, value) in [("beta2", "0.99"), ("weight_decay", "0.001")] + arm.options {
            try rule.set(name, to: value)
        }
        rule.learningRate = .cosine(rate, steps: steps, warmUp: steps / 10)
        let scaled = ScaledLossTask(task: task, factor: factor)
        let session = try TrainingSession(
            scaled, OptimizerCandidate(label: arm.label, rule: rule), seed: seed)
        for _ in 0..<steps {
            do { _ = try session.advance() } catch is NonFiniteError { return nil }
        }
        let loss = try withoutGradients { try task.validationLoss(of: session.model) }
        return loss.isFinite ? loss : nil
    }

    func finding(_ arms: [ScaledLossArm]) throws -> ClaimFinding {
        context.progress.expect(more: arms.count)
        let results = try arms.enumerated().map { place, arm in
            let inputs = "\(arm) \(steps) \(Self.factors) \(Self.rates) \(context.seeds)"
            return try context.kept("arm-\(place)", of: inputs) { try result(of: arm) }
        }
        func losses(_ arm: Int, _ factor: Int) -> [UInt64: Double] {
            var found: [UInt64: Double] = [:]
            for (seed, loss) in zip(context.seeds, results[arm].losses[factor]) { found[seed] = loss }
            return found
        }
        let last = Self.factors.count - 1
        var contrasts = (1...last).map { factor in
            contrast(
                "\(arms[0].label), loss times \(Self.factors[factor])", losses(0, factor),
                to: "the same, loss times 1", losses(0, 0), by: .equal(margin: Self.margin))
        }
        contrasts += [1, 2].map { other in
            contrast(
                "\(arms[0].label), loss times 1e-18", losses(0, last),
                to: "\(arms[other].label), loss times 1e-18", losses(other, last),
                by: .better(margin: Self.margin))
        }
        var verdict = ClaimVerdict.all(contrasts.map(\.verdict))
        var remarks: [String] = []
        for (arm, result) in zip(arms, results) where !result.isInterior {
            remarks.append("The best rate of \(arm.label), \(result.rate), lies at the edge of its grid.")
            verdict = .undecided
        }
        let worst = contrasts.first { $0.verdict == verdict } ?? contrasts[last - 1]
        return ClaimFinding(
            verdict, worst.sentence, contrasts: contrasts, exhibits: [.table(table(arms, results))],
            figures: [figure(arms, results)], remarks: remarks)
    }

    private func contrast(
        _ label: String, _ values: [UInt64: Double], to reference: String, _ others: [UInt64: Double],
        by decision: ClaimDecision
    ) -> ClaimContrast {
        let difference = PairedDifference(of: values, to: others)
        let count = context.seeds.count
        let diverged = decision.verdict(diverged: count - values.count, reference: count - others.count)
        let pairs = difference?.pairs ?? []
        let isEnough = count >= context.evidence.seeds ?? 0
        return ClaimContrast(
            label, to: reference, quantity: "validation loss, nats/image", seeds: pairs.map(\.seed),
            differences: pairs.map(\.difference), mean: difference?.mean ?? .nan,
            interval: difference?.interval, margin: decision.margin,
            verdict: isEnough ? diverged ?? decision.verdict(on: difference?.summary, of: 8) : .undecided)
    }

    private func table(_ arms: [ScaledLossArm], _ results: [Result]) -> ExhibitTable {
        ExhibitTable(
            title: "Validation loss by the factor on the loss",
            caption: "Nats/image without the factor, means and standard deviations over the seeds.",
            columns: ["optimizer", "learning rate"] + Self.factors.map { "times \($0)" },
            rows: zip(arms, results).map { arm, result in
                [arm.label, "\(result.rate)" + (result.isInterior ? "" : ", at the edge")]
                    + result.losses.map { losses in
                        let diverged = losses.count { $0 == nil }
                        let text = SampleSummary(losses.compactMap { $0 }).map {
                            NumberText.typographic.spread($0, decimals: 4)
                        }
                        return [text, diverged > 0 ? "\(diverged) diverged" : nil].compactMap { $0 }
                            .joined(separator: ", ")
                    }
            })
    }

    private func figure(_ arms: [ScaledLossArm], _ results: [Result]) -> ClaimFigure {
        ClaimFigure(
            title: "Loss by the factor on the loss", caption: "With 95 % intervals over the seeds.",
            horizontal: .init("factor", isLogarithmic: true), vertical: .init("validation loss, nats/image"),
            series: zip(arms, results).map { arm, result in
                ClaimFigure.Series(
                    arm.label,
                    zip(Self.factors, result.losses).reversed().compactMap { factor, losses in
                        SampleSummary(losses.compactMap { $0 }).map {
                            ClaimFigure.Point(factor, $0.mean, interval: $0.interval())
                        }
                    })
            })
    }
}

/// Digits with the loss multiplied by a factor.
private struct ScaledLossTask: TrainingTask {
    let task: DigitsTask
    let factor: Double

    var summary: TaskSummary { task.summary }
    var examplesPerStep: Int { task.examplesPerStep }
    var dataFingerprint: String { task.dataFingerprint }
    var modelMetadata: [String: String] { task.modelMetadata }

    func makeModel(seed: UInt64) throws -> Sequential { try task.makeModel(seed: seed) }
    func makeBatches(seed: UInt64) throws -> ShuffledBatches { try task.makeBatches(seed: seed) }
    func validationLoss(of model: Sequential) throws -> Double { try task.validationLoss(of: model) }

    func objective(of model: Sequential, on batch: SupervisedBatch) throws -> Objective {
        try Objective(
            ScaledCategorical(base: Categorical(logits: model(batch.inputs)), factor: factor),
            observing: batch.targets)
    }
}

/// Classes whose negative log-likelihood is multiplied by a factor.
private struct ScaledCategorical: Likelihood {
    let base: Categorical
    let factor: Double

    func negativeLogLikelihood(of observed: Tensor) -> Tensor {
        base.negativeLogLikelihood(of: observed) * factor
    }

    func observationCount(of observed: Tensor) throws(TorchError) -> Int {
        try base.observationCount(of: observed)
    }
}
