import ArgumentParser

/// `fisher bench`: how long things take here.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time the optimizers on this machine.", subcommands: [BenchOptimizers.self, BenchStep.self])
}
