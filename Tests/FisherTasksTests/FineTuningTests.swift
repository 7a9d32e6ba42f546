import Fisher
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

/// Fine-tuning of a small GPT-2 that transformers wrote (Reference/language_models.py), and of runs of our own.
@Suite struct FineTuningTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/language").standardizedFileURL.path
    static var answers: SafetensorsFile {
        get throws { try SafetensorsFile(path: fixtures + "/answers.safetensors") }
    }

    /// Two texts of their own kinds, of several files.
    static let texts = Dictionary(
        uniqueKeysWithValues: (0..<12).flatMap { number in
            [
                ("new/f\(number).txt", (0..<30).map { "value \(number * $0) of \($0)\n" }.joined()),
                (
                    "old/f\(number).txt",
                    (0..<30).map { "The gradient isn't \($0 % 5), it's \(number)!\n" }.joined()
                ),
            ]
        })

    /// Options of a small run, with values by their keys.
    static func options(_ root: String, _ values: KeyValuePairs<String, String>) throws -> LanguageOptions {
        var options = LanguageOptions()
        let standard: [(name: String, pieces: [String])] = [
            ("data.text", [root + "/new"]), ("data.batch", ["2"]), ("data.validation_bytes", ["200"]),
            ("finetune.from", [fixtures + "/model"]), ("model.context", ["12"]),
        ]
        try options.setOptions(standard + values.map { ($0.key, [$0.value]) })
        return options
    }

    static func task(_ root: String, _ values: KeyValuePairs<String, String> = [:]) throws -> LanguageTask {
        try LanguageTask(try options(root, values))
    }

    static func session(_ task: LanguageTask, seed: UInt64 = 0) throws -> TrainingSession<LanguageTask> {
        try TrainingSession(
            task, OptimizerCandidate(label: "adamw", rule: try AdamW(learningRate: 1e-2)), seed: seed)
    }

    static func difference(_ a: Tensor, _ b: Tensor) throws -> Double {
        try (a - b).magnitude().max().item()
    }

    static func logits(_ model: GPT) throws -> Tensor {
        model.setTraining(false)
        return try withoutGradients {
            model(try answers.tensor(named: "inputs").narrowed(0, from: 0, length: 1))
        }
    }

    /// Logits, tokens and losses are those of transformers; nothing else is.
    @Test func theStartIsThatOfTransformers() throws {
        let saved = try SavedLanguageModel(at: Self.fixtures + "/model")
        #expect(try Self.difference(Self.logits(saved.model), Self.answers.tensor(named: "logits")) < 1e-5)
        let text = Array(try Data(contentsOf: URL(filePath: Self.fixtures + "/text.txt")))
        let (inputs, targets) = TokenStream.tokens(try #require(saved.tokenizer).encode(text)).windows(
            at: [0, 25, 50], context: 24)
        let answers = try Self.answers
        #expect(try answers.tensor(named: "inputs").flattened().scalars(as: Int64.self) == inputs)
        #expect(try answers.tensor(named: "targets").flattened().scalars(as: Int64.self) == targets)
        let loss = try Objective(
            Categorical(logits: saved.model(answers.tensor(named: "inputs"))),
            observing: answers.tensor(named: "targets")
        ).loss.item()
        #expect(abs(loss - (try answers.tensor(named: "losses").mean().item())) < 1e-5)
    }

    @Test func lossesArePerTokenAndPerByte() throws {
        try CorpusTests.withFolder(Self.texts) { root in
            let task = try Self.task(root)
            let summary = task.summary
            #expect(summary.lossUnit == "token" && summary.examples == "tokens")
            #expect(summary.description.contains("GPT of model"))
            let model = try task.makeModel(seed: 7)
            let other = try task.makeModel(seed: 8)
            // Equal weights for every seed.
            #expect(try Self.difference(Self.logits(model), Self.logits(other)) == 0)
            model.setTraining(false)
            let loss = try task.validationLoss(of: model)
            let measures = try task.measures(of: model)
            let perByte = try #require(measures.first { $0.name == "loss per byte" })
            // Tokens of this tokenizer have more than one byte and fewer than five.
            #expect(perByte.unit == "nats" && perByte.value < loss && perByte.value > loss / 5)
            // All held-out tokens together are the held-out bytes.
            let saved = try SavedLanguageModel(at: Self.fixtures + "/model")
            let stream = try TokenStream(task.corpus.validation, by: saved.tokenizer)
            #expect(
                stream.predictedByteCount(at: [0], context: stream.count - 1, by: saved.tokenizer)
                    == task.corpus.validation.count
                    - (saved.tokenizer!.bytes(of: saved.tokenizer!.encode(task.corpus.validation)[0]).count))
        }
    }

    /// Factors of PEFT's adapter give PEFT's logits, and what is written has its names, shapes and settings.
    @Test func updatesAreThoseOfPEFT() throws {
        let saved = try SavedLanguageModel(at: Self.fixtures + "/model")
        let plan = LowRankPlan(rank: 3, alpha: 6, targets: LowRankPlan.attention)
        let model = saved.model
        #expect(try plan.add(to: model, using: try RandomGenerator(seed: 0)).count == 4)
        let theirs = try SafetensorsFile(path: Self.fixtures + "/adapter/adapter_model.safetensors")
        let names = LowRankPlan.names(in: model.configuration)
        for (path, update) in model.lowRankUpdates {
            let name = "base_model.model." + (try #require(names["\(path)"]))
            try update.down.$weight.assign(try theirs.tensor(named: name + ".lora_A.weight"))
            try update.up.$weight.assign(try theirs.tensor(named: name + ".lora_B.weight"))
        }
        #expect(try Self.difference(Self.logits(model), Self.answers.tensor(named: "adapted")) < 1e-5)
        try CorpusTests.withFolder([:]) { root in
            try LanguageExport.writeAdapter(of: model, plan, base: "model", to: root + "/adapter")
            let ours = try SafetensorsFile(path: root + "/adapter/adapter_model.safetensors")
            #expect(Set(ours.tensors.map(\.name)) == Set(theirs.tensors.map(\.name)))
            for entry in theirs.tensors {
                #expect(
                    try Self.difference(
                        ours.tensor(named: entry.name), theirs.tensor(named: entry.name)) == 0)
            }
            func settings(_ folder: String) throws -> [String: NSObject] {
                let data = try Data(contentsOf: URL(filePath: folder + "/adapter_config.json"))
                return try #require(try JSONSerialization.jsonObject(with: data) as? [String: NSObject])
            }
            let (a, b) = (try settings(root + "/adapter"), try settings(Self.fixtures + "/adapter"))
            for key in a.keys where key != "target_modules" { #expect(a[key] == b[key], "\(key)") }
            #expect(
                a["target_modules"] as? [String] == [
                    "transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_proj",
                    "transformer.h.1.attn.c_attn",
                    "transformer.h.1.attn.c_proj",
                ])
        }
    }

    /// transformers' names mean the same layers as ours.
    @Test(arguments: [
        (#"attn\.c_attn$"#, 2), (#"h\.1\."#, 4), (#"mlp"#, 4), (#"feedForward\.expand"#, 2), (".", 8),
    ])
    func targetsAreFoundByEitherName(_ pattern: String, _ count: Int) throws {
        let model = try SavedLanguageModel(at: Self.fixtures + "/model").model
        let plan = LowRankPlan(rank: 1, alpha: 1, targets: pattern)
        #expect(try plan.add(to: model, using: try RandomGenerator(seed: 0)).count == count)
    }

    /// The information that is remembered is that of the starting weights on the old text, and the penalty enters the steps.
    @Test(arguments: [0, 2]) func consolidationIsAroundTheStart(_ rank: Int) throws {
        try CorpusTests.withFolder(Self.texts) { root in
            let task = try Self.task(
                root,
                [
                    "finetune.ewc_strength": "1e6", "finetune.ewc_text": root + "/old",
                    "finetune.ewc_source": "empirical", "finetune.ewc_batches": "3",
                    "finetune.lora_rank": "\(rank)",
                ])
            let session = try Self.session(task)
            var said: [String] = []
            session.memory.announce { said.append($0) }
            _ = try session.advance()
            #expect(said.count >= 2 && said[0].contains("3 batches"))
            let tensors = session.memory.saved().tensors
            // By hand, on the model without updates.
            let plain = try SavedLanguageModel(at: Self.fixtures + "/model").model
            plain.setTraining(false)
            let old = try #require(task.old)
            var stream = task.batches(of: old.training, seed: 0)
            var mean: [ParameterPath: Tensor] = [:]
            for _ in 0..<3 {
                let batch = stream.next()
                let found = try CurvatureEstimator(of: plain).estimate(
                    [.diagonal(.empirical)],
                    of: try Objective(Categorical(logits: plain(batch.inputs)), observing: batch.targets))
                for (path, tensor) in try #require(found.diagonal(.empirical)).mean {
                    mean[path] = mean[path].map { $0 + tensor / 3 } ?? tensor / 3
                }
            }
            let protected = tensors.keys.filter { $0.hasPrefix("information/") }
            #expect(protected.count == (rank == 0 ? plain.parameters.count : 4))
            for key in protected {
                let path = ParameterPath(String(key.dropFirst("information/".count)))
                let wanted = try #require(mean[path])
                let size = try wanted.max().item()
                #expect(try Self.difference(try #require(tensors[key]), wanted) < 1e-5 * size, "\(key)")
                #expect(
                    try Self.difference(
                        try #require(tensors["weights/\(path)"]), try #require(plain.weights["\(path)"])) == 0
                )
            }
            // Freed and frozen as before the estimate.
            let trained = session.model.parameters.filter(\.parameter.isTrainable)
            #expect(trained.count == (rank == 0 ? plain.parameters.count : 8))
            // So strong a penalty keeps the model where it is on the old text; without it, it moves.
            let free = try Self.session(
                try Self.task(root, ["finetune.ewc_text": root + "/old", "finetune.lora_rank": "\(rank)"]))
            for _ in 1...25 {
                _ = try session.advance()
                _ = try free.advance()
            }
            let start = try task.loss(of: plain, on: old)
            let (kept, lost) = (
                abs(try task.loss(of: session.model, on: old) - start),
                abs(try free.task.loss(of: free.model, on: old) - start)
            )
            #expect(lost > 0.01 && kept < lost / 10, "kept \(kept), lost \(lost)")
            let measures = try task.measures(of: session.model)
            #expect(
                measures.map(\.name) == [
                    "loss per byte", "loss on the old text before", "loss on the old text",
                ])
            #expect(abs(measures[1].value - start) < 1e-9)
            #expect(
                try session.memory.measurements(of: session.model, after: 2).map(\.name) == ["old_text_loss"])
        }
    }

    /// Saved in the middle and restored: the same bytes, with everything at once.
    @Test func aRestoredRunGoesOnExactly() throws {
        try CorpusTests.withFolder(Self.texts) { root in
            let values: KeyValuePairs = [
                "finetune.ewc_strength": "10", "finetune.ewc_text": root + "/old",
                "finetune.ewc_batches": "2", "finetune.lora_rank": "2", "model.dropout": "0.1",
            ]
            let whole = try Self.session(try Self.task(root, values))
            for _ in 1...6 { _ = try whole.advance() }
            let first = try Self.session(try Self.task(root, values))
            for _ in 1...3 { _ = try first.advance() }
            let checkpoint = try first.save(to: CheckpointStore(folder: root + "/checkpoints"))
            let second = try Self.session(try Self.task(root, values))
            _ = try second.restore(from: checkpoint)
            for _ in 1...3 { _ = try second.advance() }
            for (path, weight) in whole.model.weights {
                #expect(try Self.difference(weight, try #require(second.model.weights[path])) == 0, "\(path)")
            }
            // What is read of the checkpoint is the merged model.
            let read = try GPTFile.read(checkpoint.modelFile)
            #expect(read.lowRankUpdates.isEmpty)
            #expect(try Self.difference(Self.logits(read), Self.logits(first.model)) < 1e-5)
            // Other weights to start from, texts or updates make another run.
            let other = try Self.session(try Self.task(root, ["finetune.lora_rank": "2"]))
            #expect(throws: StorageError.self) { try other.restore(from: checkpoint) }
        }
    }

    /// Configurations without fine-tuning are as they were, with it they hold all of it.
    @Test func optionsAreWrittenWhenSet() throws {
        typealias Resolved = ResolvedConfiguration<LanguageOptions>
        #expect(try Resolved([]).toml.contains("finetune") == false)
        let set = try Resolved([
            ConfigurationLayer(.commandLine, [("finetune.from", ["x"]), ("finetune.lora_rank", ["4"])])
        ])
        for key in ["from = \"x\"", "lora_rank = 4", "ewc_text = []", "ewc_strength = 0.0", "ewc_source"] {
            #expect(set.toml.contains(key), "\(key)")
        }
        let again = try Resolved([ConfigurationLayer(toml: set.toml.utf8.map { $0 }, path: "c.toml")])
        #expect(again.toml == set.toml)
    }

    @Test(arguments: [
        (["finetune.from": "", "finetune.lora_rank": "2"], "name the weights to start from"),
        (["finetune.lora_alpha": "2"], "needs finetune.lora_rank"),
        (["finetune.ewc_strength": "2"], "name it with finetune.ewc_text"),
        (["finetune.ewc_batches": "2"], "needs finetune.ewc_strength"),
        (["finetune.ewc_source": "exactly"], "is not one of exact, sampled, empirical"),
        (["finetune.lora_rank": "9"], "more than the rank that a layer can have, which is 8"),
        (["finetune.lora_rank": "2", "finetune.lora_targets": "nowhere"], "the path of no linear layer"),
        (["finetune.lora_rank": "2", "finetune.lora_targets": "("], "is not a regular expression"),
        (["model.width": "16"], "has 8: leave it out"),
        (["model.context": "25"], "more than the 24 positions"),
        (["model.size": "small"], "has no effect with finetune.from"),
        (["finetune.from": "/nowhere/at/all"], "/nowhere/at/all is not there"),
    ])
    func mistakesAreNamed(_ values: [String: String], _ reason: String) throws {
        try CorpusTests.withFolder(["new": "text"]) { root in
            var message = ""
            do {
                var options = try Self.options(root, [:])
                try options.setOptions(values.map { ($0.key, [$0.value]) })
                _ = try LanguageTask(options)
            } catch { message = "\(error)" }
            #expect(message.contains(reason), "\(message)")
        }
    }
}
