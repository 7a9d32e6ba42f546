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
    func verdictsComeWithThePromisedProbability(promise: Promise) {
        var counts: [ClaimVerdict: Int] = [:]
        for (mean, half) in Self.simulated {
            let center = promise.effect + mean
            counts[promise.decision.verdict(center - half...center + half), default: 0] += 1
        }
        let count = Double(Self.simulated.count)
        // Three standard errors of the draws, and the three decimals of what is stated.
        func isNear(_ found: Double, _ stated: Double) -> Bool {
            abs(found - stated) < 3 * (stated * (1 - stated) / count).squareRoot() + 0.0015
        }
        let holds = Double(counts[.holds, default: 0]) / count
        let doesNotHold = Double(counts[.doesNotHold, default: 0]) / count
        #expect(isNear(holds, promise.holds), "holds \(holds)")
        #expect(isNear(doesNotHold, promise.doesNotHold), "does not hold \(doesNotHold)")
    }

    /// The means of 20,000 times five standard normal differences and the half widths of their intervals: those of
    /// `SampleSummary`, with the quantile found once.
    static let simulated: [(mean: Double, half: Double)] = {
        var generator = SplitMix64(seed: 15)
        func uniform() -> Double { Double(generator.next() >> 11) * 0x1p-53 }
        let scale = StudentT(degreesOfFreedom: 4).halfWidth(probability: 0.95) / 5.0.squareRoot()
        return (0..<20_000).map { _ in
            var (sum, squares) = (0.0, 0.0)
            for _ in 0..<5 {
                let x = (-2 * log(1 - uniform())).squareRoot() * cos(2 * .pi * uniform())
                sum += x
                squares += x * x
            }
            let mean = sum / 5
            return (mean, scale * ((squares - 5 * mean * mean) / 4).squareRoot())
        }
    }()

    /// The interval of the simulation is the one that verdicts are made of.
    @Test func verdictsUseStudentsInterval() throws {
        let summary = try #require(SampleSummary([0.3, -0.2, 0.1, 0.4, -0.1]))
        let half = 2.776_445_105_197_793 * (summary.standardError ?? .nan)
        for margin in [summary.mean + half - 1e-9, summary.mean + half + 1e-9] {
            let verdict = ClaimDecision.noWorse(margin: margin).verdict(on: summary)
            #expect(verdict == (margin > summary.mean + half ? .holds : .undecided))
        }
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
