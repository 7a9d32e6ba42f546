@_exported import ArgumentParser
import Fisher
import FisherClaims
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
                Train.self, Compare.self, Ablate.self, Sample.self, Transcribe.self, Runs.self, Report.self,
                Step.self, Information.self, Infer.self, Inspect.self, Hierarchy.self, Landscape.self,
                Continual.self, Optimizers.self, Explain.self, Reproduce.self, Bench.self, Doctor.self,
            ] + registered.withLock { $0 })
    }

    /// The commands of other packages.
    private static let registered = Mutex<[any ParsableCommand.Type]>([])

    /// Creates the command, for the argument parser.
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
    /// Call it before ``main()``. Adding a task twice changes nothing; it traps if another task has the same
    /// name.
    public static func register<Task: ConfigurableTask>(task: Task.Type) { TaskRegistry.register(task) }

    /// Adds a claim, which `fisher reproduce` lists and decides.
    ///
    /// Call it before ``main()``. It traps if another claim has the same name.
    public static func register(claim: Claim) { ClaimRegistry.register(claim) }

    /// Runs the command that the arguments name, and ends the process if it fails.
    ///
    /// A failure is one sentence on standard error and an exit status after sysexits: 64 for arguments, 65 for data, 66 for
    /// a missing file, 3 for a run that diverged, 75 for one that a signal stopped; `fisher explain exit-codes` has all.
    ///
    /// Standard input, output and error are opened on `/dev/null` where they are closed.
    public static func main() {
        guard StandardDescriptors.openClosed() else {
            Foundation.exit(ExitStatus.internalError.rawValue)
        }
        Engine.keepFreedMemory()
        let status = run(Array(CommandLine.arguments.dropFirst()))
        if status != 0 { Foundation.exit(status) }
    }

    /// Runs the command that words name, and returns the exit status of the process. Every mistake is one sentence on standard
    /// error; those of arguments have a line after it that names the command's help.
    package static func run(_ words: [String]) -> Int32 {
        let words = joiningNegativeValues(words)
        do {
            var command = try parseAsRoot(words)
            try command.run()
            try StandardDescriptors.flushOutput()
            return 0
        } catch {
            let thrown = ArgumentMistake.thrown(error)
            if let status = ExitStatus(of: thrown) {
                warn("\(thrown)")
                return status.rawValue
            }
            if let mistake = ArgumentMistake(error, words: words) {
                warn(mistake.sentence)
                tell("See '\(mistake.command) --help'.")
                return ExitStatus.usage.rawValue
            }
            let code = exitCode(for: error)
            if code.isSuccess {
                say(fullMessage(for: error))
            } else {
                warn("\(error)")
            }
            return code.isSuccess ? 0 : ExitStatus.internalError.rawValue
        }
    }
}
