import CPages
import Foundation
import Synchronization

/// The answers to a browser, served on a port of this machine.
final class ServedPages: Sendable {
    /// What the server has told last.
    enum Event {
        case listens(on: UInt16), taken, failed(String)
    }

    private let answers: WatchAnswers
    private let last = Mutex<Event?>(nil)

    init(_ answers: WatchAnswers) { self.answers = answers }

    /// What the server has told last; nil while it starts.
    var event: Event? { last.withLock { $0 } }

    /// Starts to serve. The server, and this object with it, lives as long as the process.
    func serve(on port: UInt16) {
        cp_serve(
            port,
            { context, request, method, path, host in
                guard let request, let method, let path else { return }
                ServedPages.at(context).receive(
                    request, String(cString: method), String(cString: path),
                    host: host.map { String(cString: $0) })
            },
            { context, event, port, reason in
                let told: Event =
                    switch event {
                    case CP_LISTENS: .listens(on: port)
                    case CP_PORT_TAKEN: .taken
                    default: .failed(reason.map { String(cString: $0) } ?? "")
                    }
                ServedPages.at(context).note(told)
            }, Unmanaged.passRetained(self).toOpaque())
    }

    /// A server that has ended listens no more, whichever is told first.
    private func note(_ event: Event) {
        last.withLock { last in
            if case .listens = event, last != nil { return }
            last = event
        }
    }

    private func receive(_ request: OpaquePointer, _ method: String, _ path: String, host: String?) {
        // A request has one owner, which answers it.
        nonisolated(unsafe) let request = request
        Task { [answers] in
            ServedPages.send(await answers.answer(method, path, host: host), to: request)
        }
    }

    private static func at(_ context: UnsafeMutableRawPointer?) -> ServedPages {
        guard let context else { preconditionFailure("the server gives back what it was given") }
        return Unmanaged<ServedPages>.fromOpaque(context).takeUnretainedValue()
    }

    private static func send(_ answer: WatchAnswers.Answer, to request: OpaquePointer) {
        var headers = WatchAnswers.Answer.headers
        headers["Content-Type"] = answer.type
        let lines = headers.map { "\($0): \($1)\n" }.joined()
        answer.body.withUnsafeBytes { body in
            cp_answer(request, Int32(answer.status), lines, body.baseAddress, Int64(body.count))
        }
    }
}
