import Fisher
import FisherInformation
import Testing

@testable import FisherBenchmarks
@testable import FisherStudies
@testable import FisherTraining

/// Short utterances under connectionist temporal classification, whose information has no closed form and whose gradient
/// has no derivative.
struct UtteranceTask: TrainingTask {
    struct Batch: SliceableBatch {
        let frames: Tensor
        let labels: LabelSequences
        var unitCount: Int { labels.unitCount }
        func slice(_ range: Range<Int>) -> Batch {
            Batch(
                frames: frames.narrowed(0, from: range.lowerBound, length: range.count),
                labels: labels.slice(range))
        }
    }

    struct Batches: BatchStream {
        var position: UInt64
        mutating func next() throws -> Batch {
            position += 1
            let generator = try RandomGenerator(seed: position)
            return Batch(
                frames: Tensor.normal([8, 7, 4], using: generator),
                labels: LabelSequences((0..<8).map { k in (0...k % 2).map { 1 + (k + $0) % 3 } }))
        }
    }

    final class Network: Module {
        let first: Linear
        let second: Linear
        init(seed: UInt64) throws {
            let generator = try RandomGenerator(seed: seed)
            first = Linear(4, 5, using: generator)
            second = Linear(5, 4, using: generator)
        }
    }

    var summary: TaskSummary {
        TaskSummary(
            name: "utterances", description: "u", parameterCount: 49, lossUnit: "utterance", settings: [])
    }
    var examplesPerStep: Int { 8 }
    var dataFingerprint: String { "u" }
    var modelMetadata: [String: String] { [:] }
    func makeModel(seed: UInt64) throws -> Network { try Network(seed: seed) }
    func makeBatches(seed: UInt64) throws -> Batches { Batches(position: seed * 1000) }
    func objective(of model: Network, on batch: Batch) throws -> Objective {
        let logits = model.second(model.first(batch.frames).tanh())
        return try Objective(
            ConnectionistTemporal(logits: logits, frameCounts: (0..<batch.unitCount).map { 5 + $0 % 3 }),
            observing: batch.labels)
    }
    func validationLoss(of model: Network) throws -> Double {
        var batches = Batches(position: 7000)
        return try objective(of: model, on: try batches.next()).loss.item()
    }
}

/// Hierarchy, inspection and landscape of a likelihood of sequences.
@Suite struct UtteranceStudyTests {
    @Test func theHierarchyIsDrawn() throws {
        let task = UtteranceTask()
        var settings = HierarchySettings()
        (settings.dampings, settings.damping, settings.trainingSteps) = ([0.1, 1e5], 0.1, [5])
        settings = try HierarchyStudy.fitting(settings, to: task)
        #expect(settings.draws == 64 && settings.labels == "sampled" && settings.solver == "dense")
        let study = HierarchyStudy(task, settings)
        let names = ["sgd", "adam", "kfac", "ekfac", "gauss_newton", "natural_gradient"]
        let (levels, omitted) = try study.measurable(
            try names.map { try HierarchyCandidate($0, in: settings) })
        #expect(omitted.map(\.name) == ["gauss_newton"])
        #expect(omitted.first?.value.contains("a sequence of labels sums over alignments") == true)
        var points: [HierarchyPoint] = []
        try study.points(seed: 2, of: levels) { points.append($0) }
        // By level: at the ladder's damping, and at one beyond all eigenvalues, which leaves the gradient.
        let angles = points[0].measures.map(\.angle)
        #expect(angles.count == 10 && angles[8] < 1e-3 && angles[9] < 1e-3)
        for (name, level) in [("sgd", 0), ("kfac", 2), ("ekfac", 3)] {
            #expect(angles[2 * level] > 1 && angles[2 * level + 1] < 0.5, "\(name): \(angles)")
        }
        #expect(points[0].measures.allSatisfy { $0.decrease > 0 })
        let agreement = try #require(points[0].referenceAgreement)
        #expect(agreement > 0.9 && agreement < 1)
    }

    @Test func theInspectionIsDrawn() throws {
        let task = UtteranceTask()
        let model = try task.makeModel(seed: 1)
        var batches = try task.makeBatches(seed: 1)
        var inspector = try ModelInspector(of: model)
        for _ in 0..<2 {
            let batch = try batches.next()
            try inspector.add(task.objective(of: model, on: batch), units: batch.unitCount)
        }
        let found = try inspector.inspection()
        #expect(found.source == .sampled(ModelInspector.draws) && found.observationCount == 16)
        #expect(found.comparison.standardError ?? 0 > 0)
        var exact = try ModelInspector(of: model, samples: 0)
        let error = #expect(throws: CurvatureError.self) {
            let batch = try batches.next()
            try exact.add(task.objective(of: model, on: batch), units: batch.unitCount)
        }
        #expect(error?.description.contains("has no Fisher information in closed form") == true)
    }

    /// CTC's loss is differentiated twice; differences of gradients, where they are asked for, say the same.
    @Test func theCurvatureIsThatOfDifferences() throws {
        try ToyTask.withFolder { root in
            let task = UtteranceTask()
            let path = try LandscapeTests.weights(task, seed: 1, in: root)
            func survey(differences: Bool) throws -> LandscapeSurvey<UtteranceTask> {
                try LandscapeSurvey(
                    task,
                    LandscapeTests.settings {
                        ($0.eigenvalueCount, $0.lanczosSteps, $0.probes) = (2, 20, 5)
                        $0.usesDifferences = differences
                    })
            }
            let exact = try survey(differences: false)
            let derived = try exact.curvature(at: exact.point(of: path))
            let survey = try survey(differences: true)
            let point = try survey.point(of: path)
            let found = try survey.curvature(at: point)
            #expect(derived.method == .derivatives && found.method == .differences)
            #expect(found.eigenvalues[0] > 0 && found.residuals[0] < 0.05 * found.eigenvalues[0])
            #expect(abs(found.eigenvalues[0] / derived.eigenvalues[0] - 1) < 0.02)
            var study = LandscapeStudy(task: task.summary, environment: .example, settings: survey.settings)
            var run = try survey.run(at: point, label: "a", seed: 0, path: path, recordedLoss: nil)
            run.curvature = found
            study.runs = [run]
            #expect(study.warnings.contains { $0.contains("central differences of gradients") })
        }
    }
}
