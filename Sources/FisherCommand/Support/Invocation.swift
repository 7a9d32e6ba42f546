import FisherTraining
import Foundation

/// Command lines that a user can paste.
enum Invocation {
    /// The program as it was started: its path if it was started by one, else its name.
    static var program: String {
        let first = CommandLine.arguments.first ?? "fisher"
        return first.contains("/") ? first : EnvironmentSummary.programName
    }

    /// A command line of this program, quoted for a shell.
    static func line(_ words: [String]) -> String {
        ([program] + words).map(EnvironmentSummary.quoted).joined(separator: " ")
    }

    /// The words that continue what is kept in a folder. A path that begins with a hyphen would be taken for an option.
    static func resuming(_ words: [String], in folder: String) -> String {
        line(words + ["--resume", "--output", folder.hasPrefix("-") ? "./" + folder : folder])
    }

    /// This command line with a flag, unless it has that.
    static func repeated(
        _ words: [String] = Array(CommandLine.arguments.dropFirst()), with flag: String? = nil
    ) -> String {
        line(words + [flag].compactMap(\.self).filter { !words.contains($0) })
    }

    /// Whether a command line asks for nothing but to go on with what a folder holds.
    static func onlyResumes(_ words: [String] = Array(CommandLine.arguments.dropFirst())) -> Bool {
        var rest = words.drop { !$0.hasPrefix("-") }
        while let word = rest.popFirst() {
            switch word {
            case "--resume", "--json", "--accept-damage": continue
            case "--output", "-o", "--threads": rest = rest.dropFirst()
            default:
                guard word.hasPrefix("--output=") || word.hasPrefix("--threads=") else { return false }
            }
        }
        return true
    }

    /// Throws for a command line that only asks to go on, where nothing is to go on with.
    ///
    /// - Parameters:
    ///   - folder: the study's folder.
    ///   - asksForNothingElse: whether the command line gives no value of its own.
    static func requireSomething(
        toResumeIn folder: String, _ asksForNothingElse: @autoclosure () -> Bool
    ) throws {
        let names = try DurableStorage.names(inFolder: folder) ?? []
        let left = ["config.toml", "study.json", "results.json", "runs", "tuning", "run.json"]
        guard Set(names).isDisjoint(with: left), asksForNothingElse() else { return }
        throw StorageError(
            .notFound, path: folder,
            reason:
                "holds nothing to resume: check the path, or leave --resume out to begin with the defaults")
    }
}
