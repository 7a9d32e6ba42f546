import ArgumentParser
import Fisher
import FisherTraining
import Foundation

/// `fisher watch`: a run's page while it trains.
struct Watch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show the page of a run or a comparison in a browser while it trains.",
        discussion: """
            The page is served to this machine alone, keeps itself up to date, and says when the run has ended, was stopped or \
            killed. Ctrl-C ends the watch and leaves the run alone. On another machine: ssh -L 8765:127.0.0.1:8765 HOST.
            """)

    /// The port that is tried first.
    private static let usualPort: UInt16 = 8765

    @Argument(
        help: "The folder of a run, a comparison or another study; one that is not there yet is waited for.")
    var folder: String
    @Option(
        help: ArgumentHelp(
            "The port; 0: any that is free. By default \(usualPort), or any that is free where it is taken."))
    var port: Int?

    func validate() throws {
        guard (0...65535).contains(port ?? 0) else {
            throw ValidationError("--port must lie between 0 and 65535, not \(port ?? 0).")
        }
    }

    func run() throws {
        Interruption.install()
        let watched = WatchedFolder(path: RunDirectory(path: folder).path)
        if try DurableStorage.kind(of: folder, followingLinks: true) == .file {
            throw StorageError(.damaged, path: folder, reason: "is a file: name the folder of a run")
        }
        // A folder that cannot be read will not tell more later, one that is not there may.
        guard !folder.isEmpty else { throw StorageError(.notFound, path: folder, reason: "is not there") }
        _ = try DurableStorage.names(inFolder: folder)
        let answers = WatchAnswers(watched)
        let ports: [UInt16] = port.map { [UInt16($0)] } ?? [Self.usualPort, 0]
        for (place, port) in ports.enumerated() {
            switch serve(answers, on: port, telling: watched) {
            case .ended: return
            case .taken where place + 1 < ports.count: continue
            case .taken:
                throw StorageError(
                    .cannotCreate, path: "port \(port)",
                    reason: "is taken: name another with --port, or 0 for any")
            case .failed(let reason):
                throw StorageError(.inputOutput, path: "port \(port)", reason: "cannot be served: \(reason)")
            }
        }
    }

    private enum End {
        case ended, taken, failed(String)
    }

    /// Serves until a signal comes.
    private func serve(_ answers: WatchAnswers, on port: UInt16, telling folder: WatchedFolder) -> End {
        let pages = ServedPages(answers)
        pages.serve(on: port)
        var hasTold = false
        while true {
            switch pages.event {
            case .taken?: return .taken
            case .failed(let reason)?: return .failed(reason)
            case .listens(let port)? where !hasTold:
                hasTold = true
                if port != Self.usualPort, self.port == nil {
                    warn("port \(Self.usualPort) is taken, so another was chosen")
                }
                say("http://127.0.0.1:\(port)/ shows \(folder.path); Ctrl-C ends the watch, not the run")
                if folder.state().phase == .waiting { warn(folder.state().text) }
            case .listens?, nil: break
            }
            do { try Interruption.poll() } catch { return .ended }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }
}
