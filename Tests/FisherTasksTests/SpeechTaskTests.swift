import Fisher
import FisherMedia
import FisherStudies
import Foundation
import Testing

@testable import FisherTasks
@testable import FisherTraining

/// The task of speech recognition on tones, whose pitch says the letter.
@Suite("Speech: the task")
struct SpeechTaskTests {
    /// A task of a dozen short tones, two of which are held out.
    static func withTask(
        _ head: Conformer.Head, _ change: (inout SpeechOptions) -> Void = { _ in },
        _ body: (SpeechTask, SpeechFolder) throws -> Void
    ) throws {
        try SpeechFolder.with { folder in
            var table = "path\ttext\n"
            for number in 0..<12 {
                let isHigh = number % 2 == 0
                try folder.tone(
                    "\(number).wav", seconds: 0.2 + 0.02 * Double(number), pitch: isHigh ? 900 : 300)
                table += "\(number).wav\t\(isHigh ? "ab" : "c")\n"
            }
            try folder.write(table, to: "all.tsv")
            var options = SpeechOptions()
            options.data = SpeechFolder.options([folder.path + "/all.tsv"])
            options.data.normalization = .none
            (options.size, options.head, options.batch, options.dropout) = (.nano, head, 4, 0.1)
            options.data.buckets = 2
            change(&options)
            let task = try SpeechTask(
                options.model(), corpus: options.data.read(progress: LoadingProgress(nil)),
                data: options.data,
                batch: options.batch, beam: options.beam)
            try body(task, folder)
        }
    }

    static func run(
        _ task: SpeechTask, in root: String, resuming: Bool = false, crashingAfter: Int? = nil
    ) throws -> [String: Tensor] {
        struct Crash: Error {}
        var training = TrainingConfiguration()
        (training.steps, training.evaluateEvery, training.checkpointEvery) = (7, 4, 3)
        (training.tensorBoard, training.histograms) = (false, false)
        var rule = FAdam()
        rule.learningRate = .cosine(0.02, steps: 7, warmUp: 2)
        let run = DurableRun(
            task, OptimizerCandidate(label: "fadam", rule: rule, clipGradientNorm: 1),
            in: RunDirectory(path: root), training: training, toml: "[training]\nsteps = 7\nseed = 0\n",
            values: ["training.steps": "7", "training.seed": "0"], environment: .current())
        if let crashingAfter {
            #expect(throws: Crash.self) {
                try run(
                    callbacks: .init(afterStep: { session, _ in
                        if session.progress.step == crashingAfter { throw Crash() }
                    }))
            }
            return [:]
        }
        #expect(try run(resuming: resuming).phase == .completed)
        let newest = try #require(try RunDirectory(path: root).checkpoints.newest())
        return try SafetensorsFile(path: newest.checkpoint.modelFile).allTensors()
    }

    /// Dropout, masks and the order of batches continue exactly.
    @Test(arguments: Conformer.Head.allCases)
    func aCrashedRunGoesOnToTheBit(_ head: Conformer.Head) throws {
        try Self.withTask(head) { task, folder in
            let whole = try Self.run(task, in: folder.path + "/whole")
            _ = try Self.run(task, in: folder.path + "/parts", crashingAfter: 5)
            let parts = try Self.run(task, in: folder.path + "/parts", resuming: true)
            #expect(whole.keys == parts.keys && whole.count > 30)
            for (name, tensor) in whole {
                #expect(try tensor.scalars(as: Float.self) == parts[name]?.scalars(as: Float.self), "\(name)")
            }
        }
    }

    @Test(arguments: Conformer.Head.allCases)
    func itLearnsAndIsJudged(_ head: Conformer.Head) throws {
        try Self.withTask(head, { $0.dropout = 0 }) { task, _ in
            let session = try TrainingSession(
                task, OptimizerCandidate(label: "adamw", rule: try AdamW(learningRate: 0.02)), seed: 0)
            let before = try #require(try session.evaluate().validationLoss)
            for _ in 1...60 { _ = try session.advance() }
            let after = try #require(try session.evaluate().validationLoss)
            #expect(after < 0.7 * before, "\(before) -> \(after)")

            let model = session.model
            model.setTraining(false)
            let parts = try withoutGradients { try task.validationParts(of: model) }
            let held = task.corpus.validation
            #expect(parts.count == held.count)
            let mean = parts.reduce(0, +) / Double(parts.count)
            #expect(abs(mean - after) < 1e-4 * after)

            let measures = try withoutGradients { try task.measures(of: model) }
            #expect(measures.map(\.name) == ["word error rate", "character error rate", "loss a character"])
            #expect(measures.allSatisfy { $0.value >= 0 && $0.better == .lower })
            let characters = held.reduce(0) { $0 + $1.labels.count }
            #expect(
                abs(measures[2].value * Double(characters) - after * Double(held.count)) < 1e-3 * after)
            let exhibits = try withoutGradients { try task.exhibits(of: model) }
            guard case .table(let table)? = exhibits.first else {
                Issue.record("there is no table")
                return
            }
            #expect(table.rows.map { $0[0] } == held.map(\.text))
            // The rates are those of the table, which shows all utterances here.
            let wrong = table.rows.reduce(0) { $0 + (Int($1[2].split(separator: " ")[0]) ?? 0) }
            let words = held.reduce(0) { $0 + $1.text.split(separator: " ").count }
            #expect(abs(measures[0].value - 100 * Double(wrong) / Double(words)) < 1e-9)
        }
    }

    /// The text of a file is the one that the task writes for the same utterance.
    @Test(arguments: Conformer.Head.allCases, [1, 3])
    func filesAreTranscribedByASavedModel(_ head: Conformer.Head, _ beam: Int) throws {
        try Self.withTask(head, { $0.beam = beam }) { task, folder in
            let model = try task.makeModel(seed: 4)
            let weights = folder.path + "/model.safetensors"
            try model.save(to: weights, metadata: task.modelMetadata)
            model.setTraining(false)
            let transcriber = try Transcriber(modelAt: weights)
            for utterance in task.corpus.validation {
                let batch = SpeechBatch([utterance], bands: 4)
                let expected = try task.transcripts(of: model, batch)
                #expect(try [transcriber(utterance.path)] == expected)
            }
        }
    }

    @Test func weightsOfAnotherKindAreNamed() throws {
        try Self.withTask(.ctc) { task, folder in
            let model = try task.makeModel(seed: 4)
            let path = folder.path + "/model.safetensors"
            func failure(_ metadata: [String: String]) throws -> String {
                try model.save(to: path, metadata: metadata)
                let error = #expect(throws: (any Error).self) { try Transcriber(modelAt: path) }
                return error.map { "\($0)" } ?? ""
            }
            #expect(try failure([:]).contains("do not specify a speech recognizer"))
            let good = task.modelMetadata
            func changed(_ old: String, _ new: String) -> [String: String] {
                good.mapValues {
                    #expect($0.contains(old))
                    return $0.replacingOccurrences(of: old, with: new)
                }
            }
            #expect(try failure(changed("\"width\":8", "\"width\":16")).contains("numbers"))
            #expect(try failure(changed("\"heads\":2", "\"heads\":3")).contains("3 heads do not divide"))
            #expect(try failure(changed("characters", "runes")).contains("alphabet"))
            #expect(try failure(changed("\"none\"", "\"global\"")).contains("--normalization global"))
        }
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let tooLarge = #expect(throws: ConfigurationError.self) {
            try Self.withTask(.ctc, { $0.batch = 99 }) { _, _ in }
        }
        #expect(tooLarge?.description.contains("data.batch = 99") == true)
        try SpeechFolder.with { folder in
            try folder.tone("short.wav", seconds: 0.1)
            try folder.tone("long.wav", seconds: 0.5)
            try folder.write("short.wav\tabc def\nlong.wav\ta\n", to: "all.tsv")
            var options = SpeechOptions()
            options.data = SpeechFolder.options([folder.path + "/all.tsv"])
            (options.size, options.batch) = (.nano, 1)
            let corpus = try options.data.read(progress: LoadingProgress(nil))
            let error = #expect(throws: SpeechError.self) {
                try SpeechTask(options.model(), corpus: corpus, data: options.data, batch: 1)
            }
            #expect(error?.description.contains("short.wav is too short for its text") == true)
            options.head = .transducer
            let task = try SpeechTask(options.model(), corpus: corpus, data: options.data, batch: 1)
            #expect(try task.validationLoss(of: task.makeModel(seed: 0)).isFinite)
        }
    }

    /// The presets are sizes that models can have, of the parameters that their names promise.
    @Test(
        arguments: [
            ("tiny", 0.25e6...0.4e6), ("phrases", 0.25e6...0.4e6), ("small", 8e6...12e6),
            ("paper", 0.55e9...0.65e9), ("nano", 1e3...5e3),
        ] as [(String, ClosedRange<Double>)])
    func presets(_ name: String, _ parameters: ClosedRange<Double>) throws {
        let options = try ResolvedConfiguration<SpeechOptions>([try SpeechTask.preset(name)]).value.task
        #expect(parameters.contains(try options.model().parameterCount))
        #expect(SpeechTask.presets.count == 5 && SpeechTask.presets[0].name == "tiny")
    }

    @Test func optionsChangeTheSizes() throws {
        var options = SpeechOptions()
        try options.setOptions([
            ("model.width", ["32"]), ("model.layers", ["2"]), ("model.heads", ["2"]), ("model.kernel", ["7"]),
            ("model.channels", ["4"]), ("model.head", ["transducer"]), ("model.norm", ["batch"]),
            ("model.prediction_width", ["24"]), ("model.prediction_context", ["2"]),
            ("model.joint_width", ["20"]), ("model.dropout", ["0.2"]), ("data.bands", ["40"]),
            ("data.alphabet", ["bytes"]),
        ])
        #expect(
            try options.model()
                == Conformer.Configuration(
                    mels: 40, classes: 257, channels: 4, width: 32, layers: 2, heads: 2, kernel: 7,
                    dropout: 0.2,
                    norm: .batch, head: .transducer, predictionWidth: 24, predictionContext: 2, jointWidth: 20
                ))
        try options.setOption("model.kernel", to: "8")
        let error = #expect(throws: ConfigurationError.self) { try options.model() }
        #expect(error?.description.contains("[model] kernel 8 must be odd") == true)
    }
}
