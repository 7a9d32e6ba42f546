import Foundation
import Fuzzing
import Testing

/// Mistakes of users, and what the command says of them: one sentence that names what was given, and an exit status.
///
/// The files of `Tests/Fixtures/mistakes` have a line for each: the status, the command line, and a part of the sentence, with
/// tabs between them. A new mistake is a new line; `FISHER_MISTAKES=show` prints what every command line gives now. They run
/// in the folder of files that `Reference/mistakes.py` makes, one after another in a process for each area
/// (`fuzz --walk`): a process for each would take minutes.
@Suite struct MistakeTests {
    struct Mistake: Sendable {
        let status: Int32
        let line: String
        let part: String

        /// The words of the line, as a shell divides it.
        var words: [String] { DocumentedCommand.words(of: line) }
    }

    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/mistakes")
    static let areas = ["arguments", "numbers", "choices", "files"]

    static func mistakes(_ area: String) throws -> [Mistake] {
        let text = try String(contentsOf: fixtures.appending(path: area + ".txt"), encoding: .utf8)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            return Mistake(
                status: parts.first.flatMap { Int32($0) } ?? -1, line: parts.count > 1 ? parts[1] : "",
                part: parts.count > 2 ? parts[2] : "")
        }
    }

    /// Runs something in a copy of the files that mistakes name.
    private static func withFiles(_ body: (URL) throws -> Void) throws {
        try CommandTests.withFolder { root in
            let folder = URL(filePath: root).appending(path: "files")
            try FileManager.default.copyItem(at: fixtures.appending(path: "files"), to: folder)
            try body(folder)
        }
    }

    /// What command lines give, run one after another in one process; nil for one that ended the process.
    private static func walk(_ lines: [[String]], in folder: URL) throws -> [CommandWalk.Answer?] {
        var found: [CommandWalk.Answer?] = []
        while found.count < lines.count {
            let (input, answers) = (folder.path + "-lines", folder.path + "-answers")
            try JSONEncoder().encode(Array(lines[found.count...])).write(to: URL(filePath: input))
            let process = Process()
            process.executableURL = CommandTests.executable.deletingLastPathComponent().appending(
                path: "fuzz")
            process.arguments = ["--walk", input, "--answers", answers]
            process.currentDirectoryURL = folder
            process.standardInput = FileHandle.nullDevice
            process.environment = ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "1"]) { $1 }
            try process.run()
            process.waitUntilExit()
            let text = try String(contentsOfFile: answers, encoding: .utf8)
            found += try text.split(separator: "\n").map {
                try JSONDecoder().decode(CommandWalk.Answer.self, from: Data($0.utf8))
            }
            if found.count < lines.count { found.append(nil) }
        }
        return found
    }

    /// What lies in a folder, but for `runs`, where a run's folder without another name is begun before its data are read.
    private static func listing(_ folder: URL) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted().filter {
            !$0.hasPrefix("runs")
        }
    }

    @Test(arguments: areas)
    func aMistakeIsOneSentenceAndAStatus(_ area: String) throws {
        let mistakes = try Self.mistakes(area)
        try Self.withFiles { folder in
            let before = try Self.listing(folder)
            let answers = try Self.walk(mistakes.map(\.words), in: folder)
            for (mistake, answer) in zip(mistakes, answers) {
                let said = try #require(answer, "the process ended at: fisher \(mistake.line)")
                if ProcessInfo.processInfo.environment["FISHER_MISTAKES"] == "show" {
                    print("\(said.status)\t\(mistake.line)\t\(said.errors.prefix { $0 != "\n" })")
                }
                Self.expect(said, of: mistake)
            }
            #expect(try Self.listing(folder) == before, "a mistake leaves nothing behind")
        }
    }

    private static func expect(_ said: CommandWalk.Answer, of mistake: Mistake) {
        let errors = said.errors
        #expect(said.status == mistake.status, "fisher \(mistake.line)\n\(errors)")
        #expect(errors.contains(mistake.part), "fisher \(mistake.line)\n\(errors)")
        let lines = errors.split(separator: "\n")
        #expect(lines.first?.hasPrefix("fisher: ") == true, "fisher \(mistake.line)\n\(errors)")
        #expect(lines.count == 1 || lines.count == 2, "fisher \(mistake.line)\n\(errors)")
        if lines.count == 2 {
            #expect(lines[1].hasPrefix("See '") && lines[1].hasSuffix(" --help'."), "\(errors)")
        }
        #expect((lines.first?.count ?? 0) < 1200, "fisher \(mistake.line)\n\(errors)")
        for word in ["fisher: fisher:", "Error", "Optional(", "Fatal", ".swift", "nil", "Swift."] {
            #expect(!errors.contains(word), "fisher \(mistake.line)\n\(errors)")
        }
    }

    /// The walk tells what a process of its own tells.
    @Test func aWalkIsTrueToProcesses() throws {
        let chosen = try Self.areas.flatMap { area in
            let mistakes = try Self.mistakes(area)
            return [0, 1, 2].map { mistakes[$0 * mistakes.count / 3] }
        }
        try Self.withFiles { folder in
            let answers = try Self.walk(chosen.map(\.words), in: folder)
            for (mistake, answer) in zip(chosen, answers) {
                let process = Process()
                let errors = Pipe()
                process.executableURL = CommandTests.executable
                process.arguments = mistake.words
                process.currentDirectoryURL = folder
                (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
                try process.run()
                let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                #expect(process.terminationStatus == answer?.status, "fisher \(mistake.line)")
                // The program of the walk has another name.
                #expect(said == answer?.errors.replacing("fuzz", with: "fisher"), "fisher \(mistake.line)")
            }
        }
    }

    /// There are no fewer than were asked for, and none twice.
    @Test func thereAreHundredsOfThem() throws {
        let lines = try Self.areas.flatMap { try Self.mistakes($0).map(\.line) }
        #expect(lines.count >= 300)
        #expect(Set(lines).count == lines.count)
        for area in Self.areas {
            #expect(try Self.mistakes(area).allSatisfy { $0.status > 0 && !$0.part.isEmpty })
        }
    }
}
