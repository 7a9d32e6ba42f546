import ArgumentParser
import FisherTraining
import Foundation

/// The `fisher` command.
@main
struct FisherTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fisher",
        abstract: "Fisher-information optimization for neural networks.",
        version: Version.current,
        subcommands: [
            Train.self, Compare.self, Ablate.self, Sample.self, Runs.self, Report.self, Step.self,
            Information.self, Inspect.self, Hierarchy.self, Continual.self, Optimizers.self, Bench.self,
            Doctor.self,
        ])

    /// Runs the command; a failure is one sentence on standard error and the exit status that belongs to it.
    static func main() {
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

/// Prints a line and sends it on its way at once, before progress that takes another one.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

/// Says a sentence on standard error.
func warn(_ sentence: String) {
    FileHandle.standardError.write(Data("fisher: \(sentence)\n".utf8))
}

/// The version of this package.
enum Version {
    static let current = "0.1.0"
}
