import Fisher
import FisherStudies
import Foundation

extension EnvironmentSummary {
    /// The version of this package.
    package static let versionOfPackage = "0.1.0"

    /// This machine, this engine, now.
    ///
    /// - Parameter command: the program and its arguments.
    public static func current(command: [String] = CommandLine.arguments) -> EnvironmentSummary {
        var summary = EnvironmentSummary(
            packageVersion: versionOfPackage, engineVersion: Engine.version, threads: Engine.threadCount,
            instructionSet: Engine.instructionSet, processorName: nameOfProcessor,
            date: Date().formatted(.iso8601),
            command: ([programName] + command.dropFirst()).map(quoted).joined(separator: " "))
        summary.device = currentDevice
        summary.products = MatrixProducts.current.rawValue
        return summary
    }

    /// The current device, a card with the name that its maker gives it.
    package static var currentDevice: String {
        let device = Device.current
        return device.hardwareName.map { "\(device) (\($0))" } ?? "\(device)"
    }

    /// The name of this process's program, without its folder.
    package static var programName: String {
        CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "fisher"
    }

    /// The processor as the system names it.
    private static var nameOfProcessor: String {
        let text = SystemFile.text(at: "/proc/cpuinfo") ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    /// A word quoted for a shell.
    package static func quoted(_ word: String) -> String {
        let plain = word.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=,+@%".contains($0) }
        return plain && !word.isEmpty ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
