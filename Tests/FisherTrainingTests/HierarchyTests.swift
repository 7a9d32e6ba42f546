import Fisher
import Foundation
import Testing

@testable import FisherBenchmarks
@testable import FisherReports
@testable import FisherStudies
@testable import FisherTraining

/// The study of the ladder of optimizers.
@Suite struct HierarchyTests {
    static func levels(_ rules: [any OptimizationRule]) throws -> [HierarchyLevel] {
        var study = HierarchyStudy(ToyTask(dropping: 0))
        (study.trainingSteps, study.warmUpSteps, study.turns) = (5, 2, 1)
        return try study.levels(
            of: rules.map { OptimizerCandidate(label: type(of: $0).summary.name, rule: $0) })
    }

    /// The natural gradient's step makes no angle with itself.
    @Test func theTopLevelIsTheReference() throws {
        let found = try Self.levels([
            SGD(), AdamW(), try NaturalGradient(learningRate: 0.5) { $0.damping = 1e-3 },
            try NaturalGradient(learningRate: 1e6) { $0.damping = 1e6 },
        ])
        let angles = found.map(\.angle)
        #expect(angles[2] < 0.1 && angles[0] > 5 && angles[1] > 5)
        // With a damping beyond all eigenvalues it is the gradient.
        #expect(abs(angles[3] - angles[0]) < 0.1)
        for level in found {
            #expect(level.greatestDecrease >= 0)
            #expect(level.greatestDecrease >= level.decrease - 1e-6 || level.label == "natural_gradient")
            #expect(level.milliseconds > 0)
        }
        #expect(found[0].stateBytes == 0 && found[1].stateBytes > 0)
    }

    @Test func filesTellEveryLevel() throws {
        let result = HierarchyComparison(
            task: ToyTask().summary, environment: .example,
            levels: try Self.levels([SGD(), FAdam()]))
        #expect(result.csv().split(separator: "\n").count == 3)
        #expect(result.text().contains("fadam"))
        let again = try HierarchyComparison(json: result.json(), path: "x")
        #expect(again.levels.map(\.cosine) == result.levels.map(\.cosine))
        let page = result.report()
        #expect(page.contains("Accuracy against cost") && page.contains("sgd") && page.contains("fadam"))
    }
}
