import Fisher
import FisherTraining
import Foundation

/// This command in several processes of this machine: the first has the terminal, and all end when one does.
final class LocalProcesses {
    /// A process, and what it says on standard error.
    private struct Child {
        let process: Process
        /// Kept open until the process has it.
        let errors: FileAppender?
    }

    /// How long the others have to end by themselves after one has failed: they notice it in their next exchange.
    private static let patience = 10.0

    private let count: Int
    private let savesOnSignals: Bool
    private let folder: URL
    private var children: [Child] = []

    /// Prepares as many processes.
    ///
    /// - Parameter savesOnSignals: whether the first, told a signal, tells the others, and all save their work; otherwise a
    ///   signal ends all.
    init(_ count: Int, savesOnSignals: Bool = true) {
        self.count = count
        self.savesOnSignals = savesOnSignals
        folder = FileManager.default.temporaryDirectory.appending(
            path: "fisher-processes-\(UUID().uuidString)")
    }

    /// Runs this command line in all of them.
    ///
    /// - Throws: ``FailedProcess`` with the status of the first process, which has told why itself, or for another that ended
    ///   without the first noticing it.
    func callAsFunction() throws {
        try DurableStorage.makeFolder(folder.path)
        defer { try? DurableStorage.removeFolder(folder.path) }
        do {
            for rank in 0..<count { try start(rank) }
        } catch {
            for child in children { kill(child.process.processIdentifier, SIGKILL) }
            throw error
        }
        try wait()
    }

    private func start(_ rank: Int) throws {
        let process = Process()
        process.executableURL = ParentProcess.program
        process.arguments = Array(CommandLine.arguments.dropFirst())
        let place = [
            "RANK": "\(rank)", "WORLD_SIZE": "\(count)", "LOCAL_RANK": "\(rank)",
            "LOCAL_WORLD_SIZE": "\(count)",
            ProcessPlace.fileVariable: folder.appending(path: "meeting").path,
        ]
        process.environment = ProcessInfo.processInfo.environment
            .merging(place) { $1 }.merging(ParentProcess.environment) { $1 }
        var errors: FileAppender?
        if rank > 0 {
            let file = try FileAppender(folder.appending(path: "errors-\(rank)").path)
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = file.handle
            errors = file
        }
        try process.start()
        children.append(Child(process: process, errors: errors))
    }

    /// Waits for all; passes a signal on.
    private func wait() throws {
        var (told, firstEnd): (Int32?, Double?) = (nil, nil)
        while children.contains(where: \.process.isRunning) {
            Thread.sleep(forTimeInterval: 0.05)
            if told == nil, let signal = Self.signal {
                told = signal
                for child in savesOnSignals ? Array(children.prefix(1)) : children {
                    kill(child.process.processIdentifier, signal)
                }
            }
            let now = ProcessInfo.processInfo.systemUptime
            if firstEnd == nil, children.contains(where: { hasFailed($0.process) }) { firstEnd = now }
            if let end = firstEnd, now - end > Self.patience {
                for child in children where child.process.isRunning {
                    kill(child.process.processIdentifier, SIGKILL)
                }
            }
        }
        // Shells see what a signal has ended by this status.
        if let told, !savesOnSignals { throw FailedProcess(status: 128 + told, sentence: nil) }
        // The first has told why it failed, unless it was killed.
        let first = children[0].process
        if first.terminationReason == .exit, first.terminationStatus != 0 {
            throw FailedProcess(status: first.terminationStatus, sentence: nil)
        }
        for (rank, child) in children.enumerated() where hasFailed(child.process) {
            let (process, status) = (child.process, child.process.terminationStatus)
            let how =
                process.terminationReason == .exit
                ? said(by: child) ?? "it ended with status \(status)"
                : "process \(process.processIdentifier) was ended by signal \(status)"
            throw FailedProcess(
                status: process.terminationReason == .exit ? status : ExitStatus.inputOutput.rawValue,
                sentence: "rank \(rank) of \(count): \(how)")
        }
    }

    /// The signal that this process was sent.
    private static var signal: Int32? {
        do {
            try Interruption.poll()
            return nil
        } catch {
            return error.signal == "SIGINT" ? SIGINT : error.signal == "SIGHUP" ? SIGHUP : SIGTERM
        }
    }

    private func hasFailed(_ process: Process) -> Bool {
        !process.isRunning && (process.terminationReason != .exit || process.terminationStatus != 0)
    }

    /// The last line that a process wrote on standard error, without the program's name.
    private func said(by child: Child) -> String? {
        guard let file = child.errors, let data = try? DurableStorage.readFile(at: file.path) else {
            return nil
        }
        let line = String(decoding: data, as: UTF8.self).split(separator: "\n").last.map(String.init)
        return line.map { $0.hasPrefix("fisher: ") ? String($0.dropFirst(8)) : $0 }
    }
}

/// A process of this command failed.
struct FailedProcess: Error {
    /// Its exit status.
    let status: Int32
    /// Why; nil if it has said so itself.
    let sentence: String?
}
