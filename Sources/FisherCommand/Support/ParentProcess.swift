import FisherTraining
import Foundation

/// The process that started this one as a part of its work, which must not go on alone.
///
/// A signal can be passed on to parts, a kill cannot: each part watches the process that started it.
enum ParentProcess {
    private static let variable = "FISHER_PARENT_PROCESS"

    /// The file of this program, which its parts run too.
    static var program: URL { Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0]) }

    /// The environment of a part that this process starts.
    static var environment: [String: String] { [variable: "\(getpid())"] }

    /// Stops this process as SIGTERM does, everything saved, once the process that started it as a part has ended in whatever
    /// way. Without such a process nothing is watched.
    static func stopWithParent() {
        guard let parent = ProcessInfo.processInfo.environment[variable].flatMap(Int32.init) else { return }
        let watch = Thread {
            while getppid() == parent { Thread.sleep(forTimeInterval: 0.5) }
            kill(getpid(), SIGTERM)
        }
        watch.stackSize = 1 << 16
        watch.start()
    }
}

extension Process {
    /// Starts it; throws `StorageError` if the system does not.
    func start() throws(StorageError) {
        do {
            try run()
        } catch {
            throw StorageError(
                .inputOutput, path: executableURL?.path ?? "fisher",
                reason: "cannot be started: \(error.localizedDescription)")
        }
    }
}
