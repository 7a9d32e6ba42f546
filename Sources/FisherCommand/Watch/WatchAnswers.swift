import Foundation

/// The answers to a browser: one page and one small file of JSON, and nothing else of the disk.
actor WatchAnswers {
    /// An answer.
    struct Answer {
        var status: Int
        var type = "text/plain; charset=utf-8"
        var body = Data()

        /// What all answers have: nothing is kept, guessed, framed or loaded from elsewhere.
        static let headers = [
            "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
            "Content-Security-Policy":
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                + "img-src 'self' data: blob:; media-src data: blob:; connect-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ]
    }

    private let folder: WatchedFolder
    /// The last page and its version: a page is made anew only when the files changed.
    private var last: (version: String, page: String)?

    init(_ folder: WatchedFolder) { self.folder = folder }

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - method: the request's method.
    ///   - path: the path, of which only two are known: no file is opened by it.
    ///   - host: the name by which the browser calls this server. A page of another site whose name was made to lead here
    ///     has that name, and gets nothing.
    func answer(_ method: String, _ path: String, host: String?) -> Answer {
        guard let host, Self.isOwn(host) else {
            return Answer(status: 421, body: Data("This server answers to localhost alone.\n".utf8))
        }
        guard method == "GET" || method == "HEAD" else {
            return Answer(status: 405, body: Data("Only GET and HEAD are answered.\n".utf8))
        }
        switch path {
        case "/":
            return Answer(status: 200, type: "text/html; charset=utf-8", body: Data(page().utf8))
        case "/state.json":
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            let body = (try? encoder.encode(folder.state())) ?? Data()
            return Answer(status: 200, type: "application/json", body: body)
        default: return Answer(status: 404, body: Data("There is / and /state.json.\n".utf8))
        }
    }

    /// Whether a Host header names this machine to itself, with any port.
    static func isOwn(_ host: String) -> Bool {
        var name = Substring(host.lowercased())
        if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") {
            guard UInt16(name[name.index(after: colon)...]) != nil else { return false }
            name = name[..<colon]
        }
        return ["127.0.0.1", "localhost", "[::1]"].contains(String(name))
    }

    private func page() -> String {
        let state = folder.state()
        if let last, last.version == state.version { return last.page }
        let page: String
        if state.phase == .waiting {
            page = WatchPage.empty(state.text, version: state.version)
        } else {
            // The state is older than the page or as old: a page is never taken for a newer one.
            page =
                (try? folder.page()).map { WatchPage.live($0, version: state.version) }
                ?? WatchPage.empty(state.text, version: state.version)
        }
        last = (state.version, page)
        return page
    }
}
