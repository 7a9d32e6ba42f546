import Foundation
import Testing

@testable import FisherCommand

/// `fisher reproduce` as a process, with the planted claims.
@Suite struct ReproduceCommandTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    @Test func claimsAreListed() throws {
        try CommandTests.withFolder { root in
            let list = try CommandTests.fisher(
                "reproduce", "list", "--planted", "--json", "--output", root + "/none")
            #expect(list.status == 0, "\(list.errors)")
            struct Row: Decodable {
                let name, sentence, document, place, rule: String
                let secondsShort, secondsFull: Double
                let seeds: Int?
                let verdict: String?
            }
            let rows = try JSONDecoder().decode([Row].self, from: Data(list.output.utf8))
            let planted = try #require(rows.first { $0.name == "planted-truth" })
            #expect(planted.seeds == 5 && planted.verdict == nil)
            for row in rows {
                #expect(!row.sentence.isEmpty && !row.place.isEmpty && !row.rule.isEmpty)
                #expect(row.secondsShort > 0 && row.secondsFull >= row.secondsShort)
            }
        }
    }

    @Test(arguments: [
        (["planted-trth"], "did you mean planted-truth?"),
        (["all", "planted-truth"], "leave the others out"),
        (["planted-truth", "--seeds", "0"], "--seeds"), (["planted-truth", "--within", "0"], "--within"),
        (["all", "--json"], "--json is for one claim"),
    ])
    func mistakesAreNamed(arguments: [String], text: String) throws {
        let error = #expect(throws: (any Error).self) {
            var command = try FisherTool.parseAsRoot(["reproduce"] + arguments)
            try command.run()
        }
        let known = error.flatMap { ExitStatus(of: $0) }
        let sentence = error.map { known == nil ? FisherTool.message(for: $0) : "\($0)" } ?? ""
        #expect(sentence.contains(text), "\(sentence)")
        #expect(known ?? .usage == .usage)
    }

    /// Two processes, one claim each; what has a verdict is left alone, and a table of all is written. With two seeds
    /// the verdict is that there is none; those with five are in `ReproductionTests`.
    @Test func severalClaimsAreDecidedByProcessesOfTheirOwn() throws {
        try CommandTests.withFolder { root in
            let words = [
                "reproduce", "planted-truth", "planted-falsehood", "--jobs", "2", "--seeds", "2", "--output",
                root + "/out", "--write", root + "/Claims.md",
            ]
            let run = try CommandTests.fisher(words)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output.contains("planted-truth: cannot be told at this size"))
            #expect(run.output.contains("planted-falsehood: cannot be told at this size"))
            #expect(run.errors.contains("of 2 claims done, running: "))
            #expect(try Self.text(root + "/out/short/planted-truth/log.txt").contains("validation loss"))
            #expect(try Self.text(root + "/out/short/index.html").contains("Claims of the sources"))
            let claims = try Self.text(root + "/Claims.md")
            #expect(claims.hasPrefix("<!-- Made by `fisher reproduce all --write"))
            let again = try CommandTests.fisher(words)
            #expect(again.status == 0 && again.output.contains("2 claims decided before"))
            let page = try CommandTests.fisher(
                "report", root + "/out/short/planted-truth", "--output", root + "/page.html")
            #expect(page.status == 0 && page.output.contains("fewer than the 5 seeds"), "\(page.errors)")
            // All but the last line, which says where the numbers are.
            let pages = try ["/page.html", "/out/short/planted-truth/report.html"].map {
                try Self.text(root + $0).split(separator: "<footer>", maxSplits: 1)[0]
            }
            #expect(pages[0] == pages[1])
            // A kept run is read like every other.
            let runs = try CommandTests.fisher("runs", root + "/out")
            #expect(runs.status == 0 && runs.output.contains("adamw + epsilon 1.2e-08"))
        }
    }

    /// A claim whose process fails does not stop the others; its log tells why.
    @Test func failuresAreReported() throws {
        try CommandTests.withFolder { root in
            try FileManager.default.createDirectory(atPath: root + "/out", withIntermediateDirectories: true)
            try "no folder".write(toFile: root + "/out/runs", atomically: true, encoding: .utf8)
            let run = try CommandTests.fisher(
                "reproduce", "planted-truth", "planted-falsehood", "--jobs", "1", "--output", root + "/out")
            // As of the processes themselves: a file stands where the folder of runs belongs.
            #expect(run.status == 66, "\(run.errors)")
            #expect(run.errors.contains("2 claims could not be decided: planted-falsehood, planted-truth"))
            #expect(run.errors.contains("out/short/planted-truth/log.txt"))
            #expect(try Self.text(root + "/out/short/planted-truth/log.txt").contains("/out/runs/"))
        }
    }

    /// A claim that does not fit into the time is not begun.
    @Test func whatDoesNotFitIsLeft() throws {
        try CommandTests.withFolder { root in
            let run = try CommandTests.fisher(
                "reproduce", "planted-truth", "planted-falsehood", "--within", "0.0001", "--output",
                root + "/out")
            #expect(run.status == 0 && run.output.contains("no time for planted-"), "\(run.output)")
            #expect(!FileManager.default.fileExists(atPath: root + "/out/short/planted-truth"))
        }
    }

    /// Ctrl-C stops the processes too, everything is saved, and the same command goes on.
    @Test func aSignalStopsEveryProcess() throws {
        try CommandTests.withFolder { root in
            let process = Process()
            let errors = Pipe()
            process.executableURL = CommandTests.executable
            process.arguments = [
                "reproduce", "planted-truth", "planted-falsehood", "--jobs", "2", "--output", root + "/out",
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = errors
            try process.run()
            let log = root + "/out/short/planted-truth/log.txt"
            for _ in 0..<600 where ((try? Self.text(log)) ?? "").isEmpty { usleep(50_000) }
            process.interrupt()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 75, "\(text)")
            #expect(
                text.contains(
                    "fisher reproduce planted-truth planted-falsehood --jobs 2 --output \(root)/out"))
            #expect(try Self.text(log).contains("stopped by SIGTERM"))
        }
    }

    /// Killed, the process can pass nothing on: those that it started see it, save and end.
    @Test func aKilledProcessLeavesNoneBehind() throws {
        try CommandTests.withFolder { root in
            let process = Process()
            process.executableURL = CommandTests.executable
            process.arguments = [
                "reproduce", "planted-truth", "planted-falsehood", "--jobs", "2", "--output", root + "/out",
            ]
            (process.standardOutput, process.standardError) = (
                FileHandle.nullDevice, FileHandle.nullDevice
            )
            try process.run()
            let logs = ["truth", "falsehood"].map { root + "/out/short/planted-\($0)/log.txt" }
            func wait(until condition: (String) -> Bool) {
                for _ in 0..<600 where !logs.allSatisfy({ condition((try? Self.text($0)) ?? "") }) {
                    usleep(50_000)
                }
            }
            wait { !$0.isEmpty }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            wait { $0.contains("stopped by SIGTERM") }
            for log in logs { #expect(try Self.text(log).contains("stopped by SIGTERM")) }
        }
    }
}
