@_exported import ArgumentParser
import CStart
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
        let added = registered.withLock { $0 }
        return CommandConfiguration(
            commandName: programName,
            abstract: "Fisher-information optimization for neural networks.",
            version: EnvironmentSummary.versionOfPackage,
            subcommands: own.filter { command in
                !added.contains { $0._commandName == command._commandName }
            } + added)
    }

    /// Read once: the parser asks for the configuration again and again.
    private static let programName = EnvironmentSummary.programName

    private static let own: [any ParsableCommand.Type] = [
        Train.self, Compare.self, Ablate.self, Predict.self, Sample.self, Transcribe.self, Runs.self,
        Report.self, Watch.self, Convert.self, Step.self, Information.self, Infer.self, Inspect.self,
        Hierarchy.self, Landscape.self,
        Continual.self, Optimizers.self, Explain.self, Reproduce.self, Bench.self, Doctor.self, Init.self,
    ]

    /// The commands of other packages.
    private static let registered = Mutex<[any ParsableCommand.Type]>([])

    /// Creates the command, for the argument parser.
    public init() {}

    /// Adds a command, which appears in the help after those of this package.
    ///
    /// Call it before ``main()``. A command that is registered twice appears once; one with the name of a command of this
    /// package replaces it.
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
    ///
    /// On Linux the program starts itself anew, once, with `OMP_WAIT_POLICY=passive`, unless `OMP_WAIT_POLICY` or
    /// `GOMP_SPINCOUNT` is set: call it before anything else.
    public static func main() {
        cs_wait_passively_from_now(CommandLine.unsafeArgv)
        guard StandardDescriptors.openClosed() else {
            Foundation.exit(ExitStatus.internalError.rawValue)
        }
        let status = run(Array(CommandLine.arguments.dropFirst())) {
            Engine.keepFreedMemory()
            Engine.exitWhenMemoryRunsOut(
                status: ExitStatus.outOfMemory.rawValue,
                saying:
                    "\(EnvironmentSummary.programName): memory ran out: use a smaller model or batch, or more micro-batches"
            )
        }
        if status != 0 { Foundation.exit(status) }
    }

    /// Runs the command that words name, and returns the exit status of the process. Every mistake is one sentence on standard
    /// error; those of arguments have a line after it that names the command's help.
    ///
    /// Help, the version and mistakes in arguments need nothing of libtorch, which `fisher` opens at the first call of it.
    ///
    /// - Parameters:
    ///   - words: the arguments.
    ///   - prepare: called before a command runs.
    package static func run(_ words: [String], prepare: () -> Void = {}) -> Int32 {
        let words = joiningNegativeValues(words)
        do {
            var command = try parseAsRoot(words)
            if !onlyPrintsHelp(command) {
                prepare()
                try boundThreads()
                try checkProducts()
            }
            try command.run()
            try StandardDescriptors.flushOutput()
            return 0
        } catch let failed as FailedProcess {
            if let sentence = failed.sentence { warn(sentence) }
            return failed.status
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
            return finish(with: error)
        }
    }

    /// Whether a command is one of the parser's or of this package's that prints help when it runs.
    private static func onlyPrintsHelp(_ command: any ParsableCommand) -> Bool {
        let type = type(of: command)
        if type == FisherTool.self || type._commandName == "help" { return true }
        return own.contains { $0 == type } && !type.configuration.subcommands.isEmpty
    }

    /// Prints what the argument parser has to say besides mistakes: help, on standard output, which must have room for it.
    private static func finish(with error: any Error) -> Int32 {
        guard exitCode(for: error).isSuccess else {
            warn("\(error)")
            return ExitStatus.internalError.rawValue
        }
        do throws(StorageError) {
            print(fullMessage(for: error))
            try StandardDescriptors.flushOutput()
            return 0
        } catch {
            warn("\(error)")
            return (ExitStatus(of: error) ?? .internalError).rawValue
        }
    }

    /// Refuses a number of threads in the environment that the machine has no processors for, and leaves out processors for
    /// which a container has no time.
    private static func boundThreads() throws {
        let environment = ProcessInfo.processInfo.environment
        var isGiven = false
        for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
            // OpenMP's form is a list, one number a level; what is no number is left to its runtime to refuse.
            let number = environment[name]?.split(separator: ",").first.flatMap {
                Int($0.trimmingCharacters(in: .whitespaces))
            }
            guard let number, number > 0 else { continue }
            isGiven = true
            if let complaint = Processors.complaint(threads: number) {
                throw UsageError(description: "\(name) \(complaint)")
            }
        }
        if !isGiven, Engine.threadCount > Processors.usable { Engine.threadCount = Processors.usable }
    }

    /// Refuses a library of matrix products in the environment that there is not.
    private static func checkProducts() throws {
        let name = ProcessInfo.processInfo.environment[MatrixProducts.variable]
        if let name, !name.isEmpty, MatrixProducts.requested == nil {
            let names = MatrixProducts.allCases.map(\.rawValue).joined(separator: " or ")
            throw UsageError(description: "\(MatrixProducts.variable) must be \(names), not \(name)")
        }
    }
}
