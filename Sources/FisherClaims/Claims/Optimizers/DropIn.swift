import FisherStudies

extension Claim {
    /// FAdam as a drop-in replacement for Adam.
    static let dropIn = Claim(
        "drop-in",
        says: """
            We took existing models from various domains and simply replaced their optimizers with FAdam, keeping all other \
            hyperparameters unchanged. Despite this, FAdam consistently outperformed the original Adam variants.
            """,
        in: .fadam("Section 4"),
        decidedBy: """
            Language with a warm-up, the autoencoder and the classifier of digits. The baseline is AdamW with its gradient's \
            norm clipped at 1 and its rate tuned; FAdam takes over its rate, decay, beta2 and clipping. FAdam is better in all \
            three (margins \(OptimizerMargin.text) nats/byte, \(OptimizerMargin.autoencoder) and \
            \(OptimizerMargin.classifier) nats/image). With both tuned, the differences are shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 220, full: 3600)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "example"), parts: 3)
        let cases: [(problem: Problem, unit: String, rates: [Double], margin: Double)] = [
            (context.language(), "byte", Arm.textRates, OptimizerMargin.text),
            (.autoencoder(context.form), "image", Arm.imageRates, OptimizerMargin.autoencoder),
            (.classifier(context.form), "image", Arm.imageRates, OptimizerMargin.classifier),
        ]
        for (problem, unit, rates, margin) in cases {
            let loss = JudgedQuantity.loss(per: unit, on: problem.name)
            let adam = try study.tuned(.adamW(rates), on: problem)
            let clipped = Arm.fadam(rates, with: "clip_gradient_norm=1")
            let replaced = try study.trained(
                clipped.named("FAdam, AdamW's settings"), at: adam.rate, on: problem)
            let tuned = try study.tuned(.fadam(rates), on: problem)
            study.judge(replaced, against: adam, by: .better(margin: margin), in: loss)
            study.show(tuned, against: adam, by: .better(margin: margin), in: loss)
        }
        return study.finding
    }

    /// FAdafactor against Adafactor.
    static let fadafactor = Claim(
        "fadafactor",
        says: "FAdafactor outperforms Adafactor with the same hyperparameters on a language model.",
        in: .fadam("Section 4.1, Figure 1a"),
        decidedBy: """
            Language with a warm-up, beta2 0.99 and decay 1e-3 as in the paper, each at its own tuned rate: FAdafactor \
            (Algorithm 2, epsilon 1e-8) is better than Adafactor (Algorithm 4, epsilon 1e-30; its decay lies outside the rate) \
            (margin \(OptimizerMargin.text) nats/byte). Clipped AdamW is shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 160, full: 2200)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "byte"))
        let problem = context.language()
        let rates = Arm.textRates
        let own = try study.tuned(.fadafactor(rates), on: problem)
        let adafactor = try study.tuned(
            Arm("adafactor:beta2=0.99,weight_decay=0.001", rates: rates.map { 2 * $0 }, label: "Adafactor"),
            on: problem)
        let adam = try study.tuned(.adamW(rates), on: problem)
        study.judge(own, against: adafactor, by: .better(margin: OptimizerMargin.text))
        study.show(own, against: adam, by: .better(margin: OptimizerMargin.text))
        return study.finding
    }

    /// FAdam on speech.
    static let speech = Claim(
        "speech",
        says: "FAdam outperforms Adam in word error rate with identical hyperparameters.",
        in: .fadam("Section 4.2, Table 1, Figure 1b"),
        decidedBy: """
            Spoken digit strings, a small Conformer with CTC; clipped AdamW and FAdam, each at its own tuned rate. FAdam is \
            better in validation loss (margin \(OptimizerMargin.speech) nats/utterance). The word error rate is shown besides; \
            at this size it depends on few words. FAdam at AdamW's rate is shown besides.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 590, full: 9000)
    ) { context in
        let words = JudgedQuantity.measure("word error rate", decimals: 1)
        var study = ArmComparison(context, by: .loss(per: "utterance"), words)
        let problem = Problem.speech(context.form)
        let adam = try study.tuned(.adamW(Arm.speechRates), on: problem)
        let own = try study.tuned(.fadam(Arm.speechRates), on: problem)
        let replaced = try study.trained(.fadam([]).named("FAdam, AdamW's rate"), at: adam.rate, on: problem)
        study.judge(own, against: adam, by: .better(margin: OptimizerMargin.speech))
        study.show(replaced, against: adam, by: .better(margin: OptimizerMargin.speech))
        study.show(own, against: adam, by: .better(margin: 1), in: words)
        return study.finding
    }

    /// Adam is for text, SGD for images.
    static let imagesAndText = Claim(
        "images-and-text",
        says: """
            Adam often outperforms SGD in the text domain; in the image domain, particularly with CNNs, its convergence point \
            can be inferior to that of SGD.
            """,
        in: .fadam("Section 3.3.1"),
        decidedBy: """
            Each at its own tuned rate: on language clipped AdamW is better than SGD with momentum 0.9 and the same clip (margin \
            \(OptimizerMargin.text) nats/byte); on the convolutional classifier of digits that SGD is no worse than clipped \
            AdamW by \(OptimizerMargin.classifier) nats/image. Both must hold.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 160, full: 1700)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "example"), parts: 2)
        let language = context.language()
        let sgd = "sgd:momentum=0.9,clip_gradient_norm=1"
        let adamOnText = try study.tuned(.adamW(Arm.textRates), on: language)
        let sgdOnText = try study.tuned(
            Arm(sgd, rates: [0.2, 0.4, 0.8], label: "SGD, momentum 0.9, clipped"), on: language)
        study.judge(
            adamOnText, against: sgdOnText, by: .better(margin: OptimizerMargin.text),
            in: .loss(per: "byte", on: language.name))
        let images = Problem.classifier(context.form)
        let adamOnImages = try study.tuned(.adamW(Arm.imageRates), on: images)
        let sgdOnImages = try study.tuned(
            Arm(sgd, rates: [0.05, 0.1, 0.2], label: "SGD, momentum 0.9, clipped"), on: images)
        study.judge(
            sgdOnImages, against: adamOnImages, by: .noWorse(margin: OptimizerMargin.classifier),
            in: .loss(per: "image", on: images.name))
        return study.finding
    }
}
