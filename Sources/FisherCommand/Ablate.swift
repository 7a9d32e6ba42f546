import ArgumentParser

/// `fisher ablate`: a task a subcommand.
struct Ablate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train with one optimizer and several values of its options, and show what they do.",
        subcommands: CommandTasks.all.map { $0.ablate })
}
