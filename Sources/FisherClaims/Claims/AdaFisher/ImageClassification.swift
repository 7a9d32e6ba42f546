import FisherStudies

extension Claim {
    private static let problem = """
        A small convolutional classifier on half of the bundled digits, each optimizer at its own best rate, which must lie \
        inside its grid: the share of held-out images that are misjudged.
        """
    private static let rule = """
        It holds if it misjudges fewer images than Adam, than AdamW with clipping and than AdaHessian (95 % interval of each \
        paired difference below zero), and does not hold if one of the intervals excludes an advantage of 0.5 %, a third of \
        what the source reports.
        """

    /// AdaFisher outperforms Adam on images.
    static let adaFisher = Claim(
        "adafisher",
        says: """
            AdaFisher consistently outperforms Adam and AdaHessian on image classification (95.2 % against 93.8 % and 94.1 % on \
            CIFAR-10).
            """,
        in: .adaFisher("Key Results"), decidedBy: "\(problem) AdaFisher as published. \(rule)",
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 200, full: 1800)
    ) { try compare(.adaFisher, $0) }

    /// The same as the authors' program has it.
    static let codedAdaFisher = Claim(
        "adafisher-code",
        says:
            "AdaFisher, as its authors' program computes it, outperforms Adam and AdaHessian on image classification.",
        in: .adaFisher("Key Results, and the published program"),
        decidedBy: """
            \(problem) AdaFisher with the program's arithmetic (X <- 0.08 X + 0.008 n), whose F is nearly constant; SGD with \
            momentum, which it nearly is, stands beside it. \(rule)
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 200, full: 1800)
    ) { try compare(.codedAdaFisher, $0) }

    private static func compare(_ arm: Arm, _ context: ClaimContext) throws -> ClaimFinding {
        let problem = Problem.imageClassifier(context.form)
        let loss = JudgedQuantity.loss(per: "image")
        var comparison = ArmComparison(context, by: .misjudged, loss, parts: 3)
        let own = try comparison.tuned(arm, on: problem)
        for reference in [Arm.adam, .adamW(Arm.smallImageRates), .adaHessian] {
            let other = try comparison.tuned(reference, on: problem)
            comparison.judge(own, against: other, by: .better(margin: 0.5))
            comparison.show(own, against: other, by: .better(margin: 0.02), in: loss)
        }
        for reference in [Arm.sgd, .fadam(Arm.smallImageRates)] {
            let other = try comparison.tuned(reference, on: problem)
            comparison.show(own, against: other, by: .equal(margin: 0.5))
        }
        comparison.remarks.append("The source's data sets and networks are far larger than these digits.")
        return comparison.finding
    }

    /// AdaFisher is better without the root.
    static let adaFisherRoot = Claim(
        "adafisher-root",
        says: "AdaFisher's exclusion of the square root in the update rule improves performance.",
        in: .adaFisher("Mechanism 2"),
        decidedBy: """
            \(problem) AdaFisher as published, dividing by F, against the same dividing by the root of F. It holds if it \
            misjudges fewer images and has the smaller loss (95 % interval of each paired difference below zero), and does not \
            hold if an interval excludes an advantage of 0.5 %, or of 0.02 nats.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 70, full: 600)
    ) { context in
        let problem = Problem.imageClassifier(context.form)
        let loss = JudgedQuantity.loss(per: "image")
        var comparison = ArmComparison(context, by: .misjudged, loss, parts: 2)
        let own = try comparison.tuned(.adaFisher, on: problem)
        let rooted = try comparison.tuned(.rootedAdaFisher, on: problem)
        comparison.judge(own, against: rooted, by: .better(margin: 0.5))
        comparison.judge(own, against: rooted, by: .better(margin: 0.02), in: loss)
        return comparison.finding
    }
}
