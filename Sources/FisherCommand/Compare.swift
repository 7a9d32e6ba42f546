import ArgumentParser

/// `fisher compare`: a task a subcommand.
struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train the same model on the same batches with several optimizers, and show who wins.",
        subcommands: CommandTasks.all.map { $0.compare })
}
