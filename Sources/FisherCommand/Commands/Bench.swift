import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherTraining
import Foundation

/// `fisher bench`: timings on this machine.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Time optimizers, steps and estimates on this machine; measure the coverage of intervals.",
        subcommands: [BenchOptimizers.self, BenchStep.self, BenchInformation.self, BenchCoverage.self])
}

/// The arguments common to all benchmarks.
struct BenchArguments: ParsableArguments {
    @OptionGroup var threads: ThreadArguments
    @OptionGroup var place: DeviceArguments
    @Option(help: "Turns of each candidate; by default 11, of estimates 15.")
    var turns: Int?
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(
        help: """
            Take the turns that standard input asks for: lines of a candidate's position from 0 and a number of \
            repetitions. Each is answered by a line with the seconds of one.
            """)
    var onRequest = false

    func validate() throws {
        try requirePositive(["turns": turns ?? 1])
    }

    /// Creates a benchmark with the requested threads, and shows its results or answers requests.
    ///
    /// - Parameters:
    ///   - usual: the turns that are taken where no number is given.
    ///   - processes: those that make the same measurements together, of which the first shows the results.
    ///   - benchmark: creates the benchmark.
    func run(
        turns usual: Int = 11, with processes: ProcessGroup? = nil,
        _ benchmark: () throws -> some InterleavedBenchmark
    ) throws {
        threads.apply()
        try withDevice(place.chosen) { try runHere(turns: usual, processes, benchmark) }
    }

    private func runHere(
        turns usual: Int, _ processes: ProcessGroup?, _ benchmark: () throws -> some InterleavedBenchmark
    ) throws {
        let benchmark = try benchmark()
        if let processes, processes.rank > 0 {
            _ = try benchmark(turns: turns ?? usual, on: .current())
            return
        }
        if onRequest { return try benchmark.answer({ readLine() }, with: say) }
        let turns = turns ?? usual
        let display = ProgressDisplay()
        // A turn before the first is not counted.
        display.begin("timing in turns", totalSteps: benchmark.candidateCount * (turns + 1))
        let result = try benchmark(turns: turns, on: .current()) { display.update(step: $0) }
        display.finish()
        print(json ? String(decoding: result.json(), as: UTF8.self) : shown(result), terminator: "")
    }
}
