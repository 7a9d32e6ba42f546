import Fisher
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

/// The second stage: a GPT over the codes of images.
@Suite struct CodesTests {
    /// The task on the codes of a first stage that was trained for a few steps.
    static func task() throws -> CodesTask {
        let stage = try VectorQuantizedTests.task {
            ($0.width, $0.blocks, $0.restartAfter, $0.validationImages) = (8, 0, 1, 40)
        }
        let session = try TrainingSession(stage, try VectorQuantizedTests.adamw(), seed: 0)
        for _ in 0..<6 { _ = try session.advance() }
        var options = CodesOptions()
        (options.width, options.layers, options.heads, options.dropout) = (16, 1, 2, 0.1)
        (options.images, options.batch) = (20, 32)
        return try CodesTask(options, stage, session.model)
    }

    /// A step predicts the codes of its images from those before; the mark is no code.
    @Test func sequencesBeginWithTheMark() throws {
        let task = try Self.task()
        #expect(task.configuration.vocabulary == 17 && task.configuration.context == 16)
        let batches = try task.makeBatches(seed: 0)
        let batch = batches.next()
        let (inputs, targets) = (
            try batch.inputs.scalars(as: Int64.self), try batch.targets.scalars(as: Int64.self)
        )
        for row in 0..<32 {
            #expect(inputs[16 * row] == 16)
            #expect(Array(inputs[16 * row + 1..<16 * row + 16]) == Array(targets[16 * row..<16 * row + 15]))
        }
        #expect(targets.allSatisfy { (0..<16).contains($0) } && Set(targets).count > 1)
    }

    @Test func itLearnsAndDrawsImages() throws {
        let task = try Self.task()
        let session = try TrainingSession(task, try VectorQuantizedTests.adamw(), seed: 0)
        let before = try session.evaluate().validationLoss!
        for _ in 0..<25 { _ = try session.advance() }
        #expect(try session.evaluate().validationLoss! < before)
        let model = session.model
        model.setTraining(false)
        let (measures, exhibits, again) = try withoutGradients {
            (try task.measures(of: model), try task.exhibits(of: model), try task.exhibits(of: model))
        }
        #expect(measures.map(\.name) == ["Frechet distance of samples"] && measures[0].value > 0)
        #expect(exhibits == again)
        guard case .pictures(let grid) = exhibits[0] else {
            Issue.record("the exhibit shows pictures")
            return
        }
        #expect(grid.rows.map(\.count) == [12, 12, 12] && Set(grid.rows.flatMap { $0 }).count > 1)
        // Trials do not look at the held-out images.
        let trial = try task.tuningTask()
        #expect(try withoutGradients { try trial.measures(of: model) }.isEmpty)
        #expect(trial.dataFingerprint != task.dataFingerprint)
    }

    /// Dropout draws from the model's generator, which a checkpoint holds.
    @Test func resumesToTheBit() throws {
        let task = try Self.task()
        let folder = FileManager.default.temporaryDirectory.appending(path: "codes-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func session() throws -> TrainingSession<CodesTask> {
            try TrainingSession(task, try VectorQuantizedTests.adamw(), seed: 1)
        }
        let (whole, first, second) = (try session(), try session(), try session())
        for _ in 0..<6 { _ = try whole.advance() }
        for _ in 0..<3 { _ = try first.advance() }
        _ = try second.restore(from: try first.save(to: CheckpointStore(folder: folder)))
        for _ in 0..<3 { _ = try second.advance() }
        for (path, tensor) in whole.model.weights {
            #expect(try second.model.weights[path]!.scalars(as: Float.self) == tensor.scalars(as: Float.self))
        }
    }

    @Test(arguments: ["", "/nowhere"])
    func mistakesNameTheOption(_ from: String) {
        var options = CodesOptions()
        options.from = from
        let error = #expect(throws: (any Error).self) { try CodesTask(options) }
        #expect("\(error!)".contains(from.isEmpty ? "--from" : from))
    }
}
