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
                Convert.self, Step.self, Information.self, Infer.self, Inspect.self, Hierarchy.self,
                Landscape.self,
                Continual.self, Optimizers.self, Reproduce.self, Bench.self, Doctor.self,
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
    /// a missing file, 3 for a run that diverged, 75 for one that a signal stopped.
    ///
    /// Standard input, output and error are opened on `/dev/null` where they are closed.
    public static func main() {
        guard StandardDescriptors.openClosed() else {
            Foundation.exit(ExitStatus.internalError.rawValue)
        }
        Engine.keepFreedMemory()
        do {
            var command = try parseAsRoot()
            try command.run()
            try StandardDescriptors.flushOutput()
        } catch {
            guard let status = ExitStatus(of: error) else {
                if let sentence = unknownSubcommand(in: CommandLine.arguments.dropFirst()) {
                    warn(sentence)
                    Foundation.exit(exitCode(for: error).rawValue)
                }
                exit(withError: error)
            }
            warn("\(error)")
            Foundation.exit(status.rawValue)
        }
    }
    /// What is wrong with the first word that should name a subcommand and does not, with the nearest name; nothing where
    /// all do. The argument parser calls such a word an unexpected argument, or the option after it unknown.
    private static func unknownSubcommand(in words: some Sequence<String>) -> String? {
        var command: any ParsableCommand.Type = self
        var path = [configuration.commandName ?? _commandName]
        for word in words {
            let subcommands = command.configuration.subcommands
            let hasDefault = command.configuration.defaultSubcommand != nil
            if subcommands.isEmpty || word.hasPrefix("-") || word == "help" { return nil }
            guard let next = subcommands.first(where: { $0._commandName == word }) else {
                // A default subcommand may have an argument of its own, but hardly one that resembles the name of another.
                if hasDefault, nearestName(to: word, among: subcommands.map { $0._commandName }) == nil {
                    return nil
                }
                return unknownName(
                    word, called: "subcommand of \(path.joined(separator: " "))",
                    among: subcommands.map { $0._commandName })
            }
            command = next
            path.append(word)
        }
        return nil
    }
}
