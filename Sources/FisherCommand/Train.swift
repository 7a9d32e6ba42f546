import ArgumentParser

/// `fisher train`: a task a subcommand.
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a model in a run folder that can be stopped, killed and resumed exactly.",
        subcommands: CommandTasks.all.map { $0.train })
}
