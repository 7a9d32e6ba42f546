import Foundation
import Testing
import Torch

/// Fine-tuning as its users meet it: from a folder of transformers and from a run, stopped and resumed, sampled, exported.
@Suite struct FineTuningCommandTests {
    static let model = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/language/model").standardizedFileURL.path

    static func training(_ root: String, _ name: String, _ more: [String]) -> [String] {
        [
            "train", "language", "--text", root + "/text", "--output", root + "/" + name, "--batch", "2",
            "--validation-bytes", "200", "--context", "12", "--threads", "1",
        ] + more
    }

    /// Runs the command and kills it as soon as a file is there; whether it was still at work then.
    static func killed(_ arguments: [String], when path: String) throws -> Bool {
        let process = Process()
        process.executableURL = CommandTests.executable
        process.arguments = arguments
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
        while process.isRunning, !FileManager.default.fileExists(atPath: path) { usleep(2000) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
    }

    @Test func aFolderIsTunedKilledResumedSampledAndExported() throws {
        try TrainCommandTests.withText { root in
            let options = [
                "--from", Self.model, "--lora-rank", "2", "--ewc-strength", "5", "--ewc-text", root + "/text",
                "--ewc-batches", "2", "--schedule", "constant",
            ]
            let whole = try TrainCommandTests.run(Self.training(root, "whole", options + ["--steps", "80"]))
            #expect(whole.status == 0, "\(whole.errors)")
            let told = whole.output + whole.errors
            #expect(told.contains("nats a token") && told.contains("loss on the old text before"), "\(told)")
            #expect(told.contains("information of the starting weights"), "\(told)")
            // A run that is killed goes on from its last checkpoint, the information of the old text with it.
            let killed = try Self.killed(
                Self.training(root, "cut", options + ["--steps", "80", "--set", "checkpoints.every=1"]),
                when: root + "/cut/checkpoints/step-000000002")
            #expect(killed)
            let resumed = try TrainCommandTests.run([
                "train", "language", "--resume", "--output", root + "/cut",
            ])
            #expect(resumed.status == 0, "\(resumed.errors)")
            for file in ["model", "optimizer"] {
                #expect(
                    try TrainCommandTests.bytes(root, "whole", step: 80, file)
                        == TrainCommandTests.bytes(root, "cut", step: 80, file), "\(file)")
            }
            for file in [
                "export/config.json", "export/model.safetensors", "export/tokenizer.json",
                "adapter/adapter_config.json", "adapter/adapter_model.safetensors",
            ] {
                #expect(FileManager.default.fileExists(atPath: root + "/whole/" + file), "\(file)")
            }
            // The run and what was exported of it are one model.
            let arguments = ["--prompt", "line", "--length", "12", "--seed", "3"]
            let texts = try ["/whole", "/whole/export"].map {
                try TrainCommandTests.run(["sample", root + $0] + arguments)
            }
            #expect(texts[0].status == 0 && texts[0].output.hasPrefix("line"), "\(texts[0].errors)")
            #expect(texts[0].output == texts[1].output)
            #expect(try TrainCommandTests.run(["inspect", root + "/whole", "--batches", "1"]).status == 0)
        }
    }

    /// A byte-level run of our own is a start too, for one run and for a comparison.
    @Test func aRunIsTunedAndCompared() throws {
        try TrainCommandTests.withText { root in
            let first = try TrainCommandTests.run(TrainCommandTests.training(root, "first", steps: 3))
            #expect(first.status == 0, "\(first.errors)")
            let tuned = try TrainCommandTests.run(
                Self.training(root, "second", ["--from", root + "/first", "--steps", "2"]))
            #expect(tuned.status == 0 && tuned.output.contains("nats a byte"), "\(tuned.errors)")
            let again = try TrainCommandTests.run(
                Self.training(root, "third", ["--from", root + "/second/export", "--steps", "2"]))
            #expect(again.status == 0 && again.output.contains("nats a byte"), "\(again.errors)")
            let compared = try TrainCommandTests.run([
                "compare", "language", "--text", root + "/text", "--from", root + "/first", "--output",
                root + "/compare", "--batch", "2", "--validation-bytes", "200", "--steps", "2", "--seeds",
                "2",
                "--optimizer", "sgd", "--optimizer", "adamw", "--threads", "1",
            ])
            #expect(compared.status == 0, "\(compared.errors)")
            #expect(try TrainCommandTests.run(["sample", root + "/second", "--length", "3"]).status == 0)
        }
    }
}
