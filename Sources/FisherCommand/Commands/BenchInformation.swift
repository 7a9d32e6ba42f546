import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherTraining
import Foundation

/// `fisher bench information`: what estimates cost on top of a gradient.
struct BenchInformation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "information",
        abstract: "Time estimates of the Fisher information against one forward and backward pass.",
        discussion: """
            The network is a file as `fisher information` takes it, or {"gpt": {"vocabulary": 256, "context": 64, \
            "width": 128, "layers": 4, "heads": 4}}. In every turn each task runs once, so that what else the \
            machine does hits all of them; a ratio is the median over the turns of the ratio within a turn.
            """)

    @Argument(help: "The network's description, JSON.")
    var network: String
    @Option(help: "The shape of a sample of a plain network, as 3,32,32.")
    var input: String = ""
    @Option(help: "The number of samples or sequences.")
    var batch = 128
    @Option(
        name: .customLong("task"), parsing: .singleValue,
        help:
            "plain, diagonal, kronecker, sampled_kronecker, diagonal_kronecker or ekfac; repeat it. By default all."
    )
    var tasks: [InformationTask] = []
    @Option(help: "Threads to compute with; by default libtorch's choice.")
    var threads: Int?
    @Option(help: "Turns of each task.")
    var turns = 15
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(
        help: """
            Take the turns that standard input asks for: lines of a task's position from 0 and a number of runs. \
            Each is answered by a line with the seconds of a run.
            """)
    var onRequest = false

    func validate() throws {
        if turns < 1 { throw ValidationError("--turns must be at least 1, not \(turns).") }
        if batch < 1 { throw ValidationError("--batch must be at least 1, not \(batch).") }
        if let threads, threads < 1 {
            throw ValidationError("--threads must be at least 1, not \(threads).")
        }
        let sizes = input.split(separator: ",", omittingEmptySubsequences: !input.isEmpty ? false : true)
        guard sizes.allSatisfy({ Int($0).map { $0 > 0 } ?? false }) else {
            throw ValidationError("--input must be sizes parted by commas, not \(input).")
        }
    }

    func run() throws {
        if let threads { Engine.threadCount = threads }
        guard let data = try? Data(contentsOf: URL(filePath: network)) else {
            throw StorageError(.notFound, path: network, reason: "cannot be read")
        }
        let benchmark = try InformationBenchmark(
            BenchmarkNetwork(
                json: data, input: input.split(separator: ",").compactMap { Int($0) }, units: batch))
        let named = tasks.isEmpty ? InformationTask.allCases : tasks
        if onRequest { return try answer(benchmark, named) }
        let results = try measure(benchmark, [.plain] + named.filter { $0 != .plain })
        print(try json ? jsonText(results, benchmark) : table(results, benchmark))
    }

    /// Reads requests until there are no more.
    private func answer(_ benchmark: InformationBenchmark, _ tasks: [InformationTask]) throws {
        try answerTurns(
            of: tasks.indices, parameterCount: benchmark.parameterCount, counting: "runs"
        ) { position, runs in
            try (0..<runs).reduce(0.0) { sum, _ in sum + (try benchmark.seconds(tasks[position])) }
                / Double(runs)
        }
    }

    private struct Result: Encodable {
        let task: String
        let milliseconds: Double
        let ratio: Double
        let lowestRatio: Double
        let highestRatio: Double
        let peakBytes: Int?
    }

    private func measure(
        _ benchmark: InformationBenchmark, _ tasks: [InformationTask]
    ) throws -> [Result] {
        var times = [[Double]](repeating: [], count: tasks.count)
        // The first turn warms up.
        for turn in 0...turns {
            for (position, task) in tasks.enumerated() {
                let seconds = try benchmark.seconds(task)
                if turn > 0 { times[position].append(seconds) }
            }
        }
        return try tasks.enumerated().map { position, task in
            let ratios = zip(times[position], times[0]).map { $0 / $1 }
            return Result(
                task: task.rawValue, milliseconds: 1e3 * (SampleSummary.median(times[position]) ?? 0),
                ratio: SampleSummary.median(ratios) ?? 0, lowestRatio: ratios.min() ?? 0,
                highestRatio: ratios.max() ?? 0, peakBytes: try benchmark.peakBytes(task))
        }
    }

    private func table(_ results: [Result], _ benchmark: InformationBenchmark) throws -> String {
        let rows = results.map { result in
            [
                result.task, String(format: "%.2f", result.milliseconds),
                String(format: "%.2f", result.ratio),
                String(format: "%.2f", result.lowestRatio), String(format: "%.2f", result.highestRatio),
                result.peakBytes.map { String(format: "%.1f MiB", Double($0) / 1_048_576) } ?? "-",
            ]
        }
        let title = String(
            format: "%@: %d parameters, batch %d, %d threads, inputs and output gradients %.1f MiB", network,
            benchmark.parameterCount, batch, Engine.threadCount,
            Double(try benchmark.capturedBytes()) / 1_048_576)
        return title + "\n"
            + alignedColumns([["task", "ms", "ratio", "lowest", "highest", "peak memory"]] + rows)
    }

    private func jsonText(_ results: [Result], _ benchmark: InformationBenchmark) throws -> String {
        struct Document: Encodable {
            let network: String
            let parameters: Int
            let batch: Int
            let threads: Int
            let processor: String
            let engine: String
            let capturedBytes: Int
            let results: [Result]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let document = Document(
            network: network, parameters: benchmark.parameterCount, batch: batch,
            threads: Engine.threadCount, processor: EnvironmentSummary.processorName, engine: Engine.version,
            capturedBytes: try benchmark.capturedBytes(), results: results)
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }
}

extension InformationTask: ExpressibleByArgument {}
