import FisherStudies
import FisherTasks

extension Claim {
    private static let cost = ClaimCost(short: 450, full: 3500)
    private static let setting = """
        Four tasks of permuted digits in turn, a perceptron 64-64-64-10, the strength of each method tuned on a split of the \
        training images, with five seeds, among fifteen that hold its best inside; a run that diverges counts as guessing; \
        twice as many seeds as other claims have, since runs are short and differ much.
        """

    /// Elastic weight consolidation protects what earlier tasks need.
    static let ewc = Claim(
        "ewc",
        says: """
            The Fisher acts as a memory of which parameters mattered: a large F_i resists moving, a small one is free to change \
            for the new task.
            """,
        in: .hierarchy("EWC and the Fisher as Memory"),
        decidedBy: """
            \(setting) It holds if the average error over all tasks with the empirical diagonal as F is smaller than without \
            protection and than with F = 1 (95 % interval of the paired difference below zero for both), and does not hold if \
            one of the intervals excludes an advantage of 0.02.
            """,
        evidence: .seeds(atLeast: 5), cost: cost
    ) { context in
        let study = try PermutedDigitsStudy(context)
        let contrasts = [ContinualMethod.none, .l2].map {
            study.contrast(.empirical, to: $0, decidedBy: .better(margin: 0.02), of: 2)
        }
        return study.finding(.all(contrasts.map(\.verdict)), contrasts)
    }

    /// FAdam's own f serves elastic weight consolidation as well as the empirical Fisher.
    static let ewcFAdam = Claim(
        "ewc-fadam",
        says: "Elastic weight consolidation can directly utilize the FIM from FAdam.",
        in: .fadam("Footnote 14"),
        decidedBy: """
            \(setting) FAdam's f is what an observing FAdam has averaged while the task was trained. It holds if the average \
            error over all tasks is smaller than without protection, and not larger than with the empirical diagonal by 0.05 \
            (95 % interval of the paired difference); it does not hold if an interval lies beyond.
            """,
        evidence: .seeds(atLeast: 5), cost: cost
    ) { context in
        let study = try PermutedDigitsStudy(context)
        let contrasts = [
            study.contrast(.fadam, to: .none, decidedBy: .better(margin: 0.02), of: 2),
            study.contrast(.fadam, to: .empirical, decidedBy: .noWorse(margin: 0.05), of: 2),
        ]
        return study.finding(.all(contrasts.map(\.verdict)), contrasts)
    }

    /// Whose labels F is of matters little once its strength is tuned.
    static let ewcSource = Claim(
        "ewc-source",
        says: """
            EWC uses the diagonal of the (empirical) Fisher; there is no approximation gap to analyze in the connection. So \
            the empirical diagonal, the sampled, the exact and the square of mini-batch means serve alike.
            """,
        in: .hierarchy("EWC and the Fisher as Memory"),
        decidedBy: """
            \(setting) It holds if the average error over all tasks with the empirical diagonal is equal to that with each of \
            the other sources within 0.05, the standard deviation over seeds (95 % interval of each paired difference), and \
            does not hold if an interval lies outside.
            """,
        evidence: .seeds(atLeast: 5), cost: cost
    ) { context in
        let study = try PermutedDigitsStudy(context)
        let contrasts = [ContinualMethod.exact, .sampled, .minibatch].map {
            study.contrast($0, to: .empirical, decidedBy: .equal(margin: 0.05), of: 3)
        }
        return study.finding(.all(contrasts.map(\.verdict)), contrasts)
    }
}

extension PermutedDigitsStudy {
    /// A finding on this comparison.
    fileprivate func finding(_ verdict: ClaimVerdict, _ contrasts: [ClaimContrast]) -> ClaimFinding {
        let (table, figure) = exhibits
        return ClaimFinding(
            verdict,
            contrasts.map(\.sentence).joined(separator: " "),
            contrasts: contrasts, exhibits: [table], figures: [figure], remarks: result.warnings)
    }
}
