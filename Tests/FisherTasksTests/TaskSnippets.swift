import Fisher
import FisherTasks
import FisherTraining
import Foundation
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

    /// FisherTraining.md, the comparison
    @Test func comparing() throws {
        func compare(
            _ candidates: [OptimizerCandidate], on task: some TrainingTask, in path: String
        ) throws -> OptimizerComparison {
            var training = TrainingConfiguration()
            (training.steps, training.keep, training.histograms) = (100, 1, false)
            let folder = try StudyDirectory(path: path, resuming: true)
            let earlier = OptimizerComparison(task: task.summary, environment: .current(), entries: [])
            return try ComparisonRunner(task, runs: StudyRuns(training), in: folder)(
                candidates, seeds: [0, 1], into: earlier, progress: ProgressDisplay()
            ) { try folder.files.write($0) }
        }

        let (training, test) = try Digits.all.split(test: 0.25, seed: 0)
        let task = try DigitsTask(.perceptron, training: training, test: test, batch: 16)
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let candidates = [OptimizerCandidate(label: "adamw", rule: AdamW())]
        let result = try compare(candidates, on: task, in: path)
        #expect(result.entries[0].runs.map(\.status) == [.completed, .completed])
        #expect(try compare(candidates, on: task, in: path).entries == result.entries)
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
        let candidate = OptimizerCandidate(label: "fadam", rule: try FAdam(learningRate: 1e-2))
        let session = try TrainingSession(task, candidate, seed: 0)
        try TrainingLoop(session, length: RunLength(steps: 20, evaluateEvery: 10))()
        let record = session.record(.completed)
        print(record.finalValidationLoss ?? .nan)

        #expect(record.status == .completed)
        #expect(record.finalValidationLoss! < record.curve[0].validationLoss!)
    }
}
