import FisherStudies

extension Claim {
    /// FAdam needs no warm-up.
    static let warmUp = Claim(
        "warm-up",
        says: """
            FAdam omits zero bias correction in the average of the momentum, because excessive descent is unnecessary before the \
            momentum is sufficiently accumulated: a built-in informed warm-up schedule.
            """,
        in: .fadam("Section 3.4.2"),
        decidedBy: """
            Language, each arm at its own tuned rate. First, FAdam without a warm-up is no worse than with one, by \
            \(OptimizerMargin.text) nats/byte. Second, FAdam loses less by the omission than AdamW with clipped gradients: the \
            difference of the two losses from omission, seed by seed, is better (margin \(OptimizerMargin.text)). Both must \
            hold. FAdam and AdamW without a warm-up at the rate that AdamW had with one are shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 360, full: 3600)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"), parts: 2)
        let with = context.language()
        let without = context.language(warmsUp: false)
        let fadamWith = try study.tuned(.fadam(Arm.textRates), on: with)
        let fadam = try study.tuned(.fadam(Arm.textRates).named("FAdam, no warm-up"), on: without)
        let adamWith = try study.tuned(.adamW(Arm.textRates), on: with)
        let adam = try study.tuned(.adamW(Arm.textRates).named("AdamW, clipped, no warm-up"), on: without)
        let margin = OptimizerMargin.text
        study.judge(fadam, against: fadamWith, by: .noWorse(margin: margin))
        let omission = JudgedQuantity("validation loss, nats/byte, less that with a warm-up") { arm in
            let own = arm.label == fadam.label ? fadamWith.losses : adamWith.losses
            return Dictionary(
                uniqueKeysWithValues: arm.losses.compactMap { seed, loss in
                    own[seed].map { (seed, loss - $0) }
                })
        }
        study.judge(fadam, against: adam, by: .better(margin: margin), in: omission)
        let dropIn = try study.trained(
            .fadam([]).named("FAdam, no warm-up, AdamW's rate"), at: adamWith.rate, on: without)
        let adamDropped = try study.trained(
            .adamW([]).named("AdamW, clipped, no warm-up, the same rate"), at: adamWith.rate, on: without)
        study.show(fadam, against: adam, by: .better(margin: margin))
        study.show(dropIn, against: adamDropped, by: .better(margin: margin))
        return study.finding
    }

    /// The momentum's missing correction is what warms up.
    static let biasCorrection = Claim(
        "bias-correction",
        says: """
            Omitting the correction of the momentum's start at zero can be viewed as a built-in informed warm-up schedule.
            """,
        in: .fadam("Section 3.4.2"),
        decidedBy: """
            Language without a warm-up, each at its own tuned rate: FAdam without the correction is better than FAdam with it \
            (margin \(OptimizerMargin.text) nats/byte).
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 210, full: 1900)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"))
        let problem = context.language(warmsUp: false)
        let omitted = try study.tuned(.fadam(Arm.textRates).named("FAdam, no warm-up"), on: problem)
        let corrected = try study.tuned(
            .fadam(Arm.textRates, with: "corrects_momentum_bias=true").named("FAdam, momentum corrected"),
            on: problem)
        let adam = try study.tuned(.adamW(Arm.textRates).named("AdamW, clipped, no warm-up"), on: problem)
        study.judge(omitted, against: corrected, by: .better(margin: OptimizerMargin.text))
        study.show(corrected, against: adam, by: .better(margin: OptimizerMargin.text))
        return study.finding
    }
}
