import Fisher
import FisherTraining
import Foundation

extension EnvironmentSummary {
    /// This machine, this engine, now.
    static func current(command: [String]) -> EnvironmentSummary {
        EnvironmentSummary(
            packageVersion: Version.current, engineVersion: Engine.version, threads: Engine.threadCount,
            instructionSet: Engine.instructionSet, processorName: processorName,
            date: Date().formatted(.iso8601),
            command: (["fisher"] + command.dropFirst()).map(quoted).joined(separator: " "))
    }

    /// The processor as the system names it.
    static var processorName: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    /// A word as a shell takes it.
    static func quoted(_ word: String) -> String {
        let plain = word.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=,+@%".contains($0) }
        return plain && !word.isEmpty ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
