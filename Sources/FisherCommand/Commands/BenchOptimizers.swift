import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherTraining
import Foundation

/// `fisher bench optimizers`.
struct BenchOptimizers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimizers",
        abstract: "Time the step of every optimizer on parameters of a real model's shapes.",
        discussion: """
            All optimizers take turns, so that what else runs on the machine hits all of them. Times are \
            medians over the turns. They share weights and gradients; the states of all are in memory, up to 1 GB \
            each for GPT-2.
            """)

    @Option(help: "The shapes: 1M, 3M, 124M, resnet50 or conformer.")
    var parameters: ParameterSet = .gpt1M
    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help: "An optimizer with options, as fadam:beta2=0.99; repeat it. By default all.")
    var optimizers: [OptimizerSpecification] = []
    @Option(help: "Threads to compute with; by default libtorch's choice.")
    var threads: Int?
    @Option(help: "Turns of each optimizer.")
    var turns = 11
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

    func validate() throws {
        if turns < 1 { throw ValidationError("--turns must be at least 1, not \(turns).") }
        if let threads, threads < 1 {
            throw ValidationError("--threads must be at least 1, not \(threads).")
        }
    }

    func run() throws {
        if let threads { Engine.threadCount = threads }
        let named =
            optimizers.isEmpty
            ? RuleRegistry.gradientRules.compactMap { OptimizerSpecification(argument: $0.summary.name) }
            : optimizers
        let candidates = try named.map { try $0.candidate(sharing: [], clip: nil) }
        if onRequest { return try answer(candidates) }
        let bandwidth = MemoryBandwidth.triad()
        let results = try measure(candidates)
        print(try json ? jsonText(results, bandwidth) : table(results, bandwidth))
    }

    private func benchmarks(_ candidates: [OptimizerCandidate]) throws -> [OptimizerBenchmark] {
        let tensors = try BenchmarkTensors(parameters)
        return try candidates.map {
            try OptimizerBenchmark(
                tensors, $0.rule, clipGradientNorm: $0.clipGradientNorm, execution: execution)
        }
    }

    /// Reads requests until there are no more.
    private func answer(_ candidates: [OptimizerCandidate]) throws {
        let benchmarks = try benchmarks(candidates)
        try answerTurns(
            of: benchmarks.indices, parameterCount: parameters.count, counting: "steps"
        ) { try benchmarks[$0].seconds(steps: $1) }
    }

    private struct Result: Encodable {
        let optimizer: String
        let nanosecondsAParameter: Double
        let fastest: Double
        let slowest: Double
        let gigabytesASecond: Double
        let fractionOfTriad: Double
        let stateBytes: Int
        let temporaryBytes: Int?
    }

    private func measure(_ candidates: [OptimizerCandidate]) throws -> [Result] {
        let benchmarks = try benchmarks(candidates)
        // A turn is long enough for the clock, and short enough for the turns to alternate quickly.
        let steps = max(1, 20_000_000 / parameters.count)
        for benchmark in benchmarks { _ = try benchmark.seconds(steps: steps) }
        var times = [[Double]](repeating: [], count: benchmarks.count)
        for _ in 0..<turns {
            for (position, benchmark) in benchmarks.enumerated() {
                times[position].append(try benchmark.seconds(steps: steps))
            }
        }
        let bandwidth = MemoryBandwidth.triad()
        return try zip(candidates, benchmarks).enumerated().map { position, pair in
            let (candidate, benchmark) = pair
            let median = SampleSummary.median(times[position]) ?? 0
            let scale = 1e9 / Double(benchmark.count)
            let traffic = Double(benchmark.leastTraffic) / median
            return Result(
                optimizer: candidate.label, nanosecondsAParameter: median * scale,
                fastest: (times[position].min() ?? 0) * scale, slowest: (times[position].max() ?? 0) * scale,
                gigabytesASecond: traffic / 1e9, fractionOfTriad: traffic / bandwidth,
                stateBytes: benchmark.optimizer.stateByteCount, temporaryBytes: try benchmark.temporaryBytes()
            )
        }
    }

    private func table(_ results: [Result], _ bandwidth: Double) -> String {
        let bytes = 4 * parameters.count
        let head = [
            "optimizer", "ns/parameter", "fastest", "slowest", "GB/s", "of triad", "state, bytes/p",
            "temporary",
        ]
        let rows = results.map { result in
            [
                result.optimizer, String(format: "%.3f", result.nanosecondsAParameter),
                String(format: "%.3f", result.fastest), String(format: "%.3f", result.slowest),
                String(format: "%.1f", result.gigabytesASecond),
                String(format: "%.2f", result.fractionOfTriad),
                String(format: "%.2f", Double(result.stateBytes) / Double(parameters.count)),
                result.temporaryBytes.map { String(format: "%.2f %%", 100 * Double($0) / Double(bytes)) }
                    ?? "-",
            ]
        }
        let title = String(
            format: "%@: %d parameters, %d threads, %@ execution, triad %.1f GB/s", parameters.rawValue,
            parameters.count, Engine.threadCount, execution.rawValue, bandwidth / 1e9)
        return title + "\n" + alignedColumns([head] + rows)
    }

    private func jsonText(_ results: [Result], _ bandwidth: Double) throws -> String {
        struct Document: Encodable {
            let parameters: String
            let count: Int
            let threads: Int
            let execution: String
            let processor: String
            let engine: String
            let triadGigabytesASecond: Double
            let results: [Result]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let document = Document(
            parameters: parameters.rawValue, count: parameters.count, threads: Engine.threadCount,
            execution: execution.rawValue, processor: EnvironmentSummary.processorName,
            engine: Engine.version,
            triadGigabytesASecond: bandwidth / 1e9, results: results)
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }
}

extension ParameterSet: ExpressibleByArgument {}
