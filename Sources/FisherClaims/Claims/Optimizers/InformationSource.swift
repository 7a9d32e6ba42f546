import FisherStudies
import Foundation

extension Claim {
    /// The empirical Fisher information suits discrete distributions, and not continuous ones.
    static let whichFisher = Claim(
        "which-fisher",
        says: """
            We hypothesize that the empirical approximations of the Fisher information cause significantly more problems in \
            continuous distributions than in discrete distributions, for which it is adequate.
            """,
        in: .fadam("Section 3.3.1, Eq. 16 to 21"),
        decidedBy: """
            FAdam with the information of labels (single examples, Eq. 20) against that of labels drawn from the model, each at \
            its own tuned rate, on the vector-quantized autoencoder of digits. The penalty is what the data's labels cost, in bits \
            a dimension. First, it is larger for Gaussian pixels than for categorical ones (margin \
            \(OptimizerMargin.pixelBits)). Second, on the convolutional classifier FAdam with the labels' information is no worse \
            than with the exact one, by \(OptimizerMargin.classifier) nats/image. Both must hold. The mini-batch square (Eq. 21) \
            is shown beside each, and clipped AdamW.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 450, full: 15000)
    ) { context in
        let bits = JudgedQuantity.measure("bits a dimension")
        var study = ArmComparison(context, by: bits, .frechet, parts: 2)
        let rates = Arm.imageRates
        var arms: [String: [String: TunedArm]] = [:]
        for likelihood in ["categorical", "gaussian"] {
            let problem = Problem.vectorQuantized(context.form, likelihood)
            for source in ["minibatch", "empirical", "sampled"] {
                let arm =
                    source == "minibatch"
                    ? Arm.fadam(rates) : .fadam(Arm.singleExampleRates, with: "source=\(source)")
                arms[likelihood, default: [:]][source] = try study.tuned(
                    arm.named("FAdam, \(source), \(likelihood)"), on: problem)
            }
        }
        if let discrete = arms["categorical"], let continuous = arms["gaussian"],
            let own = discrete["empirical"], let other = continuous["empirical"],
            let drawn = discrete["sampled"], let drawnOther = continuous["sampled"]
        {
            let penalty = JudgedQuantity("bits a dimension, less those with drawn labels") { arm in
                let reference = bits.values(arm.label == own.label ? drawn : drawnOther)
                return Dictionary(
                    uniqueKeysWithValues: bits.values(arm).compactMap { seed, value in
                        reference[seed].map { (seed, value - $0) }
                    })
            }
            study.judge(own, against: other, by: .better(margin: OptimizerMargin.pixelBits), in: penalty)
            study.show(own, against: drawn, by: .noWorse(margin: OptimizerMargin.pixelBits))
            study.show(other, against: drawnOther, by: .noWorse(margin: OptimizerMargin.pixelBits))
            for (source, likelihoods) in [("minibatch", discrete), ("minibatch", continuous)] {
                guard let batch = likelihoods[source], let drawn = likelihoods["sampled"] else { continue }
                study.show(batch, against: drawn, by: .noWorse(margin: OptimizerMargin.pixelBits))
            }
        }
        let classifier = Problem.classifier(context.form)
        let loss = JudgedQuantity.loss(per: "image", on: classifier.name)
        let exact = try study.tuned(.fadam(Arm.singleExampleRates, with: "source=exact"), on: classifier)
        let empirical = try study.tuned(
            .fadam(Arm.singleExampleRates, with: "source=empirical"), on: classifier)
        let batch = try study.tuned(.fadam(rates), on: classifier)
        let adam = try study.tuned(.adamW(rates), on: classifier)
        let margin = OptimizerMargin.classifier
        study.judge(empirical, against: exact, by: .noWorse(margin: margin), in: loss)
        study.show(batch, against: exact, by: .noWorse(margin: margin), in: loss)
        study.show(batch, against: adam, by: .better(margin: margin), in: loss)
        return study.finding
    }

    /// Squares of single examples' gradients make Adam less sensitive to the batch size.
    static let batchSensitivity = Claim(
        "batch-sensitivity",
        says: """
            Using the squares of single examples' gradients (Eq. 20) in place of the mini-batch's square (Eq. 21) makes Adam less \
            sensitive to batch size.
            """,
        in: .fadam("Section 3.3, after Wang and Aitchison (2024), Batch size invariant Adam"),
        decidedBy: """
            A perceptron on digits with batches of 4, 16 and 64 and equally many images in all. Adam's order of momentum and \
            correction, no clip, with both squares. The rate is tuned at 16 and carried to the others by each one's own rule: in \
            proportion to the batch for single examples, to its root for the mini-batch; 0.9 and 0.99 are raised to the power of \
            batch/16. The difference between the largest and the smallest of the three final losses, seed by seed, is smaller for \
            single examples (margin \(OptimizerMargin.classifier) nats/image).
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 120, full: 500)
    ) { context in
        var study = ArmComparison(context, by: .loss(per: "image"))
        let batches = [4, 16, 64]
        let images = context.form == .short ? 12_800 : 25_600
        func problem(_ batch: Int) -> Problem {
            let steps = images / batch
            return Problem(
                "perceptron, batch \(batch)", task: "digits", preset: "perceptron",
                [
                    "data.batch": "\(batch)", "training.steps": "\(steps)",
                    "training.evaluate_every": "\(steps / 4)", "optimizer.warm_up": "\(steps / 10)",
                ])
        }
        func arm(_ source: String, _ batch: Int, _ label: String) -> Arm {
            let ratio = Double(batch) / 16
            let (beta1, beta2) = (pow(0.9, ratio), pow(0.99, ratio))
            return Arm(
                "fadam:beta1=\(beta1),beta2=\(beta2),source=\(source),momentum_order=raw,"
                    + "corrects_momentum_bias=true,clip=none,weight_decay=0.0",
                rates: [0.005, 0.01, 0.02, 0.04], label: label)
        }
        var spreads: [String: [UInt64: Double]] = [:]
        func middle(_ source: String, _ name: String, carriedBy power: Double) throws -> TunedArm {
            let tuned = try study.tuned(arm(source, 16, name), on: problem(16))
            var arms = [tuned]
            for batch in batches where batch != 16 {
                arms.append(
                    try study.trained(
                        arm(source, batch, name), at: tuned.rate * pow(Double(batch) / 16, power),
                        on: problem(batch)))
            }
            for seed in context.seeds {
                let losses = arms.compactMap { $0.losses[seed] }
                guard losses.count == arms.count, let most = losses.max(), let least = losses.min() else {
                    continue
                }
                spreads[name, default: [:]][seed] = most - least
            }
            return tuned
        }
        let single = try middle("empirical", "squares of single examples", carriedBy: 1)
        let whole = try middle("minibatch", "square of the mini-batch", carriedBy: 0.5)
        let spread = JudgedQuantity("largest less smallest loss over the batch sizes, nats/image") {
            spreads[$0.label] ?? [:]
        }
        study.judge(single, against: whole, by: .better(margin: OptimizerMargin.classifier), in: spread)
        let adam = try study.tuned(.adamW([0.005, 0.01, 0.02]), on: problem(16))
        study.show(whole, against: adam, by: .equal(margin: OptimizerMargin.classifier))
        return study.finding
    }
}
