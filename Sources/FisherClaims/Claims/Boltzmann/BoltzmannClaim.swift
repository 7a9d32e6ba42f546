import FisherStudies
import Foundation

extension Claim {
    /// Whether a training set that lacks improbable states spoils the empirical information of a Boltzmann machine.
    static let boltzmann = Claim(
        "boltzmann",
        says: """
            The training set might not contain enough samples of low-probability x, which could lead to issues with the \
            empirical FIM.
            """,
        in: .fadam("Section 3.3, Eqs. 7, 14, 16 and 17"),
        decidedBy: """
            Restricted Boltzmann machines whose states can all be listed: six visible and four hidden units at the parameters of \
            the machine that drew the 100 training samples, and nine and six in the middle of learning bars and stripes (14 \
            patterns of 512). By seed, paired, the decimal logarithm of the relative error of the damped natural gradient in the \
            Fisher norm: (1) with the states that the data lack at their exact weight, less that with the data as they are; (2) \
            with 2048 Gibbs draws from the model, less that with the data. Both must be negative on both problems (the 95 % \
            interval below zero); an interval that excludes an advantage of 0.05, an eighth of the error, refutes. The claim is \
            about the matrix: whether training suffers is judged beside it (final divergence, exact less empirical, margin 0.05 \
            nats) and does not decide.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 150, full: 500)
    ) { context in
        let study = try BoltzmannStudy(context)
        return study.finding(seeds: context.seeds)
    }
}

extension BoltzmannStudy {
    /// The problems of a seed: a drawn training set is the seed's own.
    static func problems(seed: UInt64) throws -> [BoltzmannProblem] {
        [try .drawn(samples: sampleCount, seed: seed), .barsAndStripes()]
    }

    /// Makes what is missing of the study.
    init(_ context: ClaimContext) throws {
        let isFull = context.form == .full
        let seeds = context.seeds
        points = try context.kept("informations", of: "\(seeds)") {
            try seeds.flatMap { seed in
                try Self.problems(seed: seed).map { try Self.point($0, seed: seed, chains: 64, draws: 32) }
            }
        }
        let repetitions = isFull ? 50 : 20
        sizes = try context.kept("training-sets", of: "\(repetitions)") {
            try [10, 30, 100, 300, 1000, 3000].map { try Self.sets(of: $0, repetitions: repetitions) }
        }
        let lengths = isFull ? [1, 4, 16, 64, 256, 1024] : [1, 4, 16, 64, 256]
        chains = try context.kept("chains", of: "\(lengths)") {
            try Self.lengths(chains: 64, draws: lengths)
        }
        let steps = 50
        arms = []
        for (number, name) in ["drawn", "bars"].enumerated() {
            for arm in BoltzmannTraining.Arm.allCases {
                let key = "training-\(name)-\(arm)"
                arms.append(
                    try context.kept(key, of: "\(seeds) \(steps)") {
                        context.progress.note("boltzmann: \(arm.rawValue) on \(name)")
                        // Tuning seeds and their training sets are none of those that are compared.
                        let trial = BoltzmannTraining(
                            try Self.problems(seed: 500)[number], steps: steps)
                        let tuning = try BoltzmannTuning(arm, of: trial, seeds: [500, 501, 502])
                        let runs = try seeds.map { seed in
                            let problem = try Self.problems(seed: seed)[number]
                            return (
                                problem.name,
                                try BoltzmannTraining(problem, steps: steps).run(
                                    arm, rate: tuning.rate, damping: tuning.damping, seed: seed
                                ).curve
                            )
                        }
                        return ArmRuns(problem: runs[0].0, tuning: tuning, curves: runs.map(\.1))
                    })
            }
        }
    }

    var problemNames: [String] {
        points.reduce(into: []) { names, point in
            if !names.contains(point.problem) { names.append(point.problem) }
        }
    }

    /// The differences of the natural gradient's error, which decide.
    private var contrasts: [ClaimContrast] {
        let names = problemNames
        return names.flatMap { problem in
            [Self.completed, "Gibbs"].map { name in
                func errors(_ estimate: String) -> [UInt64: Double] {
                    Dictionary(
                        uniqueKeysWithValues: points.filter { $0.problem == problem }.compactMap { point in
                            point.estimate(estimate).map { (point.seed, log10(max(1e-12, $0.stepError))) }
                        })
                }
                return .paired(
                    name == Self.completed ? name : "\(name) draws", errors(name), to: Self.empirical,
                    errors(Self.empirical), quantity: "decades of the natural gradient's error, \(problem)",
                    decidedBy: .better(margin: 0.05), parts: 2 * names.count)
            }
        }
    }

    /// The differences in training, which do not decide.
    private func trainingContrasts(seeds: [UInt64]) -> [ClaimContrast] {
        problemNames.compactMap { problem in
            let own = arms.filter { $0.problem == problem }
            guard let exact = own.first(where: { $0.tuning.arm == .exact }),
                let empirical = own.first(where: { $0.tuning.arm == .empirical })
            else { return nil }
            func finals(_ runs: ArmRuns) -> [UInt64: Double] {
                Dictionary(
                    uniqueKeysWithValues: zip(seeds, runs.curves).compactMap { seed, curve in
                        curve.last.flatMap { $0.isFinite ? (seed, $0) : nil }
                    })
            }
            let decision = ClaimDecision.better(margin: 0.05)
            var contrast = ClaimContrast.paired(
                "exact information", finals(exact), to: Self.empirical, finals(empirical),
                quantity: "final divergence in nats, \(problem), not deciding", decidedBy: decision)
            let diverged = [exact, empirical].map { seeds.count - finals($0).count }
            if let verdict = decision.verdict(diverged: diverged[0], reference: diverged[1]) {
                contrast.verdict = verdict
            }
            let isInterior = exact.tuning.isInterior && empirical.tuning.isInterior
            if !isInterior { contrast.verdict = .undecided }
            contrast.note =
                "rates and dampings \(isInterior ? "inside" : "not all inside") their grids; "
                + "\(diverged[0]) and \(diverged[1]) runs diverged"
            return contrast
        }
    }

    /// The verdict and its page.
    func finding(seeds: [UInt64]) -> ClaimFinding {
        let deciding = contrasts
        let training = trainingContrasts(seeds: seeds)
        let verdict: ClaimVerdict = seeds.count < 5 ? .undecided : .all(deciding.map(\.verdict))
        let first = points[0]
        let text = NumberText.plain
        let answer = """
            At the machine that drew them, \(Self.sampleCount) samples (seed \(first.seed)) lack states of probability \
            \(NumberText.significant(first.missingProbability)), which hold \
            \(text.fixed(100 * first.missingTrace, decimals: 0)) % of the trace of the Fisher information. \
            \((deciding + training).map(\.sentence).joined(separator: " "))
            """
        return ClaimFinding(
            verdict, answer, contrasts: deciding + training, exhibits: tables, figures: figures,
            remarks: [
                "The score of a machine that is known up to its normalizing sum is itself a difference from a mean under the model: "
                    + "the empirical information needs that mean, and so the draws that it was meant to spare. Here it is exact.",
                "An earlier form of the rule took the relative error of the whole matrix. In a pilot with seeds 1 to 5 completion improved it "
                    + "by 0.019 only (95 % interval -0.039 to 0.0001) at 100 samples: improbable states matter little where there is much "
                    + "information, and much where there is little, which is where a natural gradient goes far. The rule was changed to "
                    + "the step; after a second pilot, with seeds 1000 to 1004, whose errors differed by factors of ten, to its "
                    + "logarithm; other seeds decide.",
                "All arms descend along the exact gradient, a sum over all states; they differ only in what they divide it by.",
            ])
    }
}

extension ClaimContrast {
    /// A difference of values by seed, judged by Student's 95 % interval of their pairs.
    static func paired(
        _ label: String, _ values: [UInt64: Double], to reference: String, _ references: [UInt64: Double],
        quantity: String, decidedBy decision: ClaimDecision, parts: Int = 1
    ) -> ClaimContrast {
        let difference = PairedDifference(of: values, to: references)
        let pairs = difference?.pairs ?? []
        return ClaimContrast(
            label, to: reference, quantity: quantity, seeds: pairs.map(\.seed),
            differences: pairs.map(\.difference), mean: difference?.mean ?? .nan,
            interval: difference?.interval,
            margin: decision.margin, verdict: decision.verdict(on: difference?.summary, of: parts))
    }
}
