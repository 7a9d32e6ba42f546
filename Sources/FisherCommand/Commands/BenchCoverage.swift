import ArgumentParser
import FisherInference
import FisherTraining
import Foundation

/// `fisher bench coverage`: whether the intervals of `fisher infer` hold the truth as often as they say.
struct BenchCoverage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coverage",
        abstract: "Measure how often the intervals of fisher infer hold the truth, on simulated data.",
        discussion: """
            Data sets are drawn from a population that the model describes, and from one that it does not: a variance \
            that grows with x (gaussian), overdispersion (binomial, poisson), a quadratic predictor (categorical), a spread \
            that grows with x (ordinal). There the truth is what the estimates converge to. For each parameter the table \
            has the share of 95 % intervals that hold it, by covariance, and the mean standard error over the \
            estimates' own standard deviation; with --tested also how often the information-matrix test rejects the model.
            """)

    @Option(parsing: .upToNextOption, help: "The families; by default all.")
    var family: [ModelFamily] = ModelFamily.allCases
    @Option(help: "Rows of each data set.")
    var rows = 1000
    @Option(help: "Data sets.")
    var sets = 2000
    @Option(help: "Data sets on which the information-matrix test is made.")
    var tested = 0
    @Option(help: "Draws of each test.")
    var replicates = 199
    @Option(help: "Seed of the data.")
    var seed: UInt64 = 1
    @Flag(help: "Print JSON.")
    var json = false

    private struct Entry: Encodable {
        let family: ModelFamily
        let wrongModel: Bool
        let result: CoverageStudy.Result
    }

    func validate() throws {
        try requirePositive(["rows": rows, "sets": sets])
        guard rows >= 20 else { throw ValidationError("--rows must be at least 20.") }
        guard tested >= 0, replicates >= 19 else {
            throw ValidationError("--tested must not be negative, --replicates at least 19.")
        }
    }

    func run() throws {
        var entries: [Entry] = []
        let display = ProgressDisplay(runCount: 2 * family.count)
        for family in family {
            for isWrong in [false, true] {
                var study = CoverageStudy(
                    SimulatedPopulation(family: family, isWrong: isWrong), rows: rows, sets: sets)
                (study.tested, study.replicates, study.seed) = (min(tested, sets), replicates, seed)
                let name = "\(family.rawValue), \(isWrong ? "wrong" : "right") model"
                display.begin(name, totalSteps: sets, unit: "data sets")
                let result = try study.run { display.update(step: $0) }
                display.endRun("\(result.fitted) of \(sets) data sets fitted")
                entries.append(Entry(family: family, wrongModel: isWrong, result: result))
                if !json { say(Self.text(entries[entries.count - 1], sets: sets) + "\n") }
            }
        }
        if json { print(String(decoding: StoredJSON.encode(entries), as: UTF8.self), terminator: "") }
    }

    private static func text(_ entry: Entry, sets: Int) -> String {
        let result = entry.result
        let kinds = ["standard", "observed", "sandwich"]
        var rows = [["parameter", "truth"] + kinds.map { "\($0) %" } + kinds.map { "\($0) error / sd" }]
        for (index, name) in result.names.enumerated() {
            rows.append(
                [name, String(format: "%.4f", result.truth[index])]
                    + kinds.map { String(format: "%.2f", 100 * (result.coverage[$0]?[index] ?? .nan)) }
                    + kinds.map { String(format: "%.3f", result.errorRatio[$0]?[index] ?? .nan) })
        }
        var head =
            "\(entry.family.rawValue), \(entry.wrongModel ? "wrong" : "right") model, \(result.fitted) of \(sets) data sets fitted"
        if result.tested > 0 {
            head += String(
                format:
                    "; the information-matrix test rejects \(result.rejected) of \(result.tested) (%.1f %%)",
                100 * Double(result.rejected) / Double(result.tested))
        }
        return head + "\n" + alignedColumns(rows)
    }
}
