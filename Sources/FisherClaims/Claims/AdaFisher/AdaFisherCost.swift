import Fisher
import FisherBenchmarks
import FisherStudies
import FisherTraining

extension Claim {
    /// AdaFisher costs about what first-order rules cost, and keeps less than second-order ones.
    static let adaFisherCost = Claim(
        "adafisher-cost",
        says: """
            Training speed is comparable to first-order methods while requiring less memory than full second-order approaches.
            """,
        in: .adaFisher("Key Results"),
        decidedBy: """
            Whole training steps of a perceptron 784-512-512-10 and of a convolutional classifier of 3x32x32 images, timed in \
            turns on one thread: the ratio to Adam's within a turn of AdaFisher's steps without and with statistics, of which \
            one in a hundred has them (the published interval); and the bytes of the state. It holds if on both networks the \
            upper quartile of the ratio is below 1.25 and the state is smaller than K-FAC's; it does not hold if on one of them \
            the lower quartile is above 1.25 or the state is not smaller.
            """,
        evidence: .exact, cost: ClaimCost(short: 100, full: 400)
    ) { context in
        let isShort = context.form == .short
        let turns = isShort ? 9 : 25
        var timings: [StepTimings] = []
        for network in [StepNetwork.mlp, .cnn] {
            context.progress.expect(more: 1)
            context.progress.begin("steps of \(network.name)", totalSteps: 1)
            timings.append(
                try context.kept("steps-\(network.name)", of: "\(turns) turns, \(isShort)") {
                    let benchmark = try StepBenchmark(
                        try AdaFisherCost.candidates(), on: network,
                        batch: isShort ? 32 : network.usualBatch,
                        steps: 4)
                    return try benchmark(turns: turns, on: .current())
                })
            context.progress.endRun("timed")
        }
        return AdaFisherCost(timings).finding
    }
}

/// The times and the states of AdaFisher beside those of other rules, by network.
struct AdaFisherCost: Sendable {
    /// A network's times; of the candidates in their order.
    struct Network: Sendable {
        let name: String
        /// AdaFisher's whole step over Adam's, one in a hundred with statistics: the quartiles.
        let ratio: ClosedRange<Double>
        /// The bytes of AdaFisher's state, and of K-FAC's.
        let stateBytes: (own: Int, secondOrder: Int)
    }

    let networks: [Network]
    private let timings: [StepTimings]

    /// The optimizers that are timed: Adam, AdaFisher without statistics after the first step, with them in each, K-FAC, and
    /// SGD with momentum.
    static func candidates() throws -> [OptimizerCandidate] {
        [
            OptimizerCandidate(label: "Adam", rule: try Adam(learningRate: 1e-3)),
            OptimizerCandidate(
                label: "AdaFisher without statistics",
                rule: try AdaFisher(learningRate: 1e-3) { $0.statisticsInterval = 1_000_000 }),
            OptimizerCandidate(
                label: "AdaFisher with statistics",
                rule: try AdaFisher(learningRate: 1e-3) { $0.statisticsInterval = 1 }),
            OptimizerCandidate(label: "K-FAC", rule: try KFAC(learningRate: 1e-3)),
            OptimizerCandidate(
                label: "SGD with momentum", rule: try SGD(learningRate: 1e-3) { $0.momentum = 0.9 }),
        ]
    }

    /// Gathers times of ``candidates()``.
    init(_ timings: [StepTimings]) {
        self.timings = timings
        networks = timings.map { timing in
            let (plain, whole) = (timing.results[1], timing.results[2])
            // The quartiles of both are taken at their worst together: the truth is narrower.
            let low = 0.99 * plain.lowerQuartile + 0.01 * whole.lowerQuartile
            let high = 0.99 * plain.upperQuartile + 0.01 * whole.upperQuartile
            return Network(
                name: timing.network, ratio: low...max(low, high),
                stateBytes: (plain.stateBytes, timing.results[3].stateBytes))
        }
    }

    /// The verdict on networks by the rule.
    static func verdict(_ networks: [Network]) -> ClaimVerdict {
        .all(
            networks.map { network in
                if network.ratio.lowerBound > 1.25 || network.stateBytes.own >= network.stateBytes.secondOrder
                {
                    return .doesNotHold
                }
                return network.ratio.upperBound < 1.25 ? .holds : .undecided
            })
    }

    /// What was found.
    var finding: ClaimFinding {
        let text = NumberText.plain
        let answers = networks.map { network in
            "\(network.name): "
                + [network.ratio.lowerBound, network.ratio.upperBound].map { text.fixed($0, decimals: 2) }
                .joined(separator: " to ")
                + " times Adam's step, \(NumberText.mebibytes(network.stateBytes.own)) of state against K-FAC's "
                + NumberText.mebibytes(network.stateBytes.secondOrder)
        }
        let rows = timings.flatMap { timing in
            timing.results.map { result in
                [
                    timing.network, result.optimizer, text.fixed(result.milliseconds, decimals: 2),
                    text.fixed(result.ratio, decimals: 2),
                    text.fixed(result.lowerQuartile, decimals: 2) + " to "
                        + text.fixed(result.upperQuartile, decimals: 2),
                    NumberText.mebibytes(result.stateBytes),
                ]
            }
        }
        return ClaimFinding(
            Self.verdict(networks), answers.joined(separator: "; ") + ".",
            exhibits: [
                .table(
                    ExhibitTable(
                        title: "Whole training steps",
                        caption:
                            "Medians over turns; ratios to Adam within a turn. K-FAC's mean is at its own intervals.",
                        columns: ["network", "optimizer", "ms", "ratio", "middle half", "state"], rows: rows))
            ])
    }
}
