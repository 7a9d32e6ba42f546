import Fisher
import FisherStudies
import FisherTasks
import FisherTraining

extension Claim {
    /// Under consolidation, weights with much information move less.
    static let ewcMovement = Claim(
        "ewc-movement",
        says: """
            The quadratic penalty is large where F_i is, so theta_i resists moving; low F_i means the old task didn't depend \
            on that parameter, so it's free to change for the new task.
            """,
        in: .hierarchy("EWC and the Fisher as Memory"),
        decidedBy: """
            Two tasks of permuted digits, a perceptron 64-64-64-10, strength 100 with the empirical diagonal: Spearman's rank \
            correlation of F_i after the first task with the distance that weight i moves during the second, over the weights \
            that move in either of the runs. It holds if the correlation is below zero with consolidation, and smaller than \
            without it from the same weights (95 % intervals over seeds), and does not hold if one of the intervals lies above.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 15, full: 60)
    ) { context in
        let steps = context.form == .short ? 150 : 400
        var found: [ConsolidatedMovement] = []
        for seed in context.seeds {
            context.progress.expect(more: 1)
            context.progress.begin("movement, seed \(seed)", totalSteps: 4 * steps)
            found.append(
                try context.kept("seed-\(seed)", of: "\(steps) steps, strength 100") {
                    try ConsolidatedMovement(seed: seed, steps: steps, strength: 100)
                })
            context.progress.endRun("measured")
        }
        return ConsolidatedMovement.finding(found)
    }
}

/// How far weights move while a second task is learned, by the information that the first gave of them.
struct ConsolidatedMovement: Codable, Sendable {
    /// The seed.
    let seed: UInt64
    /// The rank correlation of information and distance with consolidation.
    let consolidated: Double
    /// The same without.
    let free: Double
    /// The root mean square distance by tenths of the weights, from the least informed to the most, with consolidation.
    let consolidatedTenths: [Double]
    /// The same without.
    let freeTenths: [Double]
}

extension ConsolidatedMovement {
    /// Trains both ways from one seed.
    init(seed: UInt64, steps: Int, strength: Double) throws {
        let (training, test) = try Digits.all.split()
        func distances(_ method: ContinualMethod) throws -> (information: [Double], moved: [Double]) {
            let candidate = OptimizerCandidate(
                label: "sgd", rule: try SGD(learningRate: .cosine(0.05, steps: steps)) { $0.momentum = 0.9 })
            let whole = try ContinualTraining(
                candidate, taskCount: 2, steps: steps, batch: 64, width: 64, memory: .separate,
                training: training, test: test)
            let task = try ContinualTask(whole, method, strength: strength, seed: seed)
            let session = try TrainingSession(task, candidate, seed: seed)
            let model = session.model
            func advance() throws {
                for _ in 0..<steps {
                    try Interruption.poll()
                    _ = try session.advance()
                }
            }
            func values() throws -> [Double] {
                try withoutGradients {
                    try model.parameters.flatMap {
                        try $0.parameter.wrappedValue.scalars(as: Float.self).map(Double.init)
                    }
                }
            }
            try advance()
            let before = try values()
            // The first task's images are in their original order.
            let images = training.batch(at: Array(0..<training.count))
            let found = try CurvatureEstimator(of: model).estimate(
                [.diagonal(.empirical)], of: try task.objective(of: model, on: images))
            let diagonal = found.diagonal(.empirical)?.mean ?? [:]
            let information = try model.parameters.flatMap { named in
                try diagonal[named.path]?.scalars(as: Double.self) ?? []
            }
            try advance()
            return (information, zip(before, try values()).map { abs($0 - $1) })
        }
        let (held, loose) = (try distances(.empirical), try distances(.none))
        self.seed = seed
        // Pixels that are always dark leave their weights where they are, however free.
        let moving = held.moved.indices.filter { held.moved[$0] > 0 || loose.moved[$0] > 0 }
        let information = moving.map { held.information[$0] }
        func correlation(_ moved: [Double]) -> Double {
            RankCorrelation.spearman(information, moving.map { moved[$0] }) ?? .nan
        }
        (consolidated, free) = (correlation(held.moved), correlation(loose.moved))
        let order = moving.sorted { held.information[$0] < held.information[$1] }
        func tenths(_ moved: [Double]) -> [Double] {
            (0..<10).map { part in
                let own = order[part * order.count / 10..<(part + 1) * order.count / 10]
                return (own.reduce(0) { $0 + moved[$1] * moved[$1] } / Double(max(own.count, 1))).squareRoot()
            }
        }
        (consolidatedTenths, freeTenths) = (tenths(held.moved), tenths(loose.moved))
    }

    /// What was found over seeds.
    static func finding(_ all: [ConsolidatedMovement]) -> ClaimFinding {
        func bySeed(_ value: (ConsolidatedMovement) -> Double) -> [UInt64: Double] {
            Dictionary(all.map { ($0.seed, value($0)) }) { first, _ in first }
        }
        let quantity = "rank correlation of information and distance"
        let contrasts = [
            ClaimContrast(
                measured: "with EWC", to: "zero", quantity: quantity, values: bySeed(\.consolidated),
                references: bySeed { _ in 0 }, decidedBy: .better(margin: 0), of: 2),
            ClaimContrast(
                measured: "with EWC", to: "without", quantity: quantity, values: bySeed(\.consolidated),
                references: bySeed(\.free), decidedBy: .better(margin: 0), of: 2),
        ]
        func series(_ label: String, _ value: (ConsolidatedMovement) -> [Double]) -> ClaimFigure.Series {
            .init(
                label,
                (0..<10).compactMap { part in
                    SampleSummary(all.map { value($0)[part] }).map {
                        .init(Double(part + 1), $0.mean, interval: $0.interval())
                    }
                })
        }
        return ClaimFinding(
            .all(contrasts.map(\.verdict)),
            contrasts.map(\.sentence).joined(separator: " "),
            contrasts: contrasts,
            figures: [
                ClaimFigure(
                    title: "Distance moved during the second task, by information of the first",
                    caption: "Root mean squares over tenths of the weights, with 95 % intervals over seeds.",
                    horizontal: .init("tenth of the weights, the most informed last"),
                    vertical: .init("distance moved", isLogarithmic: true),
                    series: [
                        series("with EWC", \.consolidatedTenths), series("without", \.freeTenths),
                    ])
            ])
    }
}
