import FisherTraining
import Foundation

/// A program of the system that is run to its end.
struct ChildProgram: Sendable {
    /// The program's file.
    let path: String

    /// Finds a program of a name in the folders of `PATH`; nil where it is not installed.
    init?(named name: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let found = folders.lazy.filter { $0.hasPrefix("/") }.map { $0 + "/" + name }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard let found else { return nil }
        path = found
    }

    /// Runs the program; returns what it wrote to its standard output.
    ///
    /// - Throws: `SpeechError.programMissing` where it cannot be started or ends with a failure.
    func output(_ arguments: [String]) throws(SpeechError) -> [UInt8] {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch {
            throw .programMissing("\(path) cannot be started: \(error.localizedDescription)")
        }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw .programMissing("\(path) failed with status \(process.terminationStatus)")
        }
        return [UInt8](output)
    }
}
