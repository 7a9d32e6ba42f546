import FisherStudies

extension Claim {
    /// Gradient clipping is essential for Adam, and brings FAdam nothing.
    static let clipping = Claim(
        "clipping",
        says: """
            It was discovered that gradient clipping is essential for Adam. Since clipping is already incorporated into FAdam, \
            global clipping is not necessary: we did not observe any benefit from applying it.
            """,
        in: .fadam("Appendix B.3"),
        decidedBy: """
            Language with a warm-up, each at its own tuned rate. First, AdamW with its gradient's norm clipped at 1 is better \
            than AdamW without (margin \(OptimizerMargin.text) nats/byte). Second, FAdam is no worse than FAdam with the same \
            global clipping, by \(OptimizerMargin.text). Both must hold. FAdam \
            without its own clip is shown besides, without decay at rates of its own, and with the decay, which is divided by \
            f^rho like the gradient and has no bound where f is nearly zero, at rates from a four hundredth on.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 410, full: 3500)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"), parts: 2)
        let problem = context.language()
        let rates = Arm.textRates
        let clipped = try study.tuned(.adamW(rates), on: problem)
        let plain = try study.tuned(.plainAdamW(rates), on: problem)
        study.judge(clipped, against: plain, by: .better(margin: OptimizerMargin.text))
        let own = try study.tuned(.fadam(rates), on: problem)
        let both = try study.tuned(.fadam(rates, with: "clip_gradient_norm=1"), on: problem)
        study.judge(own, against: both, by: .noWorse(margin: OptimizerMargin.text))
        let none = try study.tuned(.fadam(rates.map { $0 / 400 }, with: "clip=none"), on: problem)
        let free = try study.tuned(.fadam(rates, with: "clip=none,weight_decay=0.0"), on: problem)
        study.show(own, against: none, by: .better(margin: OptimizerMargin.text))
        study.show(own, against: free, by: .better(margin: OptimizerMargin.text))
        study.show(both, against: clipped, by: .better(margin: OptimizerMargin.text))
        return study.finding
    }

    /// Momentum averages the natural gradient.
    static let momentumOrder = Claim(
        "momentum-order",
        says: """
            Momentum should average the invariant natural gradient rather than the raw gradient.
            """,
        in: .fadam("Section 3.4.2"),
        decidedBy: """
            FAdam with its momentum of the natural gradient against FAdam that averages the raw gradient and divides afterwards, \
            each at its own tuned rate, on language with a warm-up and on the vector-quantized autoencoder whose codebook learns \
            by its gradient. The natural order is better in both (margins \(OptimizerMargin.text) nats/byte and \
            \(OptimizerMargin.pixelBits) bits a dimension). Clipped AdamW, whose momentum is raw, is shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 280, full: 6000)
    ) { context in
        let bits = JudgedQuantity.measure("bits a dimension")
        let distance = JudgedQuantity.frechet
        var study = ArmComparison(context, by: .loss(per: "example"), bits, distance, parts: 2)
        let images = Problem.vectorQuantized(context.form, codebook: "gradient")
        let cases: [(problem: Problem, quantity: JudgedQuantity, margin: Double)] = [
            (context.language(), .loss(per: "byte", on: context.language().name), OptimizerMargin.text),
            (images, bits, OptimizerMargin.pixelBits),
        ]
        for (problem, quantity, margin) in cases {
            let natural = try study.tuned(.fadam(Arm.textRates), on: problem)
            let raw = try study.tuned(.fadam(Arm.textRates, with: "momentum_order=raw"), on: problem)
            let adam = try study.tuned(.adamW(Arm.textRates), on: problem)
            study.judge(natural, against: raw, by: .better(margin: margin), in: quantity)
            study.show(natural, against: adam, by: .better(margin: margin), in: quantity)
            if problem == images {
                study.show(natural, against: raw, by: .better(margin: OptimizerMargin.frechet), in: distance)
            }
        }
        return study.finding
    }
}
