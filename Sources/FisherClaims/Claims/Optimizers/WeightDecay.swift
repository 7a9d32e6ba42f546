import FisherStudies

extension Claim {
    /// FAdam gains from its decay.
    static let weightDecay = Claim(
        "weight-decay",
        says: """
            Our enhanced weight decay mechanism played a significant role in improving FAdam's performance; the decay of 0.001 \
            used in Adam could generally be reused.
            """,
        in: .fadam("Appendix C.1.4, Table 5"),
        decidedBy: """
            Language with a warm-up and the autoencoder, each at its own tuned rate. First, FAdam with decay 1e-3 is better than \
            FAdam without decay (margins \(OptimizerMargin.text) nats/byte and \(OptimizerMargin.autoencoder) nats/image). What \
            clipped AdamW gains from the same decay, and FAdam from 1e-1, is shown besides. In short runs eta lambda t is small, \
            and so is any decay.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 390, full: 4500)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "example"), parts: 2)
        let cases: [(problem: Problem, unit: String, rates: [Double], margin: Double)] = [
            (context.language(), "byte", Arm.textRates, OptimizerMargin.text),
            (.autoencoder(context.form), "image", Arm.imageRates, OptimizerMargin.autoencoder),
        ]
        for (problem, unit, rates, margin) in cases {
            let loss = JudgedQuantity.loss(per: unit, on: problem.name)
            let without = try study.tuned(.fadam(rates, with: "weight_decay=0.0"), on: problem)
            let own = try study.tuned(.fadam(rates), on: problem)
            let strong = try study.tuned(.fadam(rates, with: "weight_decay=0.1"), on: problem)
            let adam = try study.tuned(.adamW(rates), on: problem)
            let adamWithout = try study.tuned(.adamW(rates, with: "weight_decay=0.0"), on: problem)
            study.judge(own, against: without, by: .better(margin: margin), in: loss)
            study.show(strong, against: without, by: .better(margin: margin), in: loss)
            study.show(adam, against: adamWithout, by: .better(margin: margin), in: loss)
        }
        return study.finding
    }

    /// The best decay of FAdafactor.
    static let decayStrength = Claim(
        "decay-strength",
        says: "The optimal weight decay value of 1e-3 for Adafactor also is optimal for FAdafactor.",
        in: .fadam("Appendix C.1.4, Table 6"),
        decidedBy: """
            Language with a warm-up, FAdafactor with decay 1e-2, 1e-3, 1e-4 and 1e-5, each at its own tuned rate: 1e-3 is better \
            than each of the others (three parts, margin \(OptimizerMargin.text) nats/byte; Table 6 says 0.12). Clipped AdamW is \
            shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 340, full: 2800)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"), parts: 3)
        let problem = context.language()
        let own = try study.tuned(.fadafactor(Arm.textRates), on: problem)
        for decay in ["0.01", "0.0001", "1e-05"] {
            let other = try study.tuned(
                .fadafactor(Arm.textRates, with: "weight_decay=\(decay)"), on: problem)
            study.judge(own, against: other, by: .better(margin: OptimizerMargin.text))
        }
        let adam = try study.tuned(.adamW(Arm.textRates), on: problem)
        study.show(own, against: adam, by: .better(margin: OptimizerMargin.text))
        return study.finding
    }

    /// The natural decay falls on elements with little information, at no cost.
    static let decayPlace = Claim(
        "decay-place",
        says: """
            Weight decay should be applied as a natural gradient: components with low Fisher information can be pushed closer to \
            zero without significantly impacting the model performance.
            """,
        in: .fadam("Section 3.4.3, Eq. 28"),
        decidedBy: """
            Language with a warm-up, FAdam with a decay of 0.1, each arm at its own tuned rate. First, where the natural decay \
            falls: the 1 % of a tensor's elements with the least information take more than ten times their share of its square, \
            0.1 (mean over tensors and over the evaluations of a run). Second, it does no harm: it is no worse than no decay, by \
            \(OptimizerMargin.text) nats/byte. Third, it is better than the Euclidean decay of AdamW of the same strength (same \
            margin). All must hold.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 280, full: 2500)
    ) { context in
        let share = JudgedQuantity("share of the decay on the 1 % with the least information") { arm in
            arm.meanDecayShares
        }
        var study = ArmComparison(context, by: .loss(per: "byte"), share, parts: 3)
        let problem = context.language()
        let rates = Arm.textRates
        let natural = try study.tuned(.fadam(rates, with: "weight_decay=0.1"), on: problem)
        let euclidean = try study.tuned(
            .fadam(rates, with: "weight_decay=0.1,decay_metric=euclidean"), on: problem)
        let none = try study.tuned(.fadam(rates, with: "weight_decay=0.0"), on: problem)
        let adam = try study.tuned(.adamW(rates, with: "weight_decay=0.1"), on: problem)
        let beyond = JudgedQuantity("ten times an even share, 0.1, less the natural decay's share") { arm in
            arm.label == natural.label
                ? arm.meanDecayShares.mapValues { 0.1 - $0 } : arm.losses.mapValues { _ in 0 }
        }
        study.judge(natural, against: none, by: .better(margin: 0.05), in: beyond)
        study.judge(natural, against: none, by: .noWorse(margin: OptimizerMargin.text))
        study.judge(natural, against: euclidean, by: .better(margin: OptimizerMargin.text))
        study.show(natural, against: adam, by: .better(margin: OptimizerMargin.text))
        return study.finding
    }

    /// Decay need not be decoupled from the learning rate.
    static let decoupledDecay = Claim(
        "decoupled-decay",
        says: """
            Decoupling weight decay from the learning rate helps stabilize training; since our modifications make the weight decay \
            adaptable to the loss surface, such workarounds might not be necessary.
            """,
        in: .fadam("Section 3.4.3"),
        decidedBy: """
            Language with a warm-up, FAdam at the rates 2e-3, 4e-3, 8e-3 and 16e-3 with decay 0.1 times the rate, against FAdam \
            with the same decay at every rate, that of 4e-3. The mean of the losses over the rates, seed by seed, is no worse \
            with the coupled decay, by \(OptimizerMargin.text) nats/byte. Clipped AdamW with both decays is shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 600, full: 5000)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"))
        let problem = context.language()
        let rates = [0.002, 0.004, 0.008, 0.016]
        var means: [String: [UInt64: Double]] = [:]
        var curves: [ClaimFigure.Series] = []
        /// The arm at 4e-3, after the mean over all rates is noted under its label.
        func acrossRates(_ name: String, _ make: ([Double], String) -> Arm, couples: Bool) throws -> TunedArm
        {
            let arms = try rates.map { rate in
                let decay = couples ? 0.1 : 0.1 * 0.004 / rate
                let arm = make([rate], "weight_decay=\(decay)").named("\(name), rate \(rate)")
                return try study.trained(arm, at: rate, on: problem)
            }
            for seed in context.seeds {
                let losses = arms.compactMap { $0.losses[seed] }
                guard losses.count == arms.count, let mean = SampleSummary(losses)?.mean else { continue }
                means[arms[1].label, default: [:]][seed] = mean
            }
            curves.append(
                .init(
                    name,
                    zip(rates, arms).compactMap { rate, arm in
                        SampleSummary(arm.losses.map(\.value)).map {
                            .init(rate, $0.mean, interval: $0.interval())
                        }
                    }))
            return arms[1]
        }
        let coupled = try acrossRates("FAdam, decay by rate", Arm.fadam, couples: true)
        let decoupled = try acrossRates("FAdam, decay apart", Arm.fadam, couples: false)
        let adam = try acrossRates("AdamW, clipped, decay by rate", Arm.adamW, couples: true)
        let adamApart = try acrossRates("AdamW, clipped, decay apart", Arm.adamW, couples: false)
        let mean = JudgedQuantity("validation loss, nats/byte, mean over four rates") {
            means[$0.label] ?? [:]
        }
        study.judge(coupled, against: decoupled, by: .noWorse(margin: OptimizerMargin.text), in: mean)
        study.show(adam, against: adamApart, by: .noWorse(margin: OptimizerMargin.text), in: mean)
        study.figures = [
            ClaimFigure(
                title: "Loss by learning rate, with the decay by rate and apart",
                caption: "Means over the seeds with 95 % intervals. At 4e-3 both decays are the same.",
                horizontal: .init("learning rate", isLogarithmic: true),
                vertical: .init("validation loss, nats/byte"), series: curves)
        ]
        return study.finding
    }
}

extension TunedArm {
    /// The mean share of the natural decay that fell on the least-informed 1 %, over the evaluations of each run.
    fileprivate var meanDecayShares: [UInt64: Double] {
        var found: [UInt64: Double] = [:]
        for run in runs where run.record.completedLoss != nil {
            found[run.record.seed] =
                SampleSummary(run.record.curve.compactMap { $0.measure?.decayShare })?.mean
        }
        return found
    }
}
