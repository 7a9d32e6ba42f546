import Foundation
import Testing
import Torch

/// Training as its users meet it: stopped, killed, resumed, sampled, listed, reported.
@Suite struct TrainCommandTests {
    typealias Outcome = CommandTests.Outcome

    static let small = [
        "model.context=16", "model.width=16", "model.layers=1", "model.heads=2", "model.dropout=0.1",
        "data.batch=2", "data.validation_bytes=256", "training.evaluate_every=10", "checkpoints.every=3",
        "training.threads=1",
    ]

    /// Starts the command; the caller waits for it.
    static func start(_ arguments: [String]) throws -> (process: Process, errors: Pipe, output: Pipe) {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = CommandTests.executable
        process.arguments = arguments
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        return (process, errors, output)
    }

    static func run(_ arguments: [String]) throws -> Outcome { try CommandTests.fisher(arguments) }

    static func training(
        _ root: String, _ name: String, steps: Int, rule: String = "fadam", more: [String] = []
    ) -> [String] {
        let settings = small + ["training.steps=\(steps)", "optimizer.rule=\(rule)"] + more
        return ["train", "language", "--text", root + "/text", "--output", root + "/" + name]
            + settings.flatMap { ["--set", $0] }
    }

    static func withText(_ body: (String) throws -> Void) throws {
        try CommandTests.withFolder { root in
            let text = (0..<3000).map { "line \($0 * $0 % 97)\n" }.joined()
            try Data(text.utf8).write(to: URL(filePath: root + "/text"))
            try body(root)
        }
    }

    static func bytes(_ root: String, _ name: String, step: Int, _ file: String) throws -> Data {
        let digits = String(repeating: "0", count: 9 - String(step).count) + String(step)
        return try Data(
            contentsOf: URL(filePath: "\(root)/\(name)/checkpoints/step-\(digits)/\(file).safetensors"))
    }

    /// Killed at random instants and resumed until it is done: the same bytes as undisturbed.
    @Test(arguments: ["fadam", "adafactor"])
    func killedRunsEndInTheSameBytes(_ rule: String) throws {
        try Self.withText { root in
            let steps = 150
            let whole = try Self.run(Self.training(root, "whole", steps: steps, rule: rule))
            #expect(whole.status == 0, "\(whole.errors)")
            var kills = 0
            while true {
                // The same command begins and goes on; what is killed early goes on from its configuration alone too.
                let begun = FileManager.default.fileExists(atPath: root + "/cut/config.toml")
                let arguments =
                    begun && kills % 2 == 0
                    ? ["train", "language", "--resume", "--output", root + "/cut"]
                    : Self.training(root, "cut", steps: steps, rule: rule) + ["--resume"]
                let (process, errors, _) = try Self.start(arguments)
                if kills < 4 {
                    usleep(UInt32.random(in: kills == 0 ? 50_000...300_000 : 200_000...900_000))
                    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
                    kills += 1
                }
                let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                if process.terminationReason == .exit {
                    #expect(process.terminationStatus == 0, "\(text)")
                    break
                }
            }
            for file in ["model", "optimizer"] {
                let expected = try Self.bytes(root, "whole", step: steps, file)
                #expect(try Self.bytes(root, "cut", step: steps, file) == expected)
            }
        }
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func aSignalSavesAndSaysHowToGoOn(_ number: Int32) throws {
        try Self.withText { root in
            let (process, errors, _) = try Self.start(Self.training(root, "run", steps: 1_000_000))
            let log = root + "/run/metrics.jsonl"
            while process.isRunning, (try? Data(contentsOf: URL(filePath: log)).count) ?? 0 < 500 {
                usleep(10_000)
            }
            kill(process.processIdentifier, number)
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 75, "\(text)")
            #expect(text.contains("/fisher train language --resume --output \(root)/run"))
            // The lock went with the process; a shorter end is allowed, another optimizer is not.
            let refused = try Self.run(
                ["train", "language", "--resume", "--output", root + "/run", "--set", "optimizer.rule=sgd"])
            #expect(refused.status == 64)
            #expect(refused.errors.contains("optimizer.rule cannot be changed"))
            let listed = try Self.run([
                "runs", root, "--filter", "phase=interrupted", "--show", "training.steps",
            ])
            #expect(listed.output.contains("interrupted") && listed.output.contains("1000000"))
        }
    }

    /// `nohup` and shells that let a job outlive them ignore SIGHUP: so does the run.
    @Test func anIgnoredHangupStaysIgnored() throws {
        try Self.withText { root in
            let process = Process()
            process.executableURL = URL(filePath: "/bin/sh")
            process.arguments =
                ["-c", "trap '' HUP; exec \"$@\"", "sh", CommandTests.executable.path]
                + Self.training(root, "run", steps: 1_000_000)
            (process.standardOutput, process.standardError) = (Pipe(), Pipe())
            try process.run()
            func wait(for bytes: Int) {
                let log = URL(filePath: root + "/run/metrics.jsonl")
                while process.isRunning, (try? Data(contentsOf: log).count) ?? 0 < bytes { usleep(10_000) }
            }
            wait(for: 500)
            kill(process.processIdentifier, SIGHUP)
            let length = try Data(contentsOf: URL(filePath: root + "/run/metrics.jsonl")).count
            wait(for: length + 1000)
            #expect(process.isRunning)
            kill(process.processIdentifier, SIGTERM)
            process.waitUntilExit()
            #expect(process.terminationStatus == 75)
        }
    }

    /// The same command with --resume begins a run and goes on with it; a folder alone must hold one.
    @Test func resumingNeedsARunOrAConfiguration() throws {
        try Self.withText { root in
            let misspelt = try Self.run(["train", "language", "--resume", "--output", root + "/rum"])
            #expect(misspelt.status == 66 && misspelt.errors.contains("\(root)/rum holds no run to resume"))
            #expect(!FileManager.default.fileExists(atPath: root + "/rum"))
            let command = Self.training(root, "run", steps: 6) + ["--resume"]
            for _ in 0..<2 {
                let run = try Self.run(command)
                #expect(run.status == 0, "\(run.errors)")
            }
            for (more, reason) in [
                (
                    ["--set", "data.batch=3"],
                    "data.batch cannot be changed in a run that is resumed: it is 2, not 3"
                ),
                (["--set", "training.steps=9"], "learning_rate would go on as cosine(peak="),
                (["--preset", "base"], "cannot be changed"),
            ] {
                let refused = try Self.run(command + more)
                #expect(refused.status == 64 && refused.errors.contains(reason), "\(refused.errors)")
            }
            let longer = try Self.run(command + ["--set", "training.steps=9", "--change-schedule"])
            #expect(longer.status == 0 && longer.output.contains("step 9:"), "\(longer.errors)")
            let listed = try Self.run(["runs", root, "--show", "training.steps"])
            #expect(listed.output.contains(/fadam +0 +completed +9\/9/), "\(listed.output)")
            // What cannot be counted is named.
            let huge = try Self.run(
                Self.training(root, "huge", steps: 1_000_000_000_000, more: ["data.batch=1000000"]) + [
                    "--dry-run"
                ])
            // On a machine without the memory for such a batch that is said first.
            let reasons = [64: "more examples than can be counted", 71: "are available"] as [Int32: String]
            let reason = try #require(reasons[huge.status], "\(huge.errors)")
            #expect(huge.errors.contains(reason), "\(huge.errors)")
            let other = try Self.run(["train", "digits", "--resume", "--output", root + "/run"])
            #expect(other.status == 64 && other.errors.contains("holds a run of language"))
        }
    }

    @Test func aRunIsSampledListedAndReported() throws {
        try Self.withText { root in
            for (name, seed) in [("a", 0), ("b", 1)] {
                let run = try Self.run(
                    Self.training(root, name, steps: 20, more: ["training.seed=\(seed)"]))
                #expect(run.status == 0, "\(run.errors)")
                #expect(run.output.contains("bits a byte"))
            }
            let sample = try Self.run(
                ["sample", root + "/a", "--prompt", "line ", "--length", "40", "--seed", "3"])
            #expect(sample.status == 0, "\(sample.errors)")
            #expect(sample.output.hasPrefix("line "))
            let again = try Self.run(
                [
                    "sample", root + "/a/checkpoints/best", "--prompt", "line ", "--length", "40", "--seed",
                    "3",
                ])
            #expect(again.output == sample.output)

            let listed = try Self.run(["runs", root, "--sort", "best", "--filter", "optimizer.rule=fadam"])
            #expect(listed.output.split(separator: "\n").count == 4)
            #expect(try Self.run(["runs", root, "--filter", "seed=7"]).status == 66)
            let report = try Self.run(["report", root + "/a", root + "/b", "-o", root + "/r.html"])
            #expect(report.status == 0, "\(report.errors)")
            #expect(report.output.contains("2 seeds are too few"))
            #expect(try String(contentsOfFile: root + "/r.html", encoding: .utf8).contains("<svg"))

            let twice = try Self.run(Self.training(root, "a", steps: 20))
            #expect(twice.status == 73)
            #expect(twice.errors.contains("already holds a run"))
        }
    }

    @Test func aDamagedCheckpointIsNamedAndTheOneBeforeTaken() throws {
        try Self.withText { root in
            #expect(try Self.run(Self.training(root, "run", steps: 20)).status == 0)
            let newest = root + "/run/checkpoints/step-000000020/model.safetensors"
            var data = try Data(contentsOf: URL(filePath: newest))
            data[data.count / 2] ^= 4
            try data.write(to: URL(filePath: newest))
            let resumed = try Self.run(["train", "language", "--resume", "--output", root + "/run"])
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(resumed.errors.contains("step-000000020 is damaged: model.safetensors is not as it was"))
        }
    }

    @Test func configurationsArePrintedAndMistakesAreNamed() throws {
        try Self.withText { root in
            try Data("[training]\nsteps = 30\n[optimizer]\nrule = \"adamw\"\nbeta2 = 0.95\n".utf8)
                .write(to: URL(filePath: root + "/c.toml"))
            let printed = try Self.run([
                "train", "language", "--config", root + "/c.toml", "--set", "data.batch=3", "--print-config",
            ])
            #expect(printed.status == 0)
            #expect(printed.output.contains(/beta2 = 0.95 +# .*c.toml/))
            #expect(printed.output.contains(/batch = 3 +# command line/))
            // What is printed is a configuration again.
            try Data(printed.output.utf8).write(to: URL(filePath: root + "/d.toml"))
            let again = try Self.run(["train", "language", "--config", root + "/d.toml", "--print-config"])
            #expect(again.output.contains(/steps = 30 +# .*d.toml/))
            for (text, status, reason) in [
                ("[training]\nstepz = 3\n", 64, "did you mean training.steps?"),
                ("[training\n", 64, "line 1"), ("[training]\nsteps = -1\n", 64, "must be at least 1"),
            ] as [(String, Int32, String)] {
                try Data(text.utf8).write(to: URL(filePath: root + "/e.toml"))
                let run = try Self.run(["train", "language", "--config", root + "/e.toml", "--print-config"])
                #expect(run.status == status, "\(run.errors)")
                #expect(run.errors.contains(reason), "\(run.errors)")
            }
            #expect(try Self.run(["train", "language", "--config", root + "/none.toml"]).status == 66)
            let dry = try Self.run(Self.training(root, "dry", steps: 100) + ["--dry-run"])
            #expect(dry.status == 0, "\(dry.errors)")
            for word in ["parameters", "fadafactor", "checkpoint", "free disk", "estimated time"] {
                #expect(dry.output.contains(word))
            }
            #expect(!FileManager.default.fileExists(atPath: root + "/dry"))
        }
    }

    /// A task's options are flags of every command, which start from the same preset.
    @Test func flagsDeriveFromOptions() throws {
        let printed = try Self.run([
            "train", "digits", "--print-config", "--network", "cnn", "--batch", "9", "--warm-up", "3",
            "--rule", "adamw", "--set", "model.activation=tanh",
        ])
        #expect(printed.status == 0, "\(printed.errors)")
        for line in [
            /network = "cnn" +# command line/, /batch = 9 +# command line/, /warm_up = 3 +# command line/,
            /activation = "tanh" +# command line/, /rule = "adamw" +# command line/,
            /learning_rate = 0.003 +# preset autoencoder/,
        ] { #expect(printed.output.contains(line), "\(printed.output)") }
        for command in ["train", "compare", "ablate"] {
            let help = try Self.run([command, "language", "--help"]).output.split { $0.isWhitespace }.joined(
                separator: " ")
            #expect(help.contains("--context <context>") && help.contains("windows in a step (default: 8)"))
            #expect(help.contains("quick, tiny, small, base"))
        }
        let wrong = try Self.run(["compare", "language", "--size", "tyni"])
        #expect(wrong.status == 64 && wrong.errors.contains("model.size = tyni (command line)"))
        let other = try Self.run(["train", "language", "--preset", "tinny", "--print-config"])
        #expect(other.status == 64 && other.errors.contains("did you mean tiny?"))
    }

    @Test func aRunThatDivergesEndsWithItsStatus() throws {
        try Self.withText { root in
            let run = try Self.run(
                Self.training(
                    root, "run", steps: 50, rule: "sgd",
                    more: ["optimizer.learning_rate=1e30", "optimizer.schedule=constant"]))
            #expect(run.status == 3)
            #expect(run.errors.contains(/is not finite at update \d+/), "\(run.errors)")
            // A validation loss that is not finite, with training losses that are.
            let silent = try Self.run(
                Self.training(
                    root, "silent", steps: 1, rule: "sgd",
                    more: [
                        "optimizer.learning_rate=1e37", "optimizer.schedule=constant", "checkpoints.keep=1",
                    ]))
            #expect(silent.status == 3, "\(silent.errors)")
        }
    }

    /// Two processes do not work on one run.
    @Test func aLockedRunIsRefused() throws {
        try Self.withText { root in
            let (process, _, _) = try Self.start(Self.training(root, "run", steps: 1_000_000))
            while process.isRunning, !FileManager.default.fileExists(atPath: root + "/run/run.json") {
                usleep(10_000)
            }
            let second = try Self.run(["train", "language", "--resume", "--output", root + "/run"])
            #expect(second.status == 73)
            #expect(
                second.errors.contains("in use by another process (process \(process.processIdentifier))"))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    @Test func tuningNeedsEqualBudgetsAndIsShown() throws {
        try Self.withText { root in
            let small = [
                "--text", root + "/text", "--context", "8", "--width", "16", "--layers", "1", "--heads", "2",
                "--validation-bytes", "256", "--steps", "3", "--batch", "2",
            ]
            let common =
                ["compare", "language"] + small + [
                    "--seeds", "2", "--optimizer", "adamw", "--optimizer", "fadam", "--threads", "1",
                    "--output",
                    root + "/out",
                ]
            let unequal = try Self.run(common + ["--learning-rates", "fadam=1e-3,2e-3"])
            #expect(unequal.status == 64)
            #expect(unequal.errors.contains("equal budgets"))
            let tuned = try Self.run(
                common + [
                    "--learning-rates", "all=1e-3,2e-3", "--protocol", "both", "--extensions", "0",
                    "--tuning-seeds", "2",
                ])
            #expect(tuned.status == 0, "\(tuned.errors)")
            #expect(tuned.output.contains("one rule for all"))
            #expect(tuned.output.contains("\nNot interior: the best learning_rate of"))
            #expect(tuned.output.contains("fadam (drop-in)"))
            // Nothing is trained again.
            let again = try Self.run(
                common + [
                    "--learning-rates", "all=1e-3,2e-3", "--protocol", "both", "--extensions", "0",
                    "--tuning-seeds", "2", "--resume",
                ])
            #expect(again.status == 0)
            #expect(!again.errors.contains("step"))
            let ablated = try Self.run(
                ["ablate", "language"] + small + [
                    "--seeds", "1", "--optimizer", "fadam", "--option", "rho=0.5,1", "--threads", "1",
                    "--output",
                    root + "/ablation",
                ])
            #expect(ablated.status == 0, "\(ablated.errors)")
            #expect(ablated.output.contains("fadam + rho 0.5") && ablated.output.contains("fadam + rho 1"))
        }
    }
}
