// The functions of CPages.h.

import CPages
import FlyingFox
import FlyingSocks
import Foundation

/// A request whose answer is awaited.
private final class WaitingRequest {
    private let answer: CheckedContinuation<HTTPResponse, Never>

    init(_ answer: CheckedContinuation<HTTPResponse, Never>) { self.answer = answer }

    func resume(with response: HTTPResponse) { answer.resume(returning: response) }
}

/// `cp_serve`: serves 127.0.0.1 on a port until the process or the server ends.
@_cdecl("cp_serve")
public func servePages(
    port: UInt16, receive: cp_receive, tell: cp_tell, context: UnsafeMutableRawPointer?
) {
    // The caller's functions are called from any thread, and so is what they are given made for.
    nonisolated(unsafe) let context = context
    guard let address = try? sockaddr_in.inet(ip4: "127.0.0.1", port: port) else {
        tell(context, CP_FAILED, port, "there is no loopback interface")
        return
    }
    let server = HTTPServer(address: address, timeout: 30, logger: .disabled)
    Task.detached {
        await server.appendRoute("*") { request in
            await withCheckedContinuation { answer in
                let waiting = Unmanaged.passRetained(WaitingRequest(answer)).toOpaque()
                let host = request.headers[HTTPHeader("Host")]
                func give(_ host: UnsafePointer<CChar>?) {
                    receive(context, OpaquePointer(waiting), request.method.rawValue, request.path, host)
                }
                if let host { give(host) } else { give(nil) }
            }
        }
        do {
            try await server.run()
            tell(context, CP_FAILED, port, "it has ended")
        } catch {
            if let error = error as? SocketError, case .failed(_, EADDRINUSE, _) = error {
                tell(context, CP_PORT_TAKEN, port, "it is taken")
            } else {
                tell(context, CP_FAILED, port, "\(error)")
            }
        }
    }
    Task.detached {
        try? await server.waitUntilListening()
        if case .ip4(_, let port)? = await server.listeningAddress { tell(context, CP_LISTENS, port, "") }
    }
}

/// `cp_answer`: answers a request.
@_cdecl("cp_answer")
public func answerRequest(
    _ request: OpaquePointer, status: Int32, headers: UnsafePointer<CChar>, body: UnsafeRawPointer?,
    count: Int64
) {
    let waiting = Unmanaged<WaitingRequest>.fromOpaque(UnsafeRawPointer(request)).takeRetainedValue()
    var found = HTTPHeaders()
    for line in String(cString: headers).split(separator: "\n") {
        guard let colon = line.firstIndex(of: ":") else { continue }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        found[HTTPHeader(String(line[..<colon]))] = String(value)
    }
    waiting.resume(
        with: HTTPResponse(
            statusCode: HTTPStatusCode(Int(status), phrase: status == 200 ? "OK" : "Refused"),
            headers: found, body: body.map { Data(bytes: $0, count: Int(count)) } ?? Data()))
}
