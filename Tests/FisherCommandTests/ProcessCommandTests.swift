import FisherTraining
import Foundation
import TestSupport
import Testing

@testable import FisherCommand

/// Runs whose batches several processes share.
@Suite struct ProcessCommandTests {
    private static let digits = [
        "train", "digits", "--network", "perceptron", "--steps", "60", "--evaluate-every", "20", "--threads",
        "1",
        "--set", "checkpoints.every=10", "--set", "optimizer.rule=adamw",
    ]

    /// The losses of a run's steps.
    private static func losses(_ folder: String) throws -> [Double] {
        struct Line: Decodable { let loss: Double? }
        return try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
            .compactMap { try JSONDecoder().decode(Line.self, from: Data($0.utf8)).loss }
    }

    private static func weights(_ folder: String) throws -> Data {
        let last = try #require(try RunDirectory(path: folder).checkpoints.list().map(\.step).max())
        let name = String(format: "step-%09d", last)
        return try Data(contentsOf: URL(filePath: "\(folder)/checkpoints/\(name)/model.safetensors"))
    }

    @Test(arguments: [2, 3])
    func aRunOfSeveralProcessesIsThatOfOne(_ count: Int) throws {
        try CommandTests.withFolder { root in
            let alone = try CommandTests.fisher(Self.digits + ["--output", root + "/one"])
            let shared = try CommandTests.fisher(
                Self.digits + ["--output", root + "/shared", "--processes", "\(count)"])
            #expect(alone.status == 0 && shared.status == 0, "\(alone.errors) \(shared.errors)")
            let (one, several) = (try Self.losses(root + "/one"), try Self.losses(root + "/shared"))
            #expect(one.count == 60 && several.count == 60)
            // Sums of float32 in another order.
            for (a, b) in zip(one, several) { #expect(abs(a - b) <= 1e-5 * abs(a)) }
            let document = try RunDirectory(path: root + "/shared").document()
            #expect(document.environment.processes == count)
            // The parts of the held-out data, which the processes divided.
            let parts = try RunDirectory(path: root + "/one").document().record.validationParts ?? []
            let sharedParts = document.record.validationParts ?? []
            #expect(parts.count == 64 && sharedParts.count == 64)
            for (a, b) in zip(parts, sharedParts) { #expect(abs(a - b) <= 1e-4 * abs(a)) }
            // The other processes say nothing.
            #expect(shared.output.split(separator: "\n").count == alone.output.split(separator: "\n").count)
        }
    }

    /// A process that is killed ends the others with one sentence; the run goes on to the same bits, whichever it was.
    @Test(arguments: [0, 1])
    func aKilledProcessEndsAllAndTheRunGoesOn(_ rank: Int) throws {
        try CommandTests.withFolder { root in
            let arguments =
                Self.digits.map { $0 == "60" ? "120" : $0 } + ["--processes", "2", "--resume", "--output"]
            #expect(try CommandTests.fisher(arguments + [root + "/whole"]).status == 0)
            let checkpoints = RunDirectory(path: root + "/killed").checkpoints
            let (status, text) = try Self.stopped(arguments + [root + "/killed"], by: SIGKILL, to: rank) {
                !((try? checkpoints.list().isEmpty) ?? true)
            }
            #expect(status == 75, "\(text)")
            let last = text.split(separator: "\n").last ?? ""
            #expect(last.hasPrefix("fisher: rank 0 of 2: ") && last.contains("continue with: "), "\(text)")
            if rank == 1 { #expect(last.contains("rank 1 does not answer"), "\(text)") }
            let resumed = try CommandTests.fisher(arguments + [root + "/killed"])
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try Self.weights(root + "/killed") == Self.weights(root + "/whole"))
        }
    }

    /// A launcher sees by the status of every process, not of the first alone, that the run can go on.
    @Test func theOthersSayThatTheRunGoesOn() throws {
        try CommandTests.withFolder { root in
            let port = "\(try Ranks.freePort())"
            let errors = Pipe()
            let ranks = try (0..<2).map { rank in
                let process = Process()
                process.executableURL = CommandTests.executable
                process.arguments =
                    Self.digits.map { $0 == "60" ? "4000" : $0 } + ["--output", root + "/run"]
                process.environment = ProcessInfo.processInfo.environment.merging([
                    "RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
                    "GLOO_SOCKET_IFNAME": "lo",
                ]) { $1 }
                process.standardOutput = FileHandle.nullDevice
                process.standardError = rank == 1 ? errors : FileHandle.nullDevice
                try process.run()
                return process
            }
            let checkpoints = RunDirectory(path: root + "/run").checkpoints
            while ranks[0].isRunning, (try? checkpoints.list().isEmpty) ?? true { usleep(2000) }
            kill(ranks[0].processIdentifier, SIGKILL)
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            ranks.forEach { $0.waitUntilExit() }
            #expect(ranks[1].terminationStatus == 75, "\(text)")
            #expect(text.hasPrefix("fisher: rank 1 of 2: ") && text.contains("continue with: "), "\(text)")
            #expect(text.contains("rank 0 does not answer") && text.contains("up to step "), "\(text)")
        }
    }

    /// A command that shares its work among two processes, of which one gets a signal once the work has begun: its exit status
    /// and what it says.
    private static func stopped(
        _ arguments: [String], by signal: Int32, to rank: Int, once hasBegun: () -> Bool
    ) throws -> (status: Int32, errors: String) {
        let process = Process()
        process.executableURL = CommandTests.executable
        process.arguments = arguments
        let errors = Pipe()
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
        try process.run()
        while process.isRunning, !hasBegun() { usleep(2000) }
        // The processes were started in the order of their ranks.
        let child = try #require(
            ProcessTree.children(of: process.processIdentifier).sorted().dropFirst(rank).first)
        kill(child, signal)
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    /// A signal to any process stops all at one step, and another number of processes goes on.
    @Test func aSignalStopsAllAndAnotherNumberGoesOn() throws {
        try CommandTests.withFolder { root in
            let arguments =
                Self.digits.map { $0 == "60" ? "150" : $0 } + ["--resume", "--output", root + "/run"]
            let checkpoints = RunDirectory(path: root + "/run").checkpoints
            let (status, text) = try Self.stopped(arguments + ["--processes", "2"], by: SIGTERM, to: 1) {
                !((try? checkpoints.list().isEmpty) ?? true)
            }
            #expect(status == 75, "\(text)")
            #expect(text.contains("stopped by SIGTERM, everything is saved up to step "), "\(text)")
            let resumed = try CommandTests.fisher(arguments + ["--processes", "3"])
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try Self.losses(root + "/run").count == 150)
        }
    }

    // MARK: comparisons

    private static let comparison = [
        "compare", "digits", "--network", "perceptron", "--steps", "20", "--evaluate-every", "10",
        "--threads",
        "1", "--optimizer", "adamw", "--optimizer", "kfac", "--seeds", "1", "--learning-rates",
        "all=1e-3,3e-3", "--tuning-seeds", "1", "--extensions", "1", "--set", "checkpoints.every=10",
        "--set", "checkpoints.seconds=0",
    ]

    /// The final losses of trials and runs, in their order.
    private static func results(_ folder: String) throws -> [Double] {
        let found = try StudyFiles(folder: folder).read(OptimizerComparison.self)
        return (found.tuning ?? []).flatMap(\.trials).flatMap(\.runs).compactMap(\.completedLoss)
            + found.entries.flatMap(\.runs).compactMap(\.completedLoss)
    }

    /// Tuning chooses the same, also with labels that are drawn; killed, a comparison goes on to the same end.
    @Test func aComparisonOfSeveralProcessesIsThatOfOne() throws {
        try CommandTests.withFolder { root in
            let alone = try CommandTests.fisher(Self.comparison + ["--output", root + "/one"])
            let shared = try CommandTests.fisher(
                Self.comparison + ["--output", root + "/shared", "--processes", "2"])
            #expect(alone.status == 0 && shared.status == 0, "\(alone.errors) \(shared.errors)")
            let (one, several) = (try Self.results(root + "/one"), try Self.results(root + "/shared"))
            #expect(one.count >= 6 && several.count == one.count)
            for (a, b) in zip(one, several) { #expect(abs(a - b) <= 1e-4 * abs(a)) }
            let found = try StudyFiles(folder: root + "/shared").read(OptimizerComparison.self)
            #expect(found.environment.processes == 2)
        }
    }

    @Test(arguments: [(1, SIGKILL), (1, SIGTERM)])
    func aStoppedComparisonGoesOn(_ rank: Int, _ signal: Int32) throws {
        try CommandTests.withFolder { root in
            let arguments = [
                "ablate", "digits", "--network", "perceptron", "--steps", "100", "--evaluate-every", "50",
                "--threads", "1", "--optimizer", "adamw", "--option", "beta2=0.9,0.99", "--seeds", "1",
                "--set", "checkpoints.every=10", "--set", "checkpoints.seconds=0", "--processes", "2",
                "--resume", "--output",
            ]
            let (status, text) = try Self.stopped(arguments + [root + "/study"], by: signal, to: rank) {
                let runs = (try? RunDirectory.runs(under: root + "/study")) ?? []
                return runs.contains { !((try? $0.checkpoints.list().isEmpty) ?? true) }
            }
            #expect(status == 75, "\(text)")
            let last = text.split(separator: "\n").last ?? ""
            #expect(last.hasPrefix("fisher: ") && last.contains("continue with: "), "\(text)")
            #expect(
                last.contains(signal == SIGKILL ? "rank 1 does not answer" : "stopped by SIGTERM"), "\(text)")
            let resumed = try CommandTests.fisher(arguments + [root + "/study"])
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try Self.results(root + "/study").count == 2)
        }
    }

    // MARK: estimates and times

    @Test func aTimedStepIsShared() throws {
        let found = try CommandTests.fisher([
            "bench", "step", "--network", "mlp", "--batch", "8", "--optimizer", "adamw", "--turns", "1",
            "--steps", "1", "--threads", "1", "--processes", "2", "--json",
        ])
        #expect(found.status == 0, "\(found.errors)")
        #expect(found.output.contains("\"processes\" : 2"), "\(found.output)")
    }

    @Test(arguments: [
        (["--processes", "0"], "--processes must be at least 1, not 0"),
        (["--processes", "100000"], "--processes is 100000, and this machine has"),
        (["--process-timeout", "0"], "--process-timeout must be above 0 and at most 1000000 seconds"),
    ])
    func badNumbersAreNamed(_ arguments: [String], _ sentence: String) throws {
        let found = try CommandTests.fisher(Self.digits + arguments)
        #expect(found.status == 64)
        #expect(found.errors.contains(sentence), "\(found.errors)")
    }

    /// Processes that a launcher has started: what it leaves out or sets wrongly is one sentence, and none waits for ever.
    @Test(arguments: [
        (["WORLD_SIZE": "2"], "WORLD_SIZE is set and RANK is not: a launcher sets both"),
        (["WORLD_SIZE": "2", "RANK": "1"], "MASTER_ADDR is not set"),
        (
            ["WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"],
            "rank 1 of 2: the meeting at localhost, port 1, failed, no process of rank 0 answers there within 1 s"
        ),
    ])
    func launchersMistakesAreNamed(_ environment: [String: String], _ sentence: String) throws {
        try CommandTests.withFolder { root in
            let process = Process()
            process.executableURL = CommandTests.executable
            process.arguments = Self.digits + ["--process-timeout", "1", "--output", root + "/run"]
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            let errors = Pipe()
            (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
            try process.run()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 74, "\(text)")
            #expect(text.split(separator: "\n").count == 1 && text.contains(sentence), "\(text)")
            #expect(!FileManager.default.fileExists(atPath: root + "/run"))
        }
    }
}
