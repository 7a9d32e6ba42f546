import FisherStudies

extension Claim {
    /// Categorical pixels beat squared errors.
    static let discreteLikelihood = Claim(
        "discrete-likelihood",
        says: """
            Cross-entropy loss on a categorical distribution instead of the L2 loss significantly enhances the Frechet distance of \
            a vector-quantized autoencoder, and eliminates the need for the logit-Laplace transformation.
            """,
        in: .fadam("Sections 3.3.1 and 4.3, Figure 1c"),
        decidedBy: """
            Vector-quantized autoencoder of digits, each arm at its own tuned rate, under FAdam and under clipped AdamW: the \
            Frechet distance of held-out reconstructions is better with the categorical likelihood than with the Gaussian of \
            fixed variance (L2), and no worse than with the logit-Laplace one (four parts, margin \(OptimizerMargin.frechet)). \
            Bits a dimension are shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 260, full: 9000)
    ) { context in
        let bits = JudgedQuantity.measure("bits a dimension")
        let distance = JudgedQuantity.frechet
        var study = ArmComparison(context, by: distance, bits, parts: 4)
        let margin = OptimizerMargin.frechet
        for make in [Arm.fadam(Arm.imageRates), Arm.adamW(Arm.imageRates)] {
            var arms: [String: TunedArm] = [:]
            for likelihood in ["categorical", "gaussian", "logit_laplace"] {
                let name = likelihood.replacing("_", with: "-")
                arms[likelihood] = try study.tuned(
                    make.named("\(make.label ?? make.optimizer), \(name)"),
                    on: .vectorQuantized(context.form, likelihood))
            }
            guard let own = arms["categorical"], let l2 = arms["gaussian"],
                let laplace = arms["logit_laplace"]
            else { continue }
            study.judge(own, against: l2, by: .better(margin: margin), in: distance)
            study.judge(own, against: laplace, by: .noWorse(margin: margin), in: distance)
            study.show(own, against: l2, by: .better(margin: OptimizerMargin.pixelBits), in: bits)
            study.show(own, against: laplace, by: .better(margin: OptimizerMargin.pixelBits), in: bits)
        }
        return study.finding
    }

    /// FAdam on vector-quantized images.
    static let vectorQuantized = Claim(
        "vq",
        says:
            "FAdam outperforms AdamW in the Frechet distance of a vector-quantized autoencoder with identical hyperparameters.",
        in: .fadam("Section 4.3, Figure 1c"),
        decidedBy: """
            Vector-quantized autoencoder of digits with categorical pixels; FAdam against clipped AdamW, each at its own tuned \
            rate: FAdam's Frechet distance of held-out reconstructions is better (margin \(OptimizerMargin.frechet)). FAdam at \
            AdamW's rate, and bits a dimension, are shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 110, full: 3500)
    ) { context in
        let bits = JudgedQuantity.measure("bits a dimension")
        var study = ArmComparison(context, by: .frechet, bits)
        let problem = Problem.vectorQuantized(context.form)
        let adam = try study.tuned(.adamW(Arm.imageRates), on: problem)
        let own = try study.tuned(.fadam(Arm.imageRates), on: problem)
        let replaced = try study.trained(.fadam([]).named("FAdam, AdamW's rate"), at: adam.rate, on: problem)
        study.judge(own, against: adam, by: .better(margin: OptimizerMargin.frechet))
        study.show(replaced, against: adam, by: .better(margin: OptimizerMargin.frechet))
        study.show(own, against: adam, by: .better(margin: OptimizerMargin.pixelBits), in: bits)
        return study.finding
    }

    /// FAdam avoids the collapse of a codebook.
    static let codebook = Claim(
        "codebook",
        says: "More stable training of VQ-VAEs, particularly in avoiding issues like codebook collapse.",
        in: .perspective("Section 5"),
        decidedBy: """
            Vector-quantized autoencoder of digits whose codebook of 64 learns by its gradient, without restarts; FAdam against \
            clipped AdamW, each at its own tuned rate: the perplexity of the codes used for held-out images is larger with FAdam \
            (margin 2 codes). FAdam with the momentum of the raw gradient is shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 160, full: 5000)
    ) { context in
        let perplexity = JudgedQuantity.measure("codebook perplexity", isBetterLarger: true, decimals: 1)
        let used = JudgedQuantity.measure("codes in use", isBetterLarger: true, decimals: 1)
        var study = ArmComparison(context, by: perplexity, used)
        let problem = Problem.vectorQuantized(context.form, codebook: "gradient")
        let own = try study.tuned(.fadam(Arm.imageRates), on: problem)
        let adam = try study.tuned(.adamW(Arm.imageRates), on: problem)
        let raw = try study.tuned(.fadam(Arm.imageRates, with: "momentum_order=raw"), on: problem)
        study.judge(own, against: adam, by: .better(margin: 2))
        study.show(own, against: raw, by: .better(margin: 2))
        return study.finding
    }

    /// Auxiliary terms pass by the information.
    static let auxiliary = Claim(
        "auxiliary-losses",
        says: """
            If the auxiliary loss is related to the log-likelihood, it can be included in the loss. Otherwise, it should be \
            bypassed by the Adam optimizer.
            """,
        in: .fadam("Section 3.4.3"),
        decidedBy: """
            Vector-quantized autoencoder of digits, whose commitment is no likelihood; FAdam, each at its own tuned rate: with \
            the commitment's gradient kept from the information and the momentum it is better in bits a dimension than with it \
            in the gradient (margin \(OptimizerMargin.pixelBits)). The Frechet distance and clipped AdamW are shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 130, full: 4500)
    ) { context in
        let bits = JudgedQuantity.measure("bits a dimension")
        var study = ArmComparison(context, by: bits, .frechet)
        let problem = Problem.vectorQuantized(context.form)
        let bypassed = try study.tuned(.fadam(Arm.imageRates), on: problem)
        let included = try study.tuned(.fadam(Arm.imageRates, with: "auxiliary=in_gradient"), on: problem)
        let adam = try study.tuned(.adamW(Arm.imageRates), on: problem)
        study.judge(bypassed, against: included, by: .better(margin: OptimizerMargin.pixelBits))
        study.show(bypassed, against: included, by: .better(margin: OptimizerMargin.frechet), in: .frechet)
        study.show(bypassed, against: adam, by: .better(margin: OptimizerMargin.pixelBits))
        return study.finding
    }
}
