import Foundation
import Testing

/// The commands on the digits as their users meet them.
@Suite struct DigitsCommandTests {
    static let run = TrainCommandTests.run

    @Test(arguments: ["autoencoder", "cnn"])
    func compareAndGoOn(_ network: String) throws {
        try CommandTests.withFolder { root in
            let arguments = [
                "compare", "digits", "--network", network, "--steps", "4", "--batch", "16", "--seeds", "2",
                "--optimizer", "adamw", "--optimizer", "fadam", "--threads", "1", "--output", root + "/out",
                "--learning-rates", "all=1e-3,2e-3", "--tuning-seeds", "1", "--extensions", "1",
            ]
            let run = try Self.run(arguments)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output.contains("nats/image") && run.output.contains("one rule for all"))
            let html = try String(contentsOfFile: root + "/out/report.html", encoding: .utf8)
            #expect(html.contains("Validation loss by time") && html.contains("Training loss by time"))
            let again = try Self.run(arguments + ["--resume"])
            #expect(again.status == 0 && !again.errors.contains("step"), "\(again.errors)")
        }
    }

    @Test func aRunIsKeptAndResumed() throws {
        try CommandTests.withFolder { root in
            let settings = [
                "model.network=cnn", "training.steps=6", "data.batch=8", "training.threads=1",
                "optimizer.rule=adamw",
            ].flatMap { ["--set", $0] }
            let run = try Self.run(["train", "digits", "--output", root + "/run"] + settings)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output.contains("nats an image") && !run.output.contains("sample:"))
            let more = try Self.run(
                [
                    "train", "digits", "--resume", "--output", root + "/run", "--set", "training.steps=9",
                    "--change-schedule",
                ])
            #expect(more.status == 0 && more.output.contains("step 9"), "\(more.errors)")
            let sample = try Self.run(["sample", root + "/run"])
            #expect(sample.status == 65)
            #expect(sample.errors.contains("/run is of the task digits, not a language model"))
            let log = try Self.run(["report", root + "/run", "--output", root + "/run/metrics.jsonl"])
            #expect(log.status == 64 && log.errors.contains("which is no page of this program"))
            let ablated = try Self.run([
                "ablate", "digits", "--steps", "3", "--batch", "8", "--seeds", "1", "--optimizer", "fadam",
                "--option", "rho=0.5,1", "--threads", "1", "--output", root + "/ablation",
            ])
            #expect(ablated.status == 0 && ablated.output.contains("fadam + rho 1"), "\(ablated.errors)")
        }
    }

    @Test func continualWritesItsFilesAndGoesOn() throws {
        try CommandTests.withFolder { root in
            let arguments = [
                "continual", "--tasks", "2", "--steps", "5", "--width", "8", "--batch", "8", "--seeds", "2",
                "--strengths", "1,10", "--methods", "none,empirical,fadam,joint", "--output", root + "/out",
            ]
            let run = try Self.run(arguments)
            #expect(run.status == 0, "\(run.errors)")
            for word in ["none", "empirical", "fadam", "joint", "Forgetting", "±", "report.html"] {
                #expect(run.output.contains(word))
            }
            let csv = try String(contentsOfFile: root + "/out/results.csv", encoding: .utf8)
            #expect(csv.hasPrefix("method,strength,seed,trained_tasks,task,accuracy\n"))
            #expect(csv.split(separator: "\n").count == 1 + 4 * 2 * 2 * 2)
            let json = try Self.run(arguments + ["--resume", "--json"])
            #expect(json.status == 0 && !json.errors.contains("step"), "\(json.errors)")
            let parsed = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            #expect((parsed?["entries"] as? [Any])?.count == 4)
            let other = try Self.run(
                arguments.map { $0 == "5" ? "6" : $0 } + ["--resume"])
            #expect(other.status == 64 && other.errors.contains("choose another --output"))
        }
    }

    @Test func mistakesHaveTheirStatus() throws {
        try CommandTests.withFolder { root in
            try Data("{}".utf8).write(to: URL(filePath: root + "/results.json"))
            for (arguments, status, text) in [
                (["compare", "digits", "--batch", "1347"], 64, "between 1 and 1346"),
                (["compare", "digits", "--test-share", "0"], 64, "must lie between 0 and 1"),
                (["compare", "digits", "--network", "mlp"], 64, "autoencoder"),
                (["continual", "--tasks", "0"], 64, "--tasks must be at least 1"),
                (["continual", "--methods", "none,ewc"], 64, "--methods"),
                (["continual", "--strengths", "1,-1"], 64, "--strengths"),
                (["continual", "--memory", "online", "--decay", "2"], 64, "--decay"),
                (["continual", "--optimizer", "nothing"], 64, "nothing"),
                (["continual", "--batch", "5000"], 64, "a batch of 5000 images"),
                (["continual", "--resume"], 65, "results.json is not a comparison's result"),
                (
                    [
                        "continual", "--methods", "none", "--tasks", "2", "--steps", "20", "--seeds", "1",
                        "--width", "8", "--learning-rate", "1e30",
                    ], 3, "every run diverged"
                ),
            ] as [([String], Int32, String)] {
                // Where results are, a comparison would be refused before its options are looked at.
                let folder = arguments.contains("--resume") ? root : root + "/new"
                let run = try Self.run(arguments + ["--output", folder])
                #expect(run.status == status, "\(arguments): \(run.errors)")
                #expect(run.errors.contains(text), "\(arguments): \(run.errors)")
            }
        }
    }

    @Test func theHierarchyIsMeasuredAndContinued() throws {
        try CommandTests.withFolder { root in
            let arguments = [
                "hierarchy", "--optimizer", "sgd", "--optimizer", "kfac:labels=sampled", "--training-steps",
                "3",
                "--damping", "1e-2", "--dampings", "1e-2", "--batches", "2", "--batch", "16", "--turns", "1",
                "--no-sizes", "--output", root + "/out",
            ]
            let run = try Self.run(arguments + ["--seeds", "1"])
            #expect(run.status == 0, "\(run.errors)")
            for word in ["kfac + labels sampled", "held out", "one seed", "report.html"] {
                #expect(run.output.contains(word), "\(run.output)")
            }
            #expect(FileManager.default.fileExists(atPath: root + "/out/report.html"))
            let more = try Self.run(arguments + ["--seeds", "2", "--resume", "--json"])
            #expect(more.status == 0 && more.errors.contains("seed 0: finished before"), "\(more.errors)")
            let parsed = try JSONSerialization.jsonObject(with: Data(more.output.utf8)) as? [String: Any]
            #expect((parsed?["points"] as? [Any])?.count == 2)
            let other = try Self.run(arguments + ["--resume", "--damping", "0.5"])
            #expect(
                other.status == 64 && other.errors.contains("other levels or settings"), "\(other.errors)")
            for (wrong, word) in [
                (["--damping", "-1"], "--damping"), (["--divergence", "0"], "--divergence"),
                (["--dampings", "1,x"], "--dampings"), (["--training-steps", "-1"], "--training-steps"),
                (["--batches", "0"], "--batches"), (["--optimizer", "kfac:nothing=1"], "nothing"),
            ] {
                let found = try Self.run(["hierarchy", "--output", root + "/no"] + wrong)
                #expect(found.status == 64 && found.errors.contains(word), "\(wrong): \(found.errors)")
            }
        }
    }

    /// A vocabulary of 256 bytes is too large for the whole matrix: the reference is solved by products.
    @Test func theHierarchyOfALanguageModelIsMeasured() throws {
        try CommandTests.withFolder { root in
            let text = (0..<2000).map { "line \($0 % 37) of \($0 * 7 % 101)\n" }.joined()
            try Data(text.utf8).write(to: URL(filePath: root + "/text.txt"))
            let run = try Self.run([
                "hierarchy", "language", "--text", root + "/text.txt", "--optimizer", "sgd", "--optimizer",
                "kfac",
                "--optimizer", "natural_gradient", "--training-steps", "2", "--damping", "1", "--dampings",
                "1",
                "--seeds", "1", "--batch", "2", "--validation-bytes", "64", "--turns", "1", "--no-sizes",
                "--output",
                root + "/out",
            ])
            #expect(run.status == 0, "\(run.errors)")
            let found = try String(contentsOfFile: root + "/out/results.json", encoding: .utf8)
            #expect(found.contains("\"solver\" : \"cg\"") && found.contains("\"labels\" : \"sampled\""))
        }
    }
}
