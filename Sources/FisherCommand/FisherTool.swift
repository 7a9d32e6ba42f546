@_exported import ArgumentParser
import FisherTasks
import FisherTraining
import Foundation
import Synchronization

/// The `fisher` command: all subcommands of this package, and those that a program registers.
///
/// A program of its own is a few lines:
///
///     import FisherCommand
///
///     FisherTool.register(task: MoonsTask.self)
///     RuleRegistry.register(MyRule.self)
///     FisherTool.register(command: Greet.self)
///     FisherTool.main()
public struct FisherTool: ParsableCommand {
    /// The name of the program, and the subcommands: this package's, then those that were registered.
    public static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: EnvironmentSummary.programName,
            abstract: "Fisher-information optimization for neural networks.",
            version: EnvironmentSummary.current().packageVersion,
            subcommands: [
                Train.self, Compare.self, Ablate.self, Sample.self, Runs.self, Report.self, Step.self,
                Information.self, Inspect.self, Hierarchy.self, Continual.self, Optimizers.self, Bench.self,
                Doctor.self,
            ] + registered.withLock { $0 })
    }

    /// The commands of other packages.
    private static let registered = Mutex<[any ParsableCommand.Type]>([])

    /// Makes the command, as the argument parser asks for it.
    public init() {}

    /// Adds a command, which appears in the help after those of this package.
    ///
    /// Call it before ``main()``. A command that is registered twice appears once.
    public static func register(command: any ParsableCommand.Type) {
        registered.withLock { commands in
            if !commands.contains(where: { $0 == command }) { commands.append(command) }
        }
    }

    /// Adds a task, which becomes a subcommand of `train`, `compare`, `ablate` and `hierarchy`.
    ///
    /// Call it before ``main()``. Adding a task twice changes nothing; a name that another task has traps.
    public static func register<Task: ConfigurableTask>(task: Task.Type) { TaskRegistry.register(task) }

    /// Runs the command that the arguments name, and ends the process where it fails.
    ///
    /// A failure is one sentence on standard error and an exit status after sysexits: 64 for arguments, 65 for data, 66 for
    /// a missing file, 3 for a run that diverged, 75 for one that a signal stopped.
    public static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            guard let status = ExitStatus(of: error) else { exit(withError: error) }
            warn("\(error)")
            Foundation.exit(status.rawValue)
        }
    }
}
