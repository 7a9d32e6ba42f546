import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining
import Foundation

/// `fisher bench step`.
struct BenchStep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Time whole training steps of the byte-level GPT, split into their parts.",
        discussion: """
            All optimizers take turns, each with a model of its own, so that what else runs on the machine \
            hits all of them. Times are medians over the turns. The text is drawn from bytes made up for this.
            """)

    @Option(help: "The model: tiny (0.9 M), small (11 M) or base (86 M parameters).")
    var size: LanguageTask.Size = .tiny
    @Option(help: "Windows in a step.")
    var batch = 16
    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help: "An optimizer with options, as fadam:beta2=0.99; repeat it. By default adamw and fadam.")
    var optimizers: [OptimizerSpecification] = []
    @Option(help: "Threads to compute with; by default libtorch's choice.")
    var threads: Int?
    @Option(help: "Turns of each optimizer.")
    var turns = 11
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
        if batch < 1 { throw ValidationError("--batch must be at least 1, not \(batch).") }
        if let threads, threads < 1 {
            throw ValidationError("--threads must be at least 1, not \(threads).")
        }
    }

    func run() throws {
        if let threads { Engine.threadCount = threads }
        let named =
            optimizers.isEmpty ? ["adamw", "fadam"].compactMap(OptimizerSpecification.init) : optimizers
        let candidates = try named.map { try $0.candidate(sharing: [], clip: nil) }
        let task = try LanguageTask(size.configuration, corpus: .noise(byteCount: 1 << 20), batch: batch)
        let benchmarks = try candidates.map { try StepBenchmark(task, $0) }
        if onRequest { return try answer(benchmarks, parameters: task.summary.parameterCount) }

        let steps = size == .tiny ? 4 : 1
        for benchmark in benchmarks { _ = try benchmark.seconds(steps: steps) }
        var times = [[StepSeconds]](repeating: [], count: benchmarks.count)
        for _ in 0..<turns {
            for (position, benchmark) in benchmarks.enumerated() {
                times[position].append(try benchmark.seconds(steps: steps))
            }
        }
        let results = zip(candidates, times).map { Result($0.label, $1, tokens: task.tokensPerStep) }
        let count = task.summary.parameterCount
        print(try json ? jsonText(results, parameters: count) : table(results, parameters: count))
    }

    private func answer(_ benchmarks: [StepBenchmark<LanguageTask>], parameters: Int) throws {
        say("ready \(parameters)")
        while let line = readLine() {
            let words = line.split(separator: " ").compactMap { Int($0) }
            guard words.count == 2, benchmarks.indices.contains(words[0]), words[1] > 0 else {
                throw UsageError(description: "\"\(line)\" is not a position and a number of steps")
            }
            say("\(try benchmarks[words[0]].seconds(steps: words[1]).total)")
        }
    }

    private struct Result: Encodable {
        let optimizer: String
        let dataMilliseconds: Double
        let gradientMilliseconds: Double
        let updateMilliseconds: Double
        let totalMilliseconds: Double
        let fastest: Double
        let slowest: Double
        let tokensASecond: Double

        init(_ optimizer: String, _ times: [StepSeconds], tokens: Int) {
            func median(_ part: (StepSeconds) -> Double) -> Double {
                1000 * (SampleSummary.median(times.map(part)) ?? 0)
            }
            self.optimizer = optimizer
            dataMilliseconds = median(\.data)
            gradientMilliseconds = median(\.gradient)
            updateMilliseconds = median(\.update)
            totalMilliseconds = median(\.total)
            fastest = 1000 * (times.map(\.total).min() ?? 0)
            slowest = 1000 * (times.map(\.total).max() ?? 0)
            tokensASecond = Double(tokens) / totalMilliseconds * 1000
        }
    }

    private func table(_ results: [Result], parameters: Int) -> String {
        let head = [
            "optimizer", "data ms", "forward+backward ms", "optimizer ms", "step ms", "fastest", "slowest",
            "tokens/s",
        ]
        let rows = results.map { result in
            [result.optimizer]
                + [
                    result.dataMilliseconds, result.gradientMilliseconds, result.updateMilliseconds,
                    result.totalMilliseconds, result.fastest, result.slowest,
                ].map { String(format: "%.2f", $0) } + [String(format: "%.0f", result.tokensASecond)]
        }
        return "GPT \(size.rawValue): \(parameters) parameters, batch \(batch) of "
            + "\(size.configuration.context), \(Engine.threadCount) threads\n" + alignedColumns([head] + rows)
    }

    private func jsonText(_ results: [Result], parameters: Int) throws -> String {
        struct Document: Encodable {
            let size: String
            let parameters: Int
            let batch: Int
            let threads: Int
            let processor: String
            let engine: String
            let results: [Result]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let document = Document(
            size: size.rawValue, parameters: parameters, batch: batch, threads: Engine.threadCount,
            processor: EnvironmentSummary.processorName, engine: Engine.version, results: results)
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }
}
