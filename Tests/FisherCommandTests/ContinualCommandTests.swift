import Foundation
import Testing

/// Comparisons of continual-learning methods: refused, locked, killed and resumed like every other run.
@Suite struct ContinualCommandTests {
    private static func arguments(_ root: String, _ name: String, methods: String, steps: Int = 6) -> [String]
    {
        [
            "continual", "--tasks", "2", "--steps", "\(steps)", "--width", "8", "--batch", "16", "--seeds",
            "1",
            "--strengths", "0.1,1", "--methods", methods, "--output", root + "/" + name,
        ]
    }

    /// A comparison's results without its times.
    private static func results(_ root: String, _ name: String) throws -> String {
        try String(contentsOfFile: root + "/\(name)/results.json", encoding: .utf8)
            .replacing(/"(seconds|date|command)" : [^\n]*/, with: "")
    }

    @Test func anEarlierComparisonIsNeitherReplacedNorCutShort() throws {
        try CommandTests.withFolder { root in
            let first = try TrainCommandTests.run(Self.arguments(root, "a", methods: "none,exact"))
            #expect(first.status == 0, "\(first.errors)")
            let before = try Self.results(root, "a")
            let again = try TrainCommandTests.run(Self.arguments(root, "a", methods: "joint"))
            #expect(
                again.status == 73 && again.errors.contains("already holds results: continue with --resume"))
            #expect(try Self.results(root, "a") == before)
            let wider = try TrainCommandTests.run(Self.arguments(root, "a", methods: "joint") + ["--resume"])
            #expect(wider.status == 0, "\(wider.errors)")
            #expect(wider.errors.contains("stay: none (seed 0); exact (seed 0)"))
            for method in ["none", "exact", "joint"] { #expect(wider.output.contains(method)) }
            // Two trials and three runs.
            let listed = try TrainCommandTests.run(["runs", root, "--show", "continual.method"])
            #expect(listed.output.split(separator: "\n").filter { $0.contains("12/12") }.count == 5)
        }
    }

    /// Killed at random instants and resumed until it is done: the same results.
    @Test func aKilledComparisonEndsInTheSameResults() throws {
        try CommandTests.withFolder { root in
            let methods = "exact,fadam,sampled"
            let whole = try TrainCommandTests.run(Self.arguments(root, "whole", methods: methods, steps: 40))
            #expect(whole.status == 0, "\(whole.errors)")
            for kills in 1...4 {
                let (process, errors, output) = try TrainCommandTests.start(
                    Self.arguments(root, "cut", methods: methods, steps: 40) + ["--resume"])
                if kills < 4 {
                    usleep(UInt32.random(in: 200_000...1_500_000))
                    if process.isRunning { kill(process.processIdentifier, kills == 2 ? SIGTERM : SIGKILL) }
                }
                let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                _ = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                if kills == 4 { #expect(process.terminationStatus == 0, "\(text)") }
            }
            #expect(try Self.results(root, "cut") == Self.results(root, "whole"))
        }
    }
}
