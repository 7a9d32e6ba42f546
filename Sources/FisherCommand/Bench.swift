import ArgumentParser

/// `fisher bench`: how long things take here.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time optimizers, training steps and estimates of the information on this machine.",
        subcommands: [BenchOptimizers.self, BenchStep.self, BenchInformation.self])
}
