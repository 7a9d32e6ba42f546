import Fisher
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// `log.information`: what a run says of its information without being changed by it.
@Suite struct InformationLogTests {
    private static func run(
        _ root: String, _ task: ToyTask, every: Int, tensorBoard: Bool = false
    ) -> DurableRun<ToyTask> {
        var training = TrainingConfiguration()
        (training.steps, training.evaluateEvery, training.checkpointEvery) = (20, 5, 3)
        (training.information, training.tensorBoard) = (every, tensorBoard)
        var rule = FAdam()
        rule.learningRate = 0.02
        return DurableRun(
            task, OptimizerCandidate(label: "fadam", rule: rule), in: RunDirectory(path: root),
            training: training, toml: "[training]\nsteps = 20\n", values: ["training.steps": "20"],
            environment: .example)
    }

    private static func weights(_ root: String) throws -> [String: [Float]] {
        let newest = try #require(try RunDirectory(path: root).checkpoints.newest()).checkpoint
        return try SafetensorsFile(path: newest.modelFile).allTensors().mapValues { try $0.scalars() }
    }

    private static func moments(_ root: String) throws -> [InformationMoment] {
        try MetricsLog.lines(of: root + "/metrics.jsonl").compactMap(InformationMoment.init)
    }

    /// With dropout, running averages and drawn labels: the same weights, bit for bit, with looks and without.
    @Test(arguments: [1, 4])
    func looksChangeNothing(_ every: Int) throws {
        try ToyTask.withFolder { root in
            let task = ToyTask(normalizes: true)
            try Self.run(root + "/without", task, every: 0)()
            let document = try Self.run(root + "/with", task, every: every, tensorBoard: true)()
            let (with, without) = (try Self.weights(root + "/with"), try Self.weights(root + "/without"))
            #expect(with == without && !with.isEmpty)
            func losses(_ name: String) throws -> [Double] {
                try MetricsLog.lines(of: root + "/\(name)/metrics.jsonl").compactMap { $0["loss"] }
            }
            #expect(try losses("with") == losses("without") && losses("with").count == 20)
            let found = try Self.moments(root + "/with")
            #expect(found.map(\.step) == Array(stride(from: 0, through: 20, by: every)))
            #expect(found.allSatisfy { $0.trace > 0 && $0.topEigenvalue > 0 && $0.effectiveRank >= 1 })
            #expect(Set(found[0].traces.keys) == ["first", "norm", "second"])
            #expect(document.record.information == found)
            #expect(try RunDirectory(path: root + "/with").document().record.information == found)
            #expect(try Self.moments(root + "/without").isEmpty)
            let folder = root + "/with/events"
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            let events = try Data(contentsOf: URL(filePath: folder + "/" + (try #require(names.first))))
            for tag in [
                "information/trace", "information/top_eigenvalue", "information/effective_rank",
                "information/trace/first", "log10_fisher/second.weight",
            ] { #expect(events.range(of: Data(tag.utf8)) != nil, "\(tag)") }
        }
    }

    /// A run that crashed after any step and was resumed has each look once, with the numbers of the whole run.
    @Test(arguments: [1, 4, 5, 8, 14])
    func looksAreResumed(_ step: Int) throws {
        struct Crash: Error {}
        try ToyTask.withFolder { root in
            try Self.run(root + "/whole", ToyTask(), every: 4)()
            #expect(throws: Crash.self) {
                try Self.run(root + "/cut", ToyTask(), every: 4)(
                    callbacks: .init(afterStep: { session, _ in
                        if session.progress.step == step { throw Crash() }
                    }))
            }
            let document = try Self.run(root + "/cut", ToyTask(), every: 4)(resuming: true)
            #expect(try Self.moments(root + "/cut") == Self.moments(root + "/whole"))
            #expect(document.record.information?.map(\.step) == [0, 4, 8, 12, 16, 20])
        }
    }
}
