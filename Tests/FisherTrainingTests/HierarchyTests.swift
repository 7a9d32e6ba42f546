import Fisher
import Foundation
import Testing

@testable import FisherTraining

/// The study of the ladder of optimizers.
@Suite struct HierarchyTests {
    static func rungs(_ rules: [any OptimizationRule]) throws -> [HierarchyLevel] {
        var study = HierarchyStudy(ToyTask(dropping: 0))
        (study.trainingSteps, study.warmUpSteps, study.turns) = (5, 2, 1)
        return try study.rungs(
            of: rules.map { OptimizerCandidate(label: type(of: $0).summary.name, rule: $0) })
    }

    /// The natural gradient's step makes no angle with itself.
    @Test func theTopRungIsTheReference() throws {
        let found = try Self.rungs([
            SGD(), AdamW(), try NaturalGradient(learningRate: 0.5, damping: 1e-3),
            try NaturalGradient(learningRate: 1e6, damping: 1e6),
        ])
        let angles = found.map(\.angle)
        #expect(angles[2] < 0.1 && angles[0] > 5 && angles[1] > 5)
        // With a damping beyond all eigenvalues it is the gradient.
        #expect(abs(angles[3] - angles[0]) < 0.1)
        for rung in found {
            #expect(rung.greatestDecrease >= 0)
            #expect(rung.greatestDecrease >= rung.decrease - 1e-6 || rung.label == "natural_gradient")
            #expect(rung.milliseconds > 0)
        }
        #expect(found[0].stateBytes == 0 && found[1].stateBytes > 0)
    }

    @Test func filesTellEveryRung() throws {
        let result = HierarchyComparison(
            task: ToyTask().summary, environment: .example,
            rungs: try Self.rungs([SGD(), FAdam()]))
        #expect(result.csv().split(separator: "\n").count == 3)
        #expect(result.text().contains("fadam"))
        let again = try JSONDecoder().decode(HierarchyComparison.self, from: try result.json())
        #expect(again.rungs.map(\.cosine) == result.rungs.map(\.cosine))
        let page = result.report()
        #expect(page.contains("Accuracy against cost") && page.contains("sgd") && page.contains("fadam"))
    }
}
