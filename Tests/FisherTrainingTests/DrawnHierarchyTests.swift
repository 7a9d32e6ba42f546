import Fisher
import FisherInformation
import Foundation
import Testing

@testable import FisherBenchmarks
@testable import FisherReports
@testable import FisherStudies
@testable import FisherTraining

/// The ladder where the information of the reference is drawn instead of a closed form.
@Suite struct DrawnHierarchyTests {
    static let levels = ["sgd", "adam", "kfac", "natural_gradient"].map {
        ($0, [(name: String, value: String)]())
    }

    static func settings(draws: Int?, solver: String = "dense") -> HierarchySettings {
        HierarchyTests.settings {
            ($0.draws, $0.solver) = (draws, solver)
            ($0.damping, $0.dampings) = (1e-2, [1e-2])
            $0.labels = "sampled"
        }
    }

    /// On a likelihood that has both, the drawn angles are those of the closed form within what the halves of the draws
    /// leave open, for either solver; the natural gradient by the closed form is nearer the more is drawn.
    @Test(arguments: ["dense", "cg"]) func drawnAnglesAreThoseOfTheClosedForm(solver: String) throws {
        let exact = try HierarchyTests.points(Self.levels, Self.settings(draws: nil))[0]
        let closed = (
            "natural_gradient", [(name: "source", value: "exact"), (name: "tolerance", value: "1e-6")]
        )
        var apart: [Double] = []
        for draws in [4, 64] {
            let point = try HierarchyTests.points(
                Self.levels + [closed], Self.settings(draws: draws, solver: solver))[0]
            #expect(point.referenceResidual < 1e-3)
            let agreement = try #require(point.referenceAgreement)
            let halves = HierarchyMeasure.degrees(agreement)
            for (drawn, measure) in zip(point.measures, exact.measures) {
                let half = try #require(drawn.halfAngle)
                #expect(
                    abs(drawn.angle - measure.angle) < 1.5 * abs(half - drawn.angle) + 0.7 * halves,
                    "\(draws) draws, level \(drawn.level): \(drawn.angle) by draws, \(measure.angle)")
            }
            #expect(point.measures[3].angle < 1e-3)
            // Either half is off by more than all draws, and in its own direction.
            #expect(point.measures[4].angle < halves && point.measures[4].angle > halves / 5)
            apart.append(point.measures[4].angle)
            #expect(abs(point.measures[4].decrease / exact.measures[3].decrease - 1) < 0.25)
        }
        #expect(apart[1] < apart[0] / 2, "\(apart)")
    }

    /// Nothing but draws is used: a likelihood without a closed form gives the same numbers.
    @Test func aClosedFormIsNotUsed() throws {
        var hidden = ToyTask(dropping: 0)
        hidden.hidesClosedForm = true
        let settings = Self.settings(draws: 8)
        let found = try [ToyTask(dropping: 0), hidden].map {
            try HierarchyTests.points(Self.levels, settings, task: $0)[0]
        }
        // Sums of the loss differ by their order.
        for (one, other) in zip(found[0].measures, found[1].measures) {
            #expect(abs(one.cosine - other.cosine) < 1e-5 && abs(one.decrease - other.decrease) < 1e-5)
        }
    }

    /// The estimate from drawn labels is the divergence, within the error of 16 draws of 320 observations.
    @Test(arguments: [0.02, 0.3]) func theDrawnDivergenceIsTheDivergence(scale: Double) throws {
        let generator = try RandomGenerator(seed: 5)
        let logits = Tensor.normal([320, 3], dtype: .float64, using: generator)
        let moved = logits + Tensor.normal([320, 3], dtype: .float64, using: generator) * scale
        let targets = Tensor((0..<320).map { Int64($0 % 5 == 0 ? -100 : $0 % 3) }, shape: [320])
        let objectives = try [logits, moved].map {
            try Objective(Categorical(logits: $0), observing: targets)
        }
        let found = try [nil, 16].map {
            try MeasuredDivergence(before: [objectives[0]], draws: $0, seed: 1).sum(to: [objectives[1]])
        }
        // The standard error is about sqrt(2 / 4096) of it.
        #expect(abs(found[1] / found[0] - 1) < 0.07, "\(found)")
        #expect(
            try MeasuredDivergence(before: [objectives[0]], draws: 4, seed: 1).sum(to: [objectives[0]]) == 0)
    }

    @Test func theReferenceIsChosenByTheLikelihood() throws {
        var hidden = ToyTask(dropping: 0)
        hidden.hidesClosedForm = true
        func fitting(_ task: ToyTask, _ draws: Int?) throws -> HierarchySettings {
            var settings = HierarchySettings()
            settings.draws = draws
            return try HierarchyStudy<ToyTask>.fitting(settings, to: task)
        }
        let chosen = try fitting(hidden, nil)
        #expect(chosen.draws == 64 && chosen.labels == "sampled" && chosen.solver == "dense")
        #expect(try fitting(ToyTask(), nil).draws == nil && fitting(ToyTask(), 0).draws == nil)
        #expect(try fitting(ToyTask(), 6).draws == 6)
        let error = #expect(throws: CurvatureError.self) { try fitting(hidden, 0) }
        #expect(error?.description.contains("DrawnOnly has no Fisher information in closed form") == true)
    }

    /// Rules that need the closed form are named with the reason, in the text and on the page.
    @Test func whatNeedsTheClosedFormIsLeftOut() throws {
        var task = ToyTask(dropping: 0)
        task.hidesClosedForm = true
        let settings = try HierarchyStudy.fitting(Self.settings(draws: 4), to: task)
        let study = HierarchyStudy(task, settings)
        let names = ["sgd", "kfac", "ief", "mfac", "natural_gradient", "gauss_newton"]
        let (levels, omitted) = try study.measurable(
            try names.map { try HierarchyCandidate($0, in: settings) })
        #expect(omitted.map(\.name) == ["ief", "gauss_newton"])
        #expect(levels.map(\.label) == ["sgd", "kfac", "mfac", "natural_gradient"])
        var result = HierarchyComparison(
            task: task.summary, environment: .example, settings: settings, levels: levels.map(\.level),
            omitted: omitted)
        try study.points(seed: 1, of: levels) { result.points.append($0) }
        #expect(result.points[0].measures.allSatisfy { $0.halfCosine != nil })
        let again = try HierarchyComparison(json: result.json(), path: "x")
        #expect(again == result)
        for text in [again.text(), again.report()] {
            let text = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            for word in [
                "gauss_newton", "the likelihood does not expose its outputs", "4 draws a unit",
                "half the draws",
            ] {
                #expect(text.contains(word), "\(word)")
            }
        }
    }
}
