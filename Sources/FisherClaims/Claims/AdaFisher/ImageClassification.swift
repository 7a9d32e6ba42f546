import FisherStudies

extension Claim {
    private static let problem = """
        A small convolutional classifier on half of the bundled digits, each optimizer at its own best rate, which must lie \
        inside its grid: the share of held-out images that are misjudged.
        """

    /// AdaFisher outperforms Adam on images.
    static let adaFisher = Claim(
        "adafisher",
        says:
            "AdaFisher consistently outperforms Adam on image classification (95.2 % against 93.8 % on CIFAR-10).",
        in: .adaFisher("Key Results"),
        decidedBy: """
            \(problem) AdaFisher as published. It holds if it misjudges fewer images than Adam and than AdamW with clipping \
            (95 % interval of each paired difference below zero), and does not hold if one of the intervals excludes an \
            advantage of 0.5 %.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 130, full: 1200)
    ) { try compare(.adaFisher, $0) }

    /// The same as the authors' program has it.
    static let codedAdaFisher = Claim(
        "adafisher-code",
        says:
            "AdaFisher, as its authors' program computes it, outperforms Adam on image classification.",
        in: .adaFisher("Key Results, and the published program"),
        decidedBy: """
            \(problem) AdaFisher with the program's arithmetic (X <- 0.08 X + 0.008 n), whose F is nearly constant. It holds if \
            it misjudges fewer images than Adam and than AdamW with clipping (95 % interval of each paired difference below \
            zero), and does not hold if one of the intervals excludes an advantage of 0.5 %. Beside it stands SGD with momentum, \
            which it nearly is.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 130, full: 1200)
    ) { try compare(.codedAdaFisher, $0) }

    private static func compare(_ arm: Arm, _ context: ClaimContext) throws -> ClaimFinding {
        let problem = Problem.imageClassifier(context.form)
        let arms = try [arm, .adam, .clippedAdamW, .sgd, .fadam].map { try context.tuned($0, on: problem) }
        let judged = arms[1...2].map { context.errorContrast(arms[0], to: $0) }
        let others = arms[3...].map { context.errorContrast(arms[0], to: $0) }
        let losses = arms.dropFirst().map { context.lossContrast(arms[0], to: $0) }
        let overview = ArmOverview(arms: arms)
        return ClaimFinding(
            .all(judged.map(\.verdict)),
            (judged + losses.prefix(2)).map(\.sentence).joined(separator: " "),
            contrasts: judged + others + losses, exhibits: [overview.table], figures: [overview.figure],
            remarks: [
                "Only the first two contrasts decide; the source's data sets and networks are far larger than these digits."
            ])
    }

    /// AdaFisher is better without the root.
    static let adaFisherRoot = Claim(
        "adafisher-root",
        says: "AdaFisher's exclusion of the square root in the update rule improves performance.",
        in: .adaFisher("Mechanism 2"),
        decidedBy: """
            \(problem) AdaFisher as published, dividing by F, against the same dividing by the root of F. It holds if it \
            misjudges fewer images and has the smaller loss (95 % interval of each paired difference below zero), and does not \
            hold if an interval excludes an advantage of 0.5 %, or of 0.01 nats.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 60, full: 500)
    ) { context in
        let problem = Problem.imageClassifier(context.form)
        let root = Arm(
            "adafisher:statistics_interval=10,power=0.5", rates: [0.005, 0.015, 0.05],
            label: "AdaFisher with the root")
        let arms = try [Arm.adaFisher, root].map { try context.tuned($0, on: problem) }
        let contrasts = [
            context.errorContrast(arms[0], to: arms[1]), context.lossContrast(arms[0], to: arms[1]),
        ]
        let overview = ArmOverview(arms: arms)
        return ClaimFinding(
            .all(contrasts.map(\.verdict)),
            contrasts.map(\.sentence).joined(separator: " "),
            contrasts: contrasts, exhibits: [overview.table], figures: [overview.figure])
    }
}
