import Fisher
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// Runs whose matrix products are in bfloat16.
@Suite struct RunPrecisionTests {
    private static func session(
        _ name: String, _ precision: ComputePrecision = .bfloat16
    ) throws -> TrainingSession<ToyTask> {
        try TrainingSession(
            ToyTask(normalizes: true), try ToyTask.candidate(name), seed: 3, precision: precision)
    }

    /// Every rule keeps weights and state in float32, and goes on to the same bits.
    @Test(arguments: RuleRegistry.rules.map { $0.summary.name })
    func restoredGoesOnExactly(_ name: String) throws {
        func run(to end: Int, _ session: TrainingSession<ToyTask>) throws -> [Double] {
            var losses: [Double] = []
            while session.progress.step < end { losses.append(try session.advance().loss) }
            return losses
        }
        func weights(_ session: TrainingSession<ToyTask>) throws -> [[Float]] {
            try session.model.parameters.map { try $0.parameter.wrappedValue.scalars(as: Float.self) }
        }
        try ToyTask.withFolder { root in
            let (whole, first, second) = (
                try Self.session(name), try Self.session(name), try Self.session(name)
            )
            let expected = try run(to: 8, whole)
            let begun = try run(to: 5, first)
            _ = try second.restore(from: try first.save(to: CheckpointStore(folder: root)))
            #expect(try begun + run(to: 8, second) == expected)
            #expect(try weights(second) == weights(whole))
            #expect(try second.evaluate().validationLoss == whole.evaluate().validationLoss)
            #expect(whole.optimizer.state.allSatisfy { $0.value.dtype != .bfloat16 })
            #expect(whole.model.parameters.allSatisfy { $0.parameter.wrappedValue.dtype == .float32 })
        }
    }

    /// Steps and evaluations are in bfloat16, and not only the first ones.
    @Test func stepsAndEvaluationsAreNarrow() throws {
        let (narrow, wide) = (try Self.session("sgd"), try Self.session("sgd", .float32))
        for _ in 0..<3 {
            let (a, b) = (try narrow.advance().loss, try wide.advance().loss)
            #expect(a != b && abs(a - b) < 0.02)
        }
        let (a, b) = (try narrow.evaluate().validationLoss, try wide.evaluate().validationLoss)
        #expect(a != b && abs((a ?? 0) - (b ?? 1)) < 0.02)
    }

    @Test func anotherPrecisionsCheckpointIsRefused() throws {
        try ToyTask.withFolder { root in
            let first = try Self.session("adam")
            _ = try first.advance()
            let saved = try first.save(to: CheckpointStore(folder: root))
            let error = #expect(throws: StorageError.self) {
                try Self.session("adam", .float32).restore(from: saved)
            }
            #expect(
                error?.reason.contains("is of another run: precision bfloat16, not float32") == true)
        }
    }

    @Test(arguments: ComputePrecision.allCases)
    func documentsTellThePrecision(_ precision: ComputePrecision) throws {
        try ToyTask.withFolder { root in
            var configuration = TrainingConfiguration()
            configuration.steps = 2
            configuration.precision = precision
            func run() throws -> DurableRun<ToyTask> {
                DurableRun(
                    ToyTask(), try ToyTask.candidate("newton"), in: RunDirectory(path: root),
                    training: configuration, environment: .example)
            }
            let precisions = try #require(try run()().precisions)
            #expect(
                precisions
                    == RunPrecisions(
                        products: precision == .float32
                            ? "float32" : "bfloat16, where second derivatives are taken float32",
                        evaluation: precision.rawValue, weights: "float32", losses: "float32",
                        rules: "float32", measures: "float32"))
            #expect(try RunDirectory(path: root).document().precisions == precisions)
            configuration.precision = precision == .float32 ? .bfloat16 : .float32
            let error = #expect(throws: StorageError.self) { try run()(resuming: true) }
            #expect(error?.reason.contains("is of another run") == true)
        }
    }
}
