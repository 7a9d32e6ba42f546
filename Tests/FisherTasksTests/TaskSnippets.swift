import Fisher
import FisherTasks
import FisherTraining
import Testing

/// The examples of the landing pages, as they stand there, and what they must do.
@Suite struct TaskSnippets {
    /// FisherTraining.md
    @Test func training() throws {
        let candidates = [
            OptimizerCandidate(label: "adamw + clip 1", rule: AdamW(), clipGradientNorm: 1),
            OptimizerCandidate(label: "fadam", rule: FAdam()),
        ]
        print(candidates[0].options.map { "\($0.name)=\($0.value)" }.joined(separator: " "))

        #expect(candidates[0].options.contains { $0 == Setting("clip_gradient_norm", "1.0") })
        #expect(candidates[1].options.contains { $0 == Setting("clip_gradient_norm", "none") })
    }

    /// FisherTasks.md, the digits
    @Test func digits() throws {
        let (training, test) = try Digits.all.split(test: 0.25, seed: 0)
        let task = try DigitsTask(.autoencoder, training: training, test: test, batch: 64)
        let session = try TrainingSession(
            task, OptimizerCandidate(label: "adamw", rule: try AdamW(learningRate: 3e-3)), seed: 0)
        for _ in 1...20 { _ = try session.advance() }
        print(try session.evaluate().validationLoss ?? .nan)

        #expect(session.progress.step == 20 && session.progress.best!.loss < 40)
    }

    /// FisherTasks.md
    @Test func tasks() throws {
        let corpus = try Corpus(paths: ["Sources/Fisher"])
        let task = try LanguageTask(
            GPT.Configuration(context: 32, width: 16, layers: 1, heads: 2), corpus: corpus, batch: 4)
        let run = TrainingRun(task, length: RunLength(steps: 20, evaluateEvery: 10))
        let candidate = OptimizerCandidate(label: "fadam", rule: try FAdam(learningRate: 1e-2))
        let record = try run(candidate, seed: 0) { step, loss in
            if step == 20 { print(loss) }
        }
        print(record.finalValidationLoss ?? .nan)

        #expect(record.status == .completed)
        #expect(record.finalValidationLoss! < record.curve[0].validationLoss!)
    }
}
