import FisherClaims
import Foundation
import Testing
import Torch

@testable import FisherStudies

@Suite struct ClaimDecisionTests {
    @Test(arguments: [
        (-0.03 ... -0.01, ClaimVerdict.holds), (-0.03...0.01, .undecided), (-0.01...0.03, .doesNotHold),
        (0.01...0.03, .doesNotHold), (-0.01 ... -0.005, .holds), (0...0, .doesNotHold),
    ])
    func betterNeedsAnIntervalBelowZero(interval: ClosedRange<Double>, verdict: ClaimVerdict) {
        #expect(ClaimDecision.better(margin: 0.02).verdict(interval) == verdict)
    }

    @Test(arguments: [
        (0.0...0.01, ClaimVerdict.holds), (0.01...0.03, .undecided), (0.021...0.03, .doesNotHold),
        (-1...0.019, .holds),
    ])
    func noWorseNeedsAnIntervalBelowTheMargin(interval: ClosedRange<Double>, verdict: ClaimVerdict) {
        #expect(ClaimDecision.noWorse(margin: 0.02).verdict(interval) == verdict)
    }

    @Test(arguments: [
        (-0.01...0.01, ClaimVerdict.holds), (-0.03...0.01, .undecided), (0.03...0.04, .doesNotHold),
        (-0.04 ... -0.03, .doesNotHold),
    ])
    func equalNeedsAnIntervalWithinTheMargin(interval: ClosedRange<Double>, verdict: ClaimVerdict) {
        #expect(ClaimDecision.equal(margin: 0.02).verdict(interval) == verdict)
    }

    @Test func withoutAnIntervalNothingIsDecided() {
        for decision in [ClaimDecision.better(margin: 1), .noWorse(margin: 1), .equal(margin: 1)] {
            #expect(decision.verdict(nil) == .undecided)
            #expect(decision.verdict(on: nil) == .undecided)
            // Two seeds have no interval.
            #expect(decision.verdict(on: SampleSummary([-5, -5.1])) == .undecided)
        }
    }

    /// One of several parts refutes a claim: its interval is the wider for it, while each part holds at its own.
    @Test func refutationsOfPartsAreHarder() throws {
        let worse = try #require(SampleSummary([0.0, 0.01, 0.02, 0.03, 0.04]))
        let margin = 0.003
        #expect(ClaimDecision.noWorse(margin: -margin).verdict(on: worse) == .doesNotHold)
        #expect(ClaimDecision.noWorse(margin: -margin).verdict(on: worse, of: 10) == .undecided)
        let better = try #require(SampleSummary([0.0, -0.01, -0.02, -0.03, -0.04]))
        #expect(ClaimDecision.better(margin: 0.1).verdict(on: better, of: 10) == .holds)
    }

    @Test(arguments: [
        (0, 0, ClaimVerdict?.none, ClaimVerdict?.none), (1, 0, .undecided, .undecided),
        (2, 0, .undecided, .undecided), (3, 0, .doesNotHold, .doesNotHold),
        (3, 1, .undecided, .undecided), (0, 3, .holds, .doesNotHold), (1, 3, .undecided, .undecided),
        (5, 5, .undecided, .undecided),
    ])
    func divergedRunsAreWorseThanAnyLoss(
        arm: Int, reference: Int, verdict: ClaimVerdict?, equal: ClaimVerdict?
    ) {
        #expect(ClaimDecision.better(margin: 0.1).verdict(diverged: arm, reference: reference) == verdict)
        #expect(ClaimDecision.noWorse(margin: 0.1).verdict(diverged: arm, reference: reference) == verdict)
        #expect(ClaimDecision.equal(margin: 0.1).verdict(diverged: arm, reference: reference) == equal)
    }

    /// For two arms that diverge with equal probability p in each of n independent runs, the probability that one diverges
    /// three times or more and the other never, at the worst p.
    @Test(arguments: [(5, 0.028), (10, 0.038), (20, 0.0415), (1000, 0.045)])
    func equalArmsAreSeldomToldApartByDivergences(count: Int, limit: Double) {
        let worst =
            stride(from: 0.001, to: 1, by: 0.001).map { p -> Double in
                var (term, below) = (pow(1 - p, Double(count)), 0.0)
                for k in 0..<ClaimDecision.decisiveDivergences {
                    below += term
                    term *= Double(count - k) / Double(k + 1) * p / (1 - p)
                }
                return (1 - below) * pow(1 - p, Double(count))
            }.max() ?? 1
        #expect(worst < limit && worst > 0.9 * limit, "\(worst)")
    }

    /// The probabilities that the article on verdicts states, from 20,000 simulated claims each with five seeds. Effects and
    /// margins are in units of the spread of a difference.
    @Test(arguments: Self.promised)
    func verdictsComeWithThePromisedProbability(promise: Promise) throws {
        var generator = SplitMix64(seed: 15)
        func uniform() -> Double { Double(generator.next() >> 11) * 0x1p-53 }
        func normal() -> Double {
            let radius = (-2 * log(1 - uniform())).squareRoot()
            return radius * cos(2 * .pi * uniform())
        }
        var counts: [ClaimVerdict: Int] = [:]
        let count = 20_000
        // The quantile is found by bisection: once, not for every claim.
        let quantile = StudentT(degreesOfFreedom: 4).halfWidth(probability: 0.95)
        for number in 0..<count {
            let summary = try #require(SampleSummary((0..<5).map { _ in promise.effect + normal() }))
            let half = quantile * (summary.standardError ?? .nan)
            let verdict = promise.decision.verdict(summary.mean - half...summary.mean + half)
            if number < 20 { #expect(promise.decision.verdict(on: summary) == verdict) }
            counts[verdict, default: 0] += 1
        }
        func share(_ verdict: ClaimVerdict) -> Double { Double(counts[verdict, default: 0]) / Double(count) }
        // Three standard errors of 20,000 draws.
        func isNear(_ found: Double, _ stated: Double) -> Bool {
            abs(found - stated) < 3 * (stated * (1 - stated) / Double(count)).squareRoot() + 0.0051
        }
        #expect(isNear(share(.holds), promise.holds), "holds \(share(.holds))")
        #expect(isNear(share(.doesNotHold), promise.doesNotHold), "does not hold \(share(.doesNotHold))")
    }

    struct Promise: Sendable {
        let decision: ClaimDecision
        let effect, holds, doesNotHold: Double
    }

    static let promised: [Promise] = [
        Promise(decision: .better(margin: 1), effect: 1, holds: 0, doesNotHold: 0.909),
        Promise(decision: .better(margin: 1), effect: 0, holds: 0.025, doesNotHold: 0.398),
        Promise(decision: .better(margin: 1), effect: -0.5, holds: 0.139, doesNotHold: 0.13),
        Promise(decision: .better(margin: 1), effect: -1, holds: 0.401, doesNotHold: 0.021),
        Promise(decision: .better(margin: 1), effect: -2, holds: 0.909, doesNotHold: 0),
        Promise(decision: .better(margin: 2), effect: 0, holds: 0.025, doesNotHold: 0.887),
        Promise(decision: .better(margin: 2), effect: -1, holds: 0.401, doesNotHold: 0.253),
        Promise(decision: .better(margin: 2), effect: -2, holds: 0.909, doesNotHold: 0.003),
        Promise(decision: .noWorse(margin: 1), effect: 0, holds: 0.401, doesNotHold: 0),
        Promise(decision: .noWorse(margin: 1), effect: 1, holds: 0.025, doesNotHold: 0.025),
        Promise(decision: .noWorse(margin: 1), effect: 2, holds: 0, doesNotHold: 0.401),
        Promise(decision: .noWorse(margin: 1), effect: -1, holds: 0.909, doesNotHold: 0),
        Promise(decision: .equal(margin: 2), effect: 0, holds: 0.829, doesNotHold: 0),
        Promise(decision: .equal(margin: 2), effect: 1, holds: 0.401, doesNotHold: 0),
        Promise(decision: .equal(margin: 2), effect: 2, holds: 0.025, doesNotHold: 0.025),
        Promise(decision: .equal(margin: 2), effect: 4, holds: 0, doesNotHold: 0.909),
    ]

    @Test func namesAreDistinct() {
        let names = (ClaimRegistry.claims + ClaimRegistry.planted).map(\.name)
        #expect(Set(names).count == names.count)
    }
}
