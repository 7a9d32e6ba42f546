import FisherTraining
import Foundation
import Testing

@testable import FisherCommand

/// What `fisher watch` answers, without a network.
@Suite struct WatchAnswerTests {
    static func answer(
        _ path: String, _ method: String = "GET", host: String? = "127.0.0.1:8765",
        in folder: String = "/nowhere"
    ) async -> WatchAnswers.Answer {
        await WatchAnswers(WatchedFolder(path: folder)).answer(method, path, host: host)
    }

    /// Only two paths are known, and no other opens anything.
    @Test(arguments: [
        "/report.html", "/run.json", "/../etc/passwd", "//etc/passwd", "/./", "/state.json/", "/%2e%2e/", "",
        "*",
        "/state.json/../run.json", "/\0",
    ])
    func nothingElseIsServed(_ path: String) async { #expect(await Self.answer(path).status == 404) }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.0.0.1:80", true), ("LOCALHOST:8765", true), ("[::1]:1", true),
        ("[::1]", true),
        ("evil.example", false), ("evil.example:8765", false), ("127.0.0.1.evil.example:8765", false),
        ("localhost:8765@evil.example", false), ("localhost:x", false), ("", false), ("127.0.0.1:", false),
        ("0.0.0.0:8765", false),
    ])
    func otherNamesOfThisMachineAreRefused(_ host: String, _ isOwn: Bool) async {
        #expect(await Self.answer("/state.json", host: host).status == (isOwn ? 200 : 421))
    }

    @Test func otherRequestsAreRefused() async {
        #expect(await Self.answer("/", "POST").status == 405)
        #expect(await Self.answer("/", host: nil).status == 421)
        #expect(await Self.answer("/", "HEAD").status == 200)
    }

    /// A process has taken the folder and is still reading its data.
    @Test func aFolderWithoutItsFirstRunIsShown() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "watch-\(UUID())")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let lock = try FolderLock(folder: root.path)
        #expect(WatchedFolder(path: root.path).state().phase == .running)
        let page = String(decoding: await Self.answer("/", in: root.path).body, as: UTF8.self)
        #expect(page.contains("No run has begun in"))
        withExtendedLifetime(lock) {}
    }

    /// A comparison on two texts is two studies in one folder: the one at work is shown, then the one that was begun last.
    @Test func oneOfSeveralStudiesIsShown() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "watch-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        let task = TaskSummary(name: "language", description: "", parameterCount: 1, settings: [])
        for (name, date) in [("docstrings", "2026-01-02T00:00:00Z"), ("headers", "2026-01-01T00:00:00Z")] {
            let folder = root.appending(path: name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            var status = StudyStatus(.comparison, of: task, by: .current(), planned: 2)
            status.date = date
            try status.write(to: folder.path)
        }
        let watched = WatchedFolder(path: root.path)
        var lock: FolderLock? = try FolderLock(folder: root.path + "/headers")
        let first = watched.state()
        #expect(first.phase == .running && first.text.hasPrefix("headers: No run has begun"))
        #expect(first.text.hasSuffix(". Other studies in \(root.path): docstrings"))
        withExtendedLifetime(lock) {}
        lock = nil
        let second = watched.state()
        #expect(second.text.hasPrefix("docstrings: ") && second.version != first.version)
        let page = String(decoding: await Self.answer("/", in: root.path).body, as: UTF8.self)
        #expect(page.contains("data-version=\"\(second.version)\""))
    }

    @Test func aFolderThatIsNotThereIsWaitedFor() async {
        let state = await Self.answer("/state.json", in: "/nowhere/<run>")
        #expect(
            String(decoding: state.body, as: UTF8.self).contains(
                "Waiting for \\/nowhere\\/<run>, which is not there yet."))
        let page = String(decoding: await Self.answer("/", in: "/nowhere/<run>").body, as: UTF8.self)
        #expect(page.contains("Waiting for /nowhere/&lt;run>") && page.contains("state.json"))
    }
}

/// `fisher watch` beside a run, as a process.
@Suite struct WatchCommandTests {
    /// The answer to a request over a socket of its own.
    static func get(_ path: String, port: UInt16, host: String? = nil) throws -> String {
        #if canImport(Darwin)
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #else
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        try #require(connected == 0)
        let request =
            "GET \(path) HTTP/1.1\r\nHost: \(host ?? "127.0.0.1:\(port)")\r\nConnection: close\r\n\r\n"
        _ = request.withCString { write(descriptor, $0, strlen($0)) }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    /// A run that has ended, one that was killed, and Ctrl-C.
    @Test func aRunIsShown() throws {
        try CommandTests.withFolder { root in
            let run = root + "/run"
            let trained = try CommandTests.fisher([
                "train", "digits", "--network", "perceptron", "--batch", "8", "--steps", "4", "--threads",
                "1",
                "--output", run,
            ])
            #expect(trained.status == 0)
            let process = Process()
            let output = Pipe()
            (process.executableURL, process.arguments) = (
                CommandTests.executable, ["watch", run, "--port", "0"]
            )
            (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
            try process.run()
            defer { if process.isRunning { process.terminate() } }
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            let pattern = #/^http://127\.0\.0\.1:(\d+)/ shows /#
            let match = try #require(line.firstMatch(of: pattern), "\(line)")
            let port = try #require(UInt16(match.1))
            let page = try Self.get("/", port: port)
            #expect(
                page.hasPrefix("HTTP/1.1 200") && page.contains("A training run")
                    && page.contains("id=\"watch\""))
            #expect(page.contains("Content-Security-Policy: default-src 'none'"))
            let state = try Self.get("/state.json", port: port)
            #expect(state.contains("\"phase\":\"ended\"") && state.contains("step 4 of 4"))
            #expect(try Self.get("/run.json", port: port).hasPrefix("HTTP/1.1 404"))
            #expect(try Self.get("/", port: port, host: "evil.example").hasPrefix("HTTP/1.1 421"))

            let second = try CommandTests.fisher(["watch", run, "--port", "\(port)"])
            #expect(second.status == 73 && second.errors.contains("is taken"))

            kill(process.processIdentifier, SIGINT)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 0)
        }
    }

    /// The document says `running`, and nobody holds the lock; the log's lines after the last evaluation are shown.
    @Test func aKilledRunIsNotRunning() throws {
        try CommandTests.withFolder { root in
            let run = root + "/run"
            let process = Process()
            process.executableURL = CommandTests.executable
            process.arguments = [
                "train", "digits", "--network", "perceptron", "--batch", "8", "--steps", "1000000",
                "--evaluate-every", "900000", "--threads", "1", "--output", run,
            ]
            (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
            try process.run()
            defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
            let folder = WatchedFolder(path: run)
            func waits(for phase: WatchedFolder.Phase, _ text: String) -> WatchedFolder.State? {
                for _ in 0..<300 {
                    let state = folder.state()
                    if state.phase == phase, state.text.contains(text) { return state }
                    usleep(50_000)
                }
                return nil
            }
            let first = try #require(waits(for: .running, "training loss"))
            let page = try folder.page()
            #expect(page.contains("steps as this page was made"))
            _ = try #require(waits(for: .running, "training loss"))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let last = folder.state()
            #expect(
                last.phase == .stopped && last.text.hasPrefix("The run was killed: no process works on it"))
            #expect(last.version != first.version)
        }
    }
}
