import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherTasks
import FisherTraining
import Foundation

/// `fisher bench step`.
struct BenchStep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Time whole training steps, taken apart: data, passes, statistics, optimizer.",
        discussion: """
            All optimizers take turns, each on a copy of the network of its own; a turn is --steps steps, so \
            that what happens every so many steps has its share. A ratio is the median over the turns of the \
            ratio to the first optimizer within a turn.
            """)

    @Option(
        help: """
            mlp (784-512-512-10), cnn (3x32x32, channels 32, 64, 128), gpt (width 128, 4 blocks, 64 positions), or \
            the byte-level GPT of `train language`: tiny, small, base.
            """)
    var network: Network = .tiny
    @Option(
        help: "Units a batch; by default 16 windows for a byte-level GPT, 32 sequences for gpt, else 128.")
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
    @Flag(
        help: """
            Take the turns that standard input asks for: lines of an optimizer's position from 0 and a number \
            of steps. Each is answered by a line with the seconds of a step.
            """)
    var onRequest = false

    enum Network: String, CaseIterable, ExpressibleByArgument {
        case mlp, cnn, gpt, tiny, small, base

        /// What it is made of.
        var kind: Kind {
            if let usual = ReferenceNetwork(rawValue: rawValue) { return .usual(usual) }
            guard let size = LanguageTask.Size(rawValue: rawValue) else {
                preconditionFailure("\(rawValue) is neither a network nor a size")
            }
            return .language(size)
        }

        var usualBatch: Int { if case .usual(let network) = kind { network.usualBatch } else { 16 } }
    }

    enum Kind {
        case usual(ReferenceNetwork)
        case language(LanguageTask.Size)
    }

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
        let candidates = try named.map { try $0.candidate(sharing: [], clip: nil) }
        let benchmarks = try candidates.map(benchmark)
        if onRequest { return try answer(benchmarks) }
        let results = try measure(candidates, benchmarks)
        print(try json ? jsonText(results) : table(results))
    }

    private struct Result: Encodable {
        let optimizer: String
        let milliseconds: Double
        let fastest: Double
        let slowest: Double
        let dataMilliseconds: Double
        let gradientMilliseconds: Double
        let statisticsMilliseconds: Double
        let updateMilliseconds: Double
        /// Of the whole step to the first optimizer's: median, and the middle half.
        let ratio: Double
        let lowerQuartile: Double
        let upperQuartile: Double
        let stateBytes: Int
    }

    private func benchmark(_ candidate: OptimizerCandidate) throws -> StepBenchmark {
        let units = batch ?? network.usualBatch
        switch network.kind {
        case .usual(let network):
            return try StepBenchmark(network, batch: units, candidate, execution: execution)
        case .language(let size):
            let task = try LanguageTask(
                size.configuration, corpus: .noise(byteCount: 1 << 20), batch: units)
            return try StepBenchmark(task, candidate, execution: execution)
        }
    }

    /// Reads requests until there are no more.
    private func answer(_ benchmarks: [StepBenchmark]) throws {
        try answerTurns(
            of: benchmarks.indices, parameterCount: benchmarks.first?.optimizer.parameterCount ?? 0,
            counting: "steps"
        ) { try benchmarks[$0].seconds(steps: $1).total }
    }

    private func measure(
        _ candidates: [OptimizerCandidate], _ benchmarks: [StepBenchmark]
    ) throws -> [Result] {
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
                dataMilliseconds: median(\.data), gradientMilliseconds: median(\.gradient),
                statisticsMilliseconds: median(\.statistics),
                updateMilliseconds: median(\.update), ratio: SampleSummary.median(ratios) ?? 0,
                lowerQuartile: ratios[ratios.count / 4], upperQuartile: ratios[ratios.count * 3 / 4],
                stateBytes: pair.1.optimizer.stateByteCount)
        }
    }

    private func table(_ results: [Result]) -> String {
        let head = [
            "optimizer", "ms a step", "fastest", "slowest", "data", "passes", "statistics", "update", "ratio",
            "middle half", "state, MB",
        ]
        let rows = results.map { result in
            [
                result.optimizer, String(format: "%.2f", result.milliseconds),
                String(format: "%.2f", result.fastest), String(format: "%.2f", result.slowest),
                String(format: "%.2f", result.dataMilliseconds),
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
