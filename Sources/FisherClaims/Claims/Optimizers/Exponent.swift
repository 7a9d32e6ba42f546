import FisherStudies

extension Claim {
    /// The square root is the best power of the Fisher information.
    static let exponent = Claim(
        "exponent",
        says: """
            Exponents above 0.5 exhibit relative stability, while values below 0.3 demonstrate a sharp decline in performance; \
            0.5 appears to be a well-justified choice.
            """,
        in: .fadam("Section 3.4.1, Appendix C.1.1, Table 2, Figure 1d"),
        decidedBy: """
            Language with a warm-up, FAdam with rho 0.3, 0.4, 0.5, 0.6, 0.7, 0.8 and 1, each at its own tuned rate. First, 0.5 is \
            no worse than any other by \(OptimizerMargin.text) nats/byte (six parts). Second, the decline: 0.5 is better than 0.3 \
            by more than 0.1 nats/byte. All must hold. Table 2 says 1.6 at 0.3, 0.1 at 0.4 and 0.6, 0.5 at 1. Clipped AdamW is \
            shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 420, full: 6000)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"), parts: 7)
        let problem = context.language()
        let loss = JudgedQuantity.loss(per: "byte")
        let half = try study.tuned(.fadam(Arm.textRates), on: problem)
        var powers: [(rho: Double, arm: TunedArm)] = [(0.5, half)]
        for rho in [0.3, 0.4, 0.6, 0.7, 0.8, 1] {
            let other = try study.tuned(.fadam(Arm.textRates, with: "rho=\(rho)"), on: problem)
            powers.append((rho, other))
            study.judge(half, against: other, by: .noWorse(margin: OptimizerMargin.text))
            if rho == 0.3 {
                study.judge(
                    half, against: other, by: .better(margin: OptimizerMargin.text),
                    in: loss.requiring(0.1, of: half.label))
            }
        }
        let adam = try study.tuned(.adamW(Arm.textRates), on: problem)
        study.show(half, against: adam, by: .better(margin: OptimizerMargin.text))
        study.figures = [
            ClaimFigure(
                title: "Loss by the power of the Fisher information",
                caption: "Each at its own tuned rate, with 95 % intervals over the seeds.",
                horizontal: .init("rho"), vertical: .init("validation loss, nats/byte"),
                series: [
                    .init(
                        "FAdam",
                        powers.sorted { $0.rho < $1.rho }.compactMap { rho, arm in
                            SampleSummary(arm.losses.map(\.value)).map {
                                ClaimFigure.Point(rho, $0.mean, interval: $0.interval())
                            }
                        })
                ])
        ]
        return study.finding
    }

    /// A better estimate of the information makes the root unnecessary.
    static let squareRoot = Claim(
        "square-root",
        says: """
            If we were able to achieve a more accurate estimation of the Fisher information with smaller beta2, it might be \
            possible to eliminate the square root operation.
            """,
        in: .fadam("Section 3.4.1"),
        decidedBy: """
            Language with a warm-up, each at its own tuned rate: FAdam with rho 1, beta2 0.9 and the squares of single sequences' \
            gradients (Eq. 20) in place of the mini-batch's is no worse than FAdam with rho 1/2 and beta2 0.99, by \
            \(OptimizerMargin.text) nats/byte. The steps between the two are shown besides: rho 1 with each of the two changes.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 410, full: 4000)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"))
        let problem = context.language()
        let half = try study.tuned(.fadam(Arm.textRates), on: problem)
        let whole = try study.tuned(.fadam(Arm.textRates, with: "rho=1.0"), on: problem)
        let shorter = try study.tuned(.fadam(Arm.textRates, with: "beta2=0.9,rho=1.0"), on: problem)
        let both = try study.tuned(
            .fadam(Arm.textRates, with: "beta2=0.9,rho=1.0,source=empirical"), on: problem)
        study.judge(both, against: half, by: .noWorse(margin: OptimizerMargin.text))
        study.show(whole, against: half, by: .noWorse(margin: OptimizerMargin.text))
        study.show(shorter, against: half, by: .noWorse(margin: OptimizerMargin.text))
        let adam = try study.tuned(.adamW(Arm.textRates), on: problem)
        study.show(both, against: adam, by: .better(margin: OptimizerMargin.text))
        return study.finding
    }
}
