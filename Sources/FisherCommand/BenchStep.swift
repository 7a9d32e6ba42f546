import ArgumentParser
import Fisher
import FisherTraining
import Foundation

/// `fisher bench step`.
struct BenchStep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Time whole training steps of a network: passes, statistics and optimizer.",
        discussion: """
            All optimizers take turns, each on a copy of the network of its own; a turn is --steps steps, so \
            that what happens every so many steps has its share. A ratio is the median over the turns of the \
            ratio to the first optimizer within a turn.
            """)

    @Option(help: "mlp, cnn or gpt.")
    var network: UsualNetwork = .mlp
    @Option(help: "Units a batch; by default 128, for gpt 32 sequences.")
    var batch: Int?
    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help: "An optimizer with options, as kfac:labels=empirical,inverse_interval=10; repeat it.")
    var optimizers: [OptimizerSpecification] = []
    @Option(help: "Threads to compute with; by default libtorch's choice.")
    var threads: Int?
    @Option(help: "Turns of each optimizer.")
    var turns = 11
    @Option(help: "Steps a turn.")
    var steps = 10
    @Option(help: "automatic: the fused path where there is one; formula: tensor operations.")
    var execution: Execution = .automatic
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        for (name, value) in [
            ("turns", turns), ("steps", steps), ("batch", batch ?? 1), ("threads", threads ?? 1),
        ]
        where value < 1 { throw ValidationError("--\(name) must be at least 1, not \(value).") }
    }

    func run() throws {
        if let threads { Engine.threadCount = threads }
        let named =
            optimizers.isEmpty
            ? ["sgd", "adamw"].compactMap { OptimizerSpecification(argument: $0) } : optimizers
        let results = try measure(try named.map { try $0.candidate(sharing: [], clip: nil) })
        print(try json ? jsonText(results) : table(results))
    }

    private struct Result: Encodable {
        let optimizer: String
        let milliseconds: Double
        let fastest: Double
        let slowest: Double
        let gradientMilliseconds: Double
        let statisticsMilliseconds: Double
        let updateMilliseconds: Double
        /// Of the whole step to the first optimizer's: median, and the middle half.
        let ratio: Double
        let lowerQuartile: Double
        let upperQuartile: Double
        let stateBytes: Int
    }

    private func measure(_ candidates: [OptimizerCandidate]) throws -> [Result] {
        let benchmarks = try candidates.map {
            try StepBenchmark(
                network, batch: batch ?? network.usualBatch, $0.rule, clipGradientNorm: $0.clipGradientNorm,
                execution: execution)
        }
        for benchmark in benchmarks { _ = try benchmark.seconds(steps: steps) }
        var times = [[StepSeconds]](repeating: [], count: benchmarks.count)
        for _ in 0..<turns {
            for (position, benchmark) in benchmarks.enumerated() {
                times[position].append(try benchmark.seconds(steps: steps))
            }
        }
        return zip(candidates, benchmarks).enumerated().map { position, pair in
            let own = times[position]
            let ratios = zip(own, times[0]).map { $0.total / $1.total }.sorted()
            func median(_ part: (StepSeconds) -> Double) -> Double {
                1000 * (SampleSummary.median(own.map(part)) ?? 0)
            }
            return Result(
                optimizer: pair.0.label, milliseconds: median(\.total),
                fastest: 1000 * (own.map(\.total).min() ?? 0), slowest: 1000 * (own.map(\.total).max() ?? 0),
                gradientMilliseconds: median(\.gradient), statisticsMilliseconds: median(\.statistics),
                updateMilliseconds: median(\.update), ratio: SampleSummary.median(ratios) ?? 0,
                lowerQuartile: ratios[ratios.count / 4], upperQuartile: ratios[ratios.count * 3 / 4],
                stateBytes: pair.1.optimizer.stateByteCount)
        }
    }

    private func table(_ results: [Result]) -> String {
        let head = [
            "optimizer", "ms a step", "fastest", "slowest", "passes", "statistics", "update", "ratio",
            "middle half", "state, MB",
        ]
        let rows = results.map { result in
            [
                result.optimizer, String(format: "%.2f", result.milliseconds),
                String(format: "%.2f", result.fastest), String(format: "%.2f", result.slowest),
                String(format: "%.2f", result.gradientMilliseconds),
                String(format: "%.2f", result.statisticsMilliseconds),
                String(format: "%.2f", result.updateMilliseconds), String(format: "%.2f", result.ratio),
                String(format: "%.2f-%.2f", result.lowerQuartile, result.upperQuartile),
                String(format: "%.1f", Double(result.stateBytes) / 1e6),
            ]
        }
        let title =
            "\(network.rawValue): batch \(batch ?? network.usualBatch), \(Engine.threadCount) threads, "
            + "\(turns) turns of \(steps) steps"
        return title + "\n" + alignedColumns([head] + rows)
    }

    private func jsonText(_ results: [Result]) throws -> String {
        struct Document: Encodable {
            let network: String
            let batch: Int
            let threads: Int
            let turns: Int
            let steps: Int
            let processor: String
            let engine: String
            let results: [Result]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let document = Document(
            network: network.rawValue, batch: batch ?? network.usualBatch, threads: Engine.threadCount,
            turns: turns, steps: steps, processor: EnvironmentSummary.processorName, engine: Engine.version,
            results: results)
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }
}

extension UsualNetwork: ExpressibleByArgument {}
