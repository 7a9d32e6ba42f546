import Fisher
import FisherStudies
import FisherTasks
import FisherTraining

extension Claim {
    /// Kronecker factors are concentrated on their diagonals.
    static let diagonalDominance = Claim(
        "diagonal-dominance",
        says: """
            The energy of the Kronecker factors is concentrated along the diagonal, making off-diagonal elements negligible: \
            the FIM's critical information predominantly resides along its diagonal.
            """,
        in: .adaFisher("Mechanism 1"),
        decidedBy: """
            Perceptron with rectifiers, convolutional and recurrent classifier of digits, and a byte-level GPT, before training, \
            after a tenth of it and at its end: for each Kronecker factor at the data's labels the share of the squared \
            energy on its diagonal, the mean of the vectors subtracted (which is the most favorable reading), and the share of \
            rows that are diagonally dominant. It holds if the mean share over a network's factors is above one half in every \
            network and phase (95 % interval over seeds), and does not hold if it is below one half in one.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 150, full: 600)
    ) { context in
        let steps = context.form == .short ? 200 : 1000
        var found: [FactorShares] = []
        for network in FactorShares.networks {
            for seed in context.seeds {
                context.progress.expect(more: 1)
                context.progress.begin("\(network.name), seed \(seed)", totalSteps: steps)
                found += try context.kept("\(network.name)-\(seed)", of: "\(steps) steps") {
                    try network.measure(seed, steps) { context.progress.update(step: $0) }
                }
                context.progress.endRun("measured")
            }
        }
        return FactorShares.finding(found)
    }
}

/// How much of the factors of a network lies on their diagonals, at a moment of its training.
struct FactorShares: Codable, Sendable {
    /// The network.
    let network: String
    /// `start`, `early` or `end`.
    let phase: String
    /// The seed.
    let seed: UInt64
    /// Its factors, in the order of the layers.
    let factors: [Factor]

    /// A factor of a layer.
    struct Factor: Codable, Sendable {
        /// The layer's path, and whether it is of the inputs or the output gradients.
        let name: String
        /// Rows.
        let size: Int
        /// The share of the squared energy on the diagonal.
        let raw: Double
        /// The same with the mean subtracted.
        let centred: Double
        /// The share of rows that are diagonally dominant.
        let dominantRows: Double
        /// The sum of the Gershgorin radii over that of the diagonal.
        let relativeRadius: Double
    }

    /// A network that is trained and measured.
    struct Network: Sendable {
        let name: String
        let measure:
            @Sendable (_ seed: UInt64, _ steps: Int, _ onStep: (Int) -> Void) throws -> [FactorShares]
    }

    /// The networks.
    static let networks: [Network] = [
        digits("perceptron", .perceptron, .relu), digits("cnn", .cnn, .own), digits("lstm", .lstm, .own),
        Network(name: "gpt") { seed, steps, onStep in
            var options = LanguageOptions()
            (options.context, options.width, options.layers, options.heads) = (32, 32, 1, 2)
            (options.batch, options.validationBytes) = (16, 4096)
            return try measure("gpt", try LanguageTask(options), units: 64, seed, steps, onStep)
        },
    ]

    private static func digits(
        _ name: String, _ network: DigitsNetwork, _ activation: DigitsNetwork.Activation
    ) -> Network {
        Network(name: name) { seed, steps, onStep in
            try measure(
                name, try PhasedTraining.digits(network, activation), units: 512, seed, steps, onStep)
        }
    }

    /// Trains a task's network and measures it phase by phase.
    ///
    /// - Parameters:
    ///   - units: the samples or sequences, at least, of which the factors are averages.
    static func measure<Task: TrainingTask>(
        _ name: String, _ task: Task, units: Int, _ seed: UInt64, _ steps: Int, _ onStep: (Int) -> Void
    ) throws -> [FactorShares] {
        try PhasedTraining(seed: seed, steps: steps)(task, onStep: onStep) { phase, model in
            FactorShares(
                network: name, phase: phase, seed: seed,
                factors: try factors(of: model, task, units: units, seed: seed))
        }
    }

    /// The factors at the data's labels over some batches.
    private static func factors<Task: TrainingTask>(
        of model: Task.Model, _ task: Task, units: Int, seed: UInt64
    ) throws -> [Factor] {
        let estimator = try CurvatureEstimator(of: model)
        var batches = try task.makeBatches(seed: seed &+ 1)
        var sum = CurvatureEstimates()
        while sum.unitCount < units {
            let batch = try batches.next()
            let found = try estimator.estimate(
                [.kronecker(.empirical), .layerMeans(.empirical)],
                of: try task.objective(of: model, on: batch),
                units: batch.unitCount)
            sum = try sum + found
        }
        let (layers, means) = (sum.kronecker(.empirical)?.sums.layers, sum.layerMeans(.empirical)?.sums)
        guard let layers, let means else { throw CurvatureError.noObservations }
        return try layers.sorted { $0.key < $1.key }.flatMap { path, own -> [Factor] in
            guard let mean = means[path] else { return [] }
            let rows = Double(max(mean.rowCount, 1))
            // S is divided by the number of observations, which is not always that of the rows.
            let weight = rows / Double(max(own.observationCount, 1))
            return [
                try Factor("\(path), inputs", own.a, mean: mean.inputs / rows, weight: 1),
                try Factor("\(path), output gradients", own.s, mean: mean.outputs / rows, weight: weight),
            ].filter { $0.size > 1 }
        }
    }

    /// The mean over the factors.
    func mean(_ value: (Factor) -> Double) -> Double {
        SampleSummary(factors.map(value))?.mean ?? 0
    }

    /// What was found, network by network and phase by phase.
    static func finding(_ all: [FactorShares]) -> ClaimFinding {
        var contrasts: [ClaimContrast] = []
        var rows: [[String]] = []
        let decision = ClaimDecision.better(margin: 0)
        for network in all.map(\.network).firstOccurrences {
            for phase in all.map(\.phase).firstOccurrences {
                let own = all.filter { $0.network == network && $0.phase == phase }
                let shares = Dictionary(own.map { ($0.seed, $0.mean(\.centred)) }) { first, _ in first }
                let halves = shares.mapValues { _ in 0.5 }
                // Negative if more than one half lies on the diagonal.
                guard let difference = PairedDifference(of: halves, to: shares) else { continue }
                contrasts.append(
                    ClaimContrast(
                        "\(network), \(phase)", to: "share on the diagonal", quantity: "1/2 less the share",
                        seeds: difference.pairs.map(\.seed), differences: difference.pairs.map(\.difference),
                        mean: difference.mean, interval: difference.interval, margin: 0,
                        verdict: own.count < 5 ? .undecided : decision.verdict(on: difference.summary, of: 12)
                    ))
                func text(_ value: (Factor) -> Double, _ decimals: Int = 2) -> String {
                    let summary = SampleSummary(own.map { $0.mean(value) })
                    return summary.map { NumberText.plain.spread($0, decimals: decimals) } ?? "-"
                }
                rows.append([
                    network, phase, text(\.raw), text(\.centred), text(\.dominantRows),
                    text(\.relativeRadius, 1),
                ])
            }
        }
        let first = all.first { $0.phase == "end" }?.seed
        let layers = all.filter { $0.phase == "end" && $0.seed == first }.flatMap { own in
            own.factors.map { factor in
                [own.network, factor.name, "\(factor.size)"]
                    + [factor.raw, factor.centred, factor.dominantRows].map {
                        NumberText.plain.fixed($0, decimals: 2)
                    } + [NumberText.plain.fixed(factor.relativeRadius, decimals: 1)]
            }
        }
        let centred = all.map { $0.mean(\.centred) }
        let dominant = all.map { $0.mean(\.dominantRows) }
        func range(_ values: [Double]) -> String {
            let text = NumberText.plain
            return text.fixed(values.min() ?? .nan, decimals: 2) + " to "
                + text.fixed(values.max() ?? .nan, decimals: 2)
        }
        return ClaimFinding(
            .all(contrasts.map(\.verdict)),
            """
            The share of a factor's squared energy on its diagonal, the mean subtracted, is \(range(centred)) over networks, \
            phases and seeds (means over a network's factors), and \(range(dominant)) of the rows are diagonally dominant.
            """,
            contrasts: contrasts,
            exhibits: [
                .table(
                    ExhibitTable(
                        title: "Share on the diagonal by network and phase",
                        caption: "Means over a network's factors, with the standard deviation over seeds.",
                        columns: [
                            "network", "phase", "share", "mean subtracted", "dominant rows",
                            "radii over diagonal",
                        ], rows: rows)),
                .table(
                    ExhibitTable(
                        title: "Factor by factor at the end", caption: "The first seed.",
                        columns: [
                            "network", "factor", "rows", "share", "mean subtracted", "dominant rows",
                            "radii over diagonal",
                        ], rows: layers)),
            ])
    }
}

extension FactorShares.Factor {
    /// Measures a factor.
    init(_ name: String, _ matrix: Tensor, mean: Tensor, weight: Double) throws {
        let share = try DiagonalShare(of: matrix, mean: mean, weight: weight)
        let discs = try GershgorinDiscs(of: matrix)
        self.init(
            name: name, size: matrix.shape.first ?? 0, raw: share.raw, centred: share.centred ?? share.raw,
            dominantRows: discs.dominantShare, relativeRadius: discs.relativeRadius)
    }
}
