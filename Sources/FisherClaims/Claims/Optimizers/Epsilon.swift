import FisherStudies

extension Claim {
    /// The adaptive epsilon needs no tuning.
    static let epsilon = Claim(
        "epsilon",
        says: """
            The adaptive epsilon demonstrated competitive performance without requiring manual tuning; manual tuning sometimes led \
            to divergence with smaller values like 1e-20 or 1e-30.
            """,
        in: .fadam("Appendix C.1.2, Table 3"),
        decidedBy: """
            Language with a warm-up and the autoencoder, FAdam, each at its own tuned rate: the adaptive epsilon is no worse than \
            any fixed one of 1e-8, 1e-12, 1e-20 and 1e-30, by \(OptimizerMargin.text) nats/byte and \
            \(OptimizerMargin.autoencoder) nats/image (eight parts). A fixed epsilon that diverges is worse. An element that never \
            had a gradient takes no step here; the algorithm as printed divides zero by zero there, which is one way to NaN.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 470, full: 5000)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "example"), parts: 8)
        try study.compareEpsilons(context) { "epsilon=\($0),epsilon_policy=fixed" }
        if !study.hasDivergedRuns { study.remarks.append("No run diverged, with whatever epsilon.") }
        return study.finding
    }

    /// Epsilon inside the average, or divided by the size.
    static let epsilonPlaces = Claim(
        "epsilon-places",
        says: """
            EAdam and Adafactor accumulate epsilon within the moving average, but we did not observe any benefits; dividing \
            epsilon by the size of the parameter did not improve performance.
            """,
        in: .fadam("Appendix B.3, footnote 19"),
        decidedBy: """
            Language with a warm-up, FAdam, each at its own tuned rate: the adaptive epsilon is no worse than epsilon accumulated \
            in the average, and no worse than epsilon divided by the size, by \(OptimizerMargin.text) nats/byte. Both must hold.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 280, full: 2500)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"), parts: 2)
        let problem = context.language()
        let adaptive = try study.tuned(.fadam(Arm.textRates), on: problem)
        for policy in ["accumulated", "per_size"] {
            let other = try study.tuned(.fadam(Arm.textRates, with: "epsilon_policy=\(policy)"), on: problem)
            study.judge(adaptive, against: other, by: .noWorse(margin: OptimizerMargin.text))
        }
        let adam = try study.tuned(.adamW(Arm.textRates), on: problem)
        study.show(adaptive, against: adam, by: .better(margin: OptimizerMargin.text))
        return study.finding
    }

    /// The scale of the adaptive epsilon.
    static let epsilonScale = Claim(
        "epsilon2",
        says:
            "An epsilon2 of 0.01 consistently yielded good performance across all domains, with an epsilon of 1e-8.",
        in: .fadam("Appendix C.1.3, Table 4"),
        decidedBy: """
            Language with a warm-up and the autoencoder, FAdam, each at its own tuned rate: epsilon2 0.01 is no worse than any of \
            1e-1, 1e-4 and 1e-8, by \(OptimizerMargin.text) nats/byte and \(OptimizerMargin.autoencoder) nats/image (six parts). \
            Where no gradient's RMS falls below 1e-6, epsilon2 from 0.01 on enters no step.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 390, full: 4000)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "example"), parts: 6)
        try study.compareEpsilons(context, values: ["0.1", "0.0001", "1e-08"]) { "epsilon2=\($0)" }
        return study.finding
    }
}

extension ArmComparison {
    /// Judges FAdam as published against FAdam with other options, on text and on images.
    fileprivate mutating func compareEpsilons(
        _ context: ClaimContext, values: [String] = ["1e-08", "1e-12", "1e-20", "1e-30"],
        option: (String) -> String
    ) throws {
        let cases: [(problem: Problem, unit: String, rates: [Double], margin: Double)] = [
            (context.language(), "byte", Arm.textRates, OptimizerMargin.text),
            (.autoencoder(context.form), "image", Arm.imageRates, OptimizerMargin.autoencoder),
        ]
        for (problem, unit, rates, margin) in cases {
            let published = try tuned(.fadam(rates), on: problem)
            for value in values {
                let other = try tuned(.fadam(rates, with: option(value)), on: problem)
                judge(
                    published, against: other, by: .noWorse(margin: margin),
                    in: .loss(per: unit, on: problem.name))
            }
            let adam = try tuned(.adamW(rates), on: problem)
            show(
                published, against: adam, by: .better(margin: margin), in: .loss(per: unit, on: problem.name))
        }
    }
}
