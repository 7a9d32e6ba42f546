import Fisher
import FisherStudies
import FisherTasks
import Testing

@testable import FisherClaims

/// The rules of claims on behavior, on made-up measurements: what is false gets the other verdict.
@Suite struct BehaviorDecisionTests {
    @Test(arguments: [
        ([1.0, 2.05, 1.98, 3.1], ClaimVerdict.holds),
        // A penalty of the wrong size leaves the power where it is.
        ([1.0, 1.02, 2, 2.01], .doesNotHold), ([1.0, 2, 2, 2.1], .doesNotHold),
        ([1.3, 2.4, 2, 3], .undecided), ([1, .nan, 2, 3], .undecided),
    ])
    func penaltiesAreJudgedByPowers(powers: [Double], verdict: ClaimVerdict) {
        #expect(TracePenalty.verdict(powers) == verdict)
    }

    @Test(arguments: [
        (0.95...1.05, 3.0...4.0, ClaimVerdict.holds), (0.95...1.05, 0.9...1.2, .undecided),
        (0.85...1.05, 3.0...4.0, .undecided), (1.2...1.4, 3.0...4.0, .doesNotHold),
    ])
    func efficiencyIsJudgedByIntervals(
        converged: ClosedRange<Double>, stopped: ClosedRange<Double>, verdict: ClaimVerdict
    ) {
        #expect(CramerRao.verdict(converged: converged, stopped: stopped) == verdict)
    }

    @Test(arguments: [(0.8, ClaimVerdict.holds), (0.2, .doesNotHold), (0.5, .undecided)])
    func dominanceIsJudgedByTheCentredShare(share: Double, verdict: ClaimVerdict) {
        let shares = (0..<5).map { seed in
            FactorShares(
                network: "made", phase: "end", seed: UInt64(seed),
                factors: [
                    FactorShares.Factor(
                        name: "a", size: 3, raw: 0.1, centred: share + 0.01 * Double(seed - 2),
                        dominantRows: 0, relativeRadius: 2)
                ])
        }
        #expect(FactorShares.finding(shares).verdict == verdict)
        #expect(FactorShares.finding(Array(shares.prefix(4))).verdict == .undecided)
    }

    @Test func oneNetworkWithoutDominanceDecidesAgainst() {
        func shares(_ network: String, _ share: Double) -> [FactorShares] {
            (0..<5).map { seed in
                FactorShares(
                    network: network, phase: "end", seed: UInt64(seed),
                    factors: [
                        FactorShares.Factor(
                            name: "a", size: 3, raw: share, centred: share + 0.001 * Double(seed),
                            dominantRows: 0, relativeRadius: 2)
                    ])
            }
        }
        #expect(FactorShares.finding(shares("a", 0.9) + shares("b", 0.9)).verdict == .holds)
        #expect(FactorShares.finding(shares("a", 0.9) + shares("b", 0.3)).verdict == .doesNotHold)
    }

    @Test(arguments: [
        (0.7, 0.9, ClaimVerdict.holds), (0.7, 0.3, .doesNotHold), (0.5, 0.5, .undecided),
    ])
    func captureIsJudgedInEveryNetwork(first: Double, second: Double, verdict: ClaimVerdict) {
        let found = [("a", first), ("b", second)].flatMap { network, share in
            (0..<5).map { seed in
                CapturedInformation(
                    network: network, phase: "end", seed: UInt64(seed),
                    product: [share + 0.01 * Double(seed - 2)], diagonal: [1])
            }
        }
        #expect(CapturedInformation.finding(found).verdict == verdict)
    }

    @Test func gridNamesTheWorstOfItsBestRowAndColumn() {
        let chosen = DampingGrid.chosen([[0.5, 0.3, .infinity], [0.4, 0.1, 0.2], [0.6, 0.7, 0.8]])
        #expect(chosen.best == (1, 1))
        #expect(chosen.worstRow == 2)
        #expect(chosen.worstColumn == 0)
    }

    @Test(arguments: [
        (1.0...1.1, 10, 20, ClaimVerdict.holds), (1.2...1.3, 10, 20, .undecided),
        (1.3...1.4, 10, 20, .doesNotHold), (1.0...1.1, 20, 20, .doesNotHold),
    ])
    func costIsJudgedByTimeAndState(ratio: ClosedRange<Double>, own: Int, other: Int, verdict: ClaimVerdict) {
        let network = AdaFisherCost.Network(name: "made", ratio: ratio, stateBytes: (own, other))
        #expect(AdaFisherCost.verdict([network]) == verdict)
    }

    /// A run at each of three rates and with a penalty; the middle rate is the tuning seed's best.
    private func earlyTrace(
        peaks: [Double], losses: [Double], penalized: Double, tuning: [Double] = [0.3, 0.1, 0.2]
    ) -> EarlyTrace {
        let rates = [0.1, 0.3, 0.9]
        func runs(_ seed: UInt64, _ losses: [Double], _ penalized: Double) -> [EarlyTrace.Run] {
            let shift = 0.001 * Double(seed % 5)
            func run(_ rate: Double, _ penalty: Double, _ peak: Double, _ loss: Double) -> EarlyTrace.Run {
                EarlyTrace.Run(
                    seed: seed, rate: rate, penalty: penalty, steps: 1, arrived: true, peak: peak + shift,
                    heldOutLoss: loss)
            }
            return rates.indices.map { run(rates[$0], 0, peaks[$0], losses[$0]) }
                + [run(rates[0], 0.1, peaks[0], penalized)]
        }
        return EarlyTrace(
            training: EarlyTrace.Training(rates: rates, most: 1, penalties: [0.1]),
            tuning: runs(EarlyTrace.tuningSeed, tuning, penalized),
            runs: (0..<5).map { runs(UInt64($0), losses, penalized) })
    }

    @Test func earlyTraceNeedsPeakLossAndControl() {
        #expect(
            earlyTrace(peaks: [9, 5, 4], losses: [0.3, 0.2, 0.2], penalized: 0.2).finding.verdict == .holds)
        // No difference in the held-out loss, none that the penalty makes, and a best rate at the edge.
        #expect(
            earlyTrace(peaks: [9, 5, 4], losses: [0.2, 0.2, 0.2], penalized: 0.1).finding.verdict
                == .doesNotHold)
        #expect(
            earlyTrace(peaks: [9, 5, 4], losses: [0.3, 0.2, 0.2], penalized: 0.4).finding.verdict
                == .doesNotHold)
        #expect(
            earlyTrace(peaks: [9, 5, 4], losses: [0.3, 0.2, 0.2], penalized: 0.2, tuning: [0.3, 0.2, 0.1])
                .finding.verdict == .undecided)
    }

    @Test func movementNeedsBothCorrelations() {
        func verdict(_ consolidated: Double, _ free: Double) -> ClaimVerdict {
            ConsolidatedMovement.finding(
                (0..<5).map { seed in
                    ConsolidatedMovement(
                        seed: UInt64(seed), consolidated: consolidated + 0.01 * Double(seed), free: free,
                        consolidatedTenths: Array(repeating: 1, count: 10),
                        freeTenths: Array(repeating: 2, count: 10))
                }
            ).verdict
        }
        #expect(verdict(-0.5, 0.3) == .holds)
        #expect(verdict(0.2, 0.5) == .doesNotHold)
        #expect(verdict(-0.2, -0.5) == .doesNotHold)
    }

    @Test func consolidationIsJudgedInside() throws {
        func study(_ strength: Double) -> PermutedDigitsStudy {
            func entry(_ method: ContinualMethod, _ accuracy: Double) -> ContinualEntry {
                ContinualEntry(
                    method: method.rawValue, explanation: "", strength: method.hasStrength ? strength : nil,
                    runs: (0..<5).map { seed in
                        ContinualRecord(
                            seed: UInt64(seed), status: .completed,
                            accuracies: [[accuracy + 0.001 * Double(seed) * accuracy]], seconds: 1)
                    })
            }
            return PermutedDigitsStudy(
                result: ContinualComparison(
                    task: TaskSummary(
                        name: "made", description: "", parameterCount: 1, lossUnit: "image", settings: []),
                    environment: .current(), entries: [entry(.none, 0.4), entry(.empirical, 0.7)]))
        }
        func verdict(_ strength: Double) -> ClaimVerdict {
            study(strength).contrast(.empirical, to: .none, decidedBy: .better(margin: 0.02))
                .verdict
        }
        #expect(verdict(10) == .holds)
        #expect(verdict(PermutedDigitsStudy.strengths[0]) == .undecided)
        #expect(
            study(10).contrast(.none, to: .empirical, decidedBy: .better(margin: 0.02)).verdict
                == .doesNotHold)
    }
}
