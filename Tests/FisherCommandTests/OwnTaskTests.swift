import Foundation
import Testing
import Torch

/// Packages outside: one depends on the libraries by version and never ran our make; `Examples/OwnTask` adds a task, a layer,
/// a likelihood, a rule and a command, and its program does with them all that `fisher` does.
@Suite struct OwnTaskTests {
    static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Runs a command in a folder; its output, with the errors.
    static func run(_ arguments: [String], in folder: URL, _ environment: [String: String]) throws -> (
        Int32, String
    ) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    static let manifest = """
        // swift-tools-version: 6.2
        import PackageDescription
        let package = Package(
            name: "consumer",
            dependencies: [.package(url: "DEPENDENCY", from: "0.1.0")],
            targets: [.executableTarget(
                name: "consumer", dependencies: [.product(name: "Fisher", package: "swift-fisher")])])
        """

    /// A version by tag is accepted with its compiler flags, and says in one sentence that libtorch is missing.
    @Test func aTaggedVersionSaysThatTheEngineIsMissing() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "consumer-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        let (library, consumer) = (root.appending(path: "swift-fisher"), root.appending(path: "consumer"))
        try FileManager.default.createDirectory(
            at: consumer.appending(path: "Sources/consumer"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(at: library, withIntermediateDirectories: true)
        for name in ["Package.swift", "Sources", "Plugins", "Scripts"] {
            try FileManager.default.copyItem(
                at: Self.checkout.appending(path: name), to: library.appending(path: name))
        }
        for target in try FileManager.default.contentsOfDirectory(
            atPath: Self.checkout.appending(path: "Tests").path) where target.hasSuffix("Tests")
        {
            let tests = library.appending(path: "Tests/\(target)")
            try FileManager.default.createDirectory(at: tests, withIntermediateDirectories: true)
            try Data("\n".utf8).write(to: tests.appending(path: "Empty.swift"))
        }
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
        for step in [
            ["init", "-q"], ["add", "-A", "-f"], identity + ["commit", "-q", "-m", "copy"], ["tag", "0.1.0"],
        ] {
            let (status, text) = try Self.run(["git"] + step, in: library, [:])
            try #require(status == 0, "\(text)")
        }
        try Data(Self.manifest.replacing("DEPENDENCY", with: "file://\(library.path)").utf8)
            .write(to: consumer.appending(path: "Package.swift"))
        try Data("import Fisher\n".utf8).write(to: consumer.appending(path: "Sources/consumer/main.swift"))

        let missing = ["LIBTORCH": root.path, "LIBTORCH_USE_PYTORCH": "0"]
        let (failure, reason) = try Self.run(["swift", "build"], in: consumer, missing)
        #expect(failure != 0)
        #expect(reason.contains("swift-fisher found no libtorch 2.13: run"), "\(reason)")
    }

    /// Trains with its own rule and with K-FAC on its own layer, resumes, predicts, compares, inspects and measures.
    @Test func anOwnTaskHasAllCommands() throws {
        let package = Self.checkout.appending(path: "Examples/OwnTask")
        // Kept between runs of the tests; debug, as they are.
        let scratch = Self.checkout.appending(path: ".build/own-task")
        let engine = ["LIBTORCH": try #require(Engine.folder), "OMP_WAIT_POLICY": "passive"]
        let build = ["swift", "build", "--scratch-path", scratch.path]
        let (status, text) = try Self.run(build, in: package, engine)
        try #require(status == 0, "\(text)")
        try CommandTests.withFolder { root in
            let run = root + "/run"
            let train = ["train", "waiting", "--threads", "1"]
            let once = ["--turns", "1", "--training-steps", "5", "--quick"]
            for (arguments, words) in [
                (
                    train + ["--rule", "lion", "--steps", "20", "--output", run],
                    ["step 20", "nats a sample"]
                ),
                (
                    ["train", "waiting", "--resume", "--steps", "30", "--change-schedule", "--output", run],
                    ["step 30"]
                ),
                (train + ["--rule", "kfac", "--steps", "20", "--output", run + "-kfac"], ["step 20"]),
                (["predict", run, "--x", "1", "--y", "1"], ["failures to expect: "]),
                // --seed is the training's, so the data's has its section before it.
                (["train", "waiting", "--help"], ["--data-seed", "--seed", "--width <width>"]),
                (["predict", "--help"], ["USAGE: own-task predict", "--x <x>"]),
                (
                    [
                        "compare", "waiting", "--steps", "10", "--seeds", "2", "--optimizer", "lion",
                        "--optimizer", "ekfac:damping=0.1", "--learning-rates", "all=1e-2,3e-2", "--output",
                        root + "/compare",
                    ], ["lion", "ekfac + damping 0.1", "one rule for all"]
                ),
                (["inspect", run, "--batches", "2"], ["hidden  ScaledLinear", "output  ScaledLinear"]),
                (
                    ["hierarchy", "waiting", "--optimizer", "lion", "--output", root + "/hierarchy"] + once,
                    ["lion"]
                ),
                (["bench", "step", "--task", "waiting", "--turns", "2"], ["waiting: batch 64"]),
                (["optimizers", "lion"], ["Chen et al. 2023"]),
                (["runs", root], ["lion", "completed", "30/30"]),
                (["report", run, run + "-kfac", "--output", root + "/report.html"], ["report.html"]),
            ] {
                let command = [scratch.path + "/debug/own-task"] + arguments
                let (status, text) = try Self.run(command, in: package, engine)
                #expect(status == 0, "\(arguments): \(text)")
                for word in words { #expect(text.contains(word), "\(arguments): \(text)") }
            }
        }
    }
}
