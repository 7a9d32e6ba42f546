import Foundation
import Testing
import Torch

/// What is given to the command in place of ordinary files, and what it does to them.
@Suite struct FileSafetyTests {
    /// Runs the command through a shell, so that descriptors can be closed; kills it if it hangs.
    static func shell(_ command: String, _ arguments: [String] = []) throws -> CommandTests.Outcome {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command, CommandTests.executable.path] + arguments
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        let watch = DispatchWorkItem { kill(process.processIdentifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 60, execute: watch)
        defer { watch.cancel() }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let trouble = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return CommandTests.Outcome(status: process.terminationStatus, output: text, errors: trouble)
    }

    /// A closed descriptor was the first that the run got for a file: its progress ended up in the log.
    @Test(arguments: ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
    func closedDescriptorsDoNotReachFiles(_ closing: String) throws {
        try TrainCommandTests.withText { root in
            let arguments = TrainCommandTests.training(root, "run", steps: 4)
            let run = try Self.shell("exec \"$0\" \"$@\" \(closing)", arguments)
            #expect(run.status == 0, "\(run.errors)")
            let log = try String(contentsOfFile: root + "/run/metrics.jsonl", encoding: .utf8)
            let lines = log.split(separator: "\n")
            #expect(lines.count > 4)
            for line in lines {
                #expect(
                    (try? JSONSerialization.jsonObject(with: Data(line.utf8))) is [String: Any], "\(line)")
            }
            let lock = try String(contentsOfFile: root + "/run/lock", encoding: .utf8)
            #expect(lock.wholeMatch(of: #/process \d+\n/#) != nil, "\(lock)")
            let files = try FileManager.default.contentsOfDirectory(atPath: root + "/run").sorted()
            #expect(
                files == [
                    "checkpoints", "config.toml", "events", "lock", "metrics.jsonl", "report.html",
                    "run.json",
                ])
        }
    }

    /// What cannot be printed is an error, and an error that cannot be printed is still one.
    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")),
        arguments: [("optimizers > /dev/full", 74), ("runs /none/such 2> /dev/full", 66)] as [(String, Int32)]
    )
    func fullOutputsAreNoSuccess(_ command: String, _ status: Int32) throws {
        let run = try Self.shell("exec \"$0\" \(command)")
        #expect(run.status == status, "\(run.errors)")
    }

    @Test(arguments: ["pipe", "folder", "link"])
    func outputsReplaceOrdinaryFilesOnly(_ kind: String) throws {
        try CommandTests.withFolder { root in
            let path = root + "/" + kind
            switch kind {
            case "pipe": try #require(mkfifo(path, 0o600) == 0)
            case "folder": try #require(mkdir(path, 0o700) == 0)
            default:
                try Data("precious".utf8).write(to: URL(filePath: root + "/victim"))
                try #require(symlink("victim", path) == 0)
            }
            try CommandTests.write(["w": Tensor([1.0, 2])], to: root + "/p")
            let step = [
                "step", "--optimizer", "sgd", "--parameters", root + "/p", "--gradients", root + "/p",
            ]
            let before = try FileManager.default.contentsOfDirectory(atPath: root).sorted()
            for arguments in [
                step + ["--output", path], step + ["--output", root + "/o", "--save-state", path],
                ["report", root, "-o", path],
            ] {
                let run = try Self.shell("exec \"$0\" \"$@\"", arguments)
                #expect(run.status == 73, "\(run.errors)")
                #expect(run.errors.contains(path) && run.errors.split(separator: "\n").count == 1)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: root).sorted() == before)
            if kind == "link" {
                #expect(try String(contentsOfFile: root + "/victim", encoding: .utf8) == "precious")
            }
        }
    }

    /// A pipe blocked for ever, and the endless device took 5 GiB before it was stopped.
    @Test(arguments: ["pipe", "/dev/zero"])
    func inputsAreOrdinaryFiles(_ kind: String) throws {
        try CommandTests.withFolder { root in
            var path = kind
            if kind == "pipe" {
                path = root + "/pipe"
                try #require(mkfifo(path, 0o600) == 0)
            }
            try CommandTests.write(["w": Tensor([1.0])], to: root + "/w")
            // In a folder, the file of a run is a link to it or the pipe itself.
            let run = root + "/run"
            try #require(mkdir(run, 0o700) == 0)
            let document = run + "/run.json"
            try #require((kind == "pipe" ? mkfifo(document, 0o600) : symlink(path, document)) == 0)
            let tiny = TrainCommandTests.small.flatMap { ["--set", $0] }
            let train = ["train", "language", "--output", root + "/new"] + tiny
            let files = ["--inputs", root + "/w", "--targets", root + "/w"]
            for (arguments, statuses) in [
                (["runs", run], [65, 66]), (["report", run, "-o", root + "/o"], [65, 66]),
                (train + ["--text", root + "/w", "--config", path], [65]),
                (train + ["--text", path], [65, 74]),
                (
                    ["information", "--model", path, "--weights", root + "/w", "--output", root + "/o"]
                        + files, [65]
                ),
                (["bench", "information", path], [65]),
            ] as [([String], [Int32])] {
                let outcome = try Self.shell("ulimit -v 16000000 2>/dev/null; exec \"$0\" \"$@\"", arguments)
                #expect(statuses.contains(outcome.status), "\(arguments) \(outcome.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: root + "/o"))
        }
    }

    /// Names come from files and folders that somebody else made.
    @Test func namesAreShownEscaped() throws {
        try CommandTests.withFolder { root in
            let name = "\u{1B}[2J\u{1B}]0;title\u{7}"
            try CommandTests.write(["w": Tensor([1.0])], to: root + "/p")
            try CommandTests.write(["w": Tensor([1.0]), name: Tensor([1.0])], to: root + "/g")
            let step = ["step", "--optimizer", "sgd", "--parameters", root + "/p", "--output", root + "/o"]
            for arguments in [
                step + ["--gradients", root + "/g"], step + ["--gradients", root + "/" + name],
                ["inspect", root + "/" + name], ["runs", root + "/" + name], ["report", root + "/" + name],
                ["train", "language", "--output", root + "/" + name, "--text", root + "/" + name],
                ["train", "language", "--output", root + "/r", "--config", root + "/" + name],
            ] {
                let run = try Self.shell("exec \"$0\" \"$@\"", arguments)
                #expect(run.status != 0)
                #expect(run.errors.contains(#"\u{1b}[2J"#), "\(arguments) \(run.errors)")
                #expect(!(run.errors + run.output).contains("\u{1B}"))
            }
        }
    }

    /// A file of the writer that a kill left is gone after the next start, others stay.
    @Test func leftoversAreRemovedAtTheNextStart() throws {
        try TrainCommandTests.withText { root in
            let first = try TrainCommandTests.run(TrainCommandTests.training(root, "run", steps: 2))
            #expect(first.status == 0, "\(first.errors)")
            let run = root + "/run"
            for path in [run + "/.fisher-0123456789abc.partial", run + "/notes.partial"] {
                try Data("half".utf8).write(to: URL(filePath: path))
            }
            let unfinished = run + "/checkpoints/.fisher-zzzzzzzzzzzzz.partial"
            try FileManager.default.createDirectory(atPath: unfinished, withIntermediateDirectories: false)
            try Data("half".utf8).write(to: URL(filePath: unfinished + "/model.safetensors"))
            let again = try TrainCommandTests.run(["train", "language", "--resume", "--output", run])
            #expect(again.status == 0, "\(again.errors)")
            let names = try FileManager.default.contentsOfDirectory(atPath: run).filter {
                $0.contains("partial")
            }
            #expect(names == ["notes.partial"])
            #expect(!FileManager.default.fileExists(atPath: unfinished))
        }
    }
}
