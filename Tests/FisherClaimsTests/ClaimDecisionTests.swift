import FisherClaims
import FisherStudies
import Testing

@Suite struct ClaimDecisionTests {
    @Test(arguments: [
        (-0.03 ... -0.01, ClaimVerdict.holds), (-0.03...0.01, .undecided), (-0.01...0.03, .doesNotHold),
        (0.01...0.03, .doesNotHold), (-0.01 ... -0.005, .holds),
    ])
    func betterNeedsAnIntervalBelowZero(interval: ClosedRange<Double>, verdict: ClaimVerdict) {
        #expect(ClaimDecision.better(margin: 0.02).verdict(interval) == verdict)
    }

    @Test func namesAreDistinct() {
        let names = ClaimRegistry.claims.map(\.name)
        #expect(Set(names).count == names.count)
    }
}
