import ArgumentParser
import Fisher
import FisherTraining
import FlyingFox
import FlyingSocks
import Foundation
import Synchronization

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
        guard let address = try? sockaddr_in.inet(ip4: "127.0.0.1", port: port) else {
            return .failed("there is no loopback interface")
        }
        let server = HTTPServer(address: address, timeout: 30, logger: .disabled)
        let state = ServerState()
        let work = Task.detached {
            await server.appendRoute("*") { request in
                let answer = await answers.answer(
                    request.method.rawValue, request.path, host: request.headers[HTTPHeader("Host")])
                var headers = HTTPHeaders()
                for (name, value) in WatchAnswers.Answer.headers { headers[HTTPHeader(name)] = value }
                headers[HTTPHeader("Content-Type")] = answer.type
                return HTTPResponse(
                    statusCode: HTTPStatusCode(
                        answer.status, phrase: answer.status == 200 ? "OK" : "Refused"),
                    headers: headers, body: answer.body)
            }
            do { try await server.run() } catch { state.fail(error) }
        }
        Task.detached {
            try? await server.waitUntilListening()
            if case .ip4(_, let port)? = await server.listeningAddress { state.listen(on: port) }
        }
        defer { work.cancel() }
        var hasTold = false
        while true {
            if let error = state.error {
                if let error = error as? SocketError, case .failed(_, EADDRINUSE, _) = error { return .taken }
                return .failed("\(error)")
            }
            if !hasTold, let port = state.port {
                hasTold = true
                if port != Self.usualPort, self.port == nil {
                    warn("port \(Self.usualPort) is taken, so another was chosen")
                }
                say("http://127.0.0.1:\(port)/ shows \(folder.path); Ctrl-C ends the watch, not the run")
                if folder.state().phase == .waiting { warn(folder.state().text) }
            }
            do { try Interruption.poll() } catch { return .ended }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }
}

/// What the server's tasks tell the command.
private final class ServerState: Sendable {
    private let failure = Mutex<(any Error)?>(nil)
    private let place = Mutex<UInt16?>(nil)

    var error: (any Error)? { failure.withLock { $0 } }
    var port: UInt16? { place.withLock { $0 } }

    func fail(_ error: any Error) { failure.withLock { $0 = error } }
    func listen(on port: UInt16) { place.withLock { $0 = port } }
}
