import Foundation
import Testing
import Torch

/// Another package depends on the libraries by version, never runs our make, and its program runs.
@Suite struct ConsumerTests {
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

    static let program = """
        import Fisher
        let parameter = Parameter(wrappedValue: Tensor([1.0, 2.0]))
        let path = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)],
            groups: [.init(.rest, try SGD(learningRate: 0.5))])
        try optimizer.update(with: [path: Tensor([2.0, 4.0])])
        print("moved to", try parameter.wrappedValue.scalars(as: Double.self))
        """

    @Test func aTaggedVersionBuildsAndRunsElsewhere() throws {
        let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let root = FileManager.default.temporaryDirectory.appending(path: "consumer-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        let (library, consumer) = (root.appending(path: "swift-fisher"), root.appending(path: "consumer"))
        try FileManager.default.createDirectory(
            at: consumer.appending(path: "Sources/consumer"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(at: library, withIntermediateDirectories: true)
        for name in ["Package.swift", "Sources", "Plugins", "Scripts"] {
            try FileManager.default.copyItem(
                at: checkout.appending(path: name), to: library.appending(path: name))
        }
        for target in ["Torch", "NeuralNet", "Fisher", "FisherTraining", "FisherTasks", "FisherCommand"] {
            let tests = library.appending(path: "Tests/\(target)Tests")
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
        try Data(Self.program.utf8).write(to: consumer.appending(path: "Sources/consumer/main.swift"))

        // First no engine, then the variable that users know: the failed build must not stand in the way.
        let missing = ["LIBTORCH": root.path, "LIBTORCH_USE_PYTORCH": "0"]
        let (failure, reason) = try Self.run(["swift", "build"], in: consumer, missing)
        #expect(failure != 0)
        #expect(reason.contains("swift-fisher found no libtorch 2.13: run"), "\(reason)")

        let engine = try #require(Engine.folder)
        try FileManager.default.createSymbolicLink(
            atPath: root.path + "/include", withDestinationPath: engine + "/include")
        try FileManager.default.createSymbolicLink(
            atPath: root.path + "/lib", withDestinationPath: engine + "/lib")
        let (status, text) = try Self.run(["swift", "run", "-q", "consumer"], in: consumer, missing)
        #expect(status == 0, "\(text)")
        #expect(text.contains("moved to [0.0, 0.0]"), "\(text)")
    }
}
