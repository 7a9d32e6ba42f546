import ArgumentParser

/// `fisher bench`: how long things take here.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time optimizers and estimates on this machine.",
        subcommands: [BenchOptimizers.self, BenchInformation.self])
}
