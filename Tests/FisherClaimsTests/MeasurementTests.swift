import FisherStudies
import FisherTraining
import Foundation
import Testing

@testable import FisherClaims

/// The rule by which measured numbers decide, and the claims that it decides within a second.
@Suite struct MeasurementTests {
    @Test(arguments: [
        (Criterion.atMost(1), 0.5...0.9, ClaimVerdict.holds), (.atMost(1), 0.9...1.1, .undecided),
        (.atMost(1), 1.1...1.2, .doesNotHold), (.atLeast(1), 1.1...1.2, .holds),
        (.atLeast(1), 0.9...1.1, .undecided), (.atLeast(1), 0.5...0.9, .doesNotHold),
        (.within(1...2), 1.2...1.8, .holds), (.within(1...2), 0.5...1.5, .undecided),
        (.within(1...2), 0.5...2.5, .undecided), (.within(1...2), 2.1...2.5, .doesNotHold),
    ])
    func anIntervalDecides(_ criterion: Criterion, _ interval: ClosedRange<Double>, _ verdict: ClaimVerdict) {
        #expect(criterion.verdict(interval) == verdict)
    }

    @Test func aNumberDecidesByItself() {
        #expect(MeasuredQuantity("x", 0.5, .atMost(1)).verdict == .holds)
        #expect(MeasuredQuantity("x", 1.5, .atMost(1)).verdict == .doesNotHold)
        #expect(MeasuredQuantity("x", .nan, .atMost(1)).verdict == .undecided)
        #expect(MeasuredQuantity("x", .infinity, .atMost(1)).verdict == .doesNotHold)
        #expect(MeasuredQuantity("x", 0.5).verdict == nil)
        // The interval of a fit counts, not its middle.
        #expect(MeasuredQuantity("x", 0.9, interval: 0.5...1.3, .atMost(1)).verdict == .undecided)
        #expect(MeasuredQuantity("x", PowerLaw([]), .atMost(1)).verdict == .undecided)
    }

    /// Student's interval of five numbers 0.1, ..., 0.5: 0.3 -+ 2.776 sqrt(0.025 / 5).
    @Test func seedsDecideByTheirInterval() throws {
        let values = [0.1, 0.2, 0.3, 0.4, 0.5]
        let found = MeasuredQuantity("x", over: values, .atMost(0.5))
        let interval = try #require(found.interval)
        #expect(abs(interval.lowerBound - 0.1037) < 1e-4 && abs(interval.upperBound - 0.4963) < 1e-4)
        #expect(found.verdict == .holds)
        #expect(MeasuredQuantity("x", over: values, .atMost(0.4)).verdict == .undecided)
        #expect(MeasuredQuantity("x", over: values, .atMost(0.05)).verdict == .doesNotHold)
        // Fewer than five seeds decide nothing, however clear they are.
        #expect(MeasuredQuantity("x", over: [0.1, 0.1, 0.11, 0.1], .atMost(0.5)).verdict == .undecided)
        #expect(MeasuredQuantity("x", over: [0.1, 0.2, .nan, 0.4, 0.5], .atMost(9)).verdict == .undecided)
        let ratios = MeasuredQuantity("x", over: [1, 2, 4, 8, 16], isRatio: true)
        #expect(abs(ratios.value - 4) < 1e-12)
        #expect(try #require(ratios.interval).lowerBound > 0)
    }

    /// 0.3 -+ 0.196 at 95 %, 0.3 -+ 0.326 at 99 %: one of five parts refutes a limit of 0.05 no more.
    @Test func severalPartsRefuteByAWiderInterval() {
        let found = MeasuredQuantity("x", over: [0.1, 0.2, 0.3, 0.4, 0.5], .atMost(0.05))
        #expect(found.verdict(amongParts: 1) == .doesNotHold)
        #expect(found.verdict(amongParts: 5) == .undecided)
        let ratio = MeasuredQuantity("x", over: [1, 2, 4, 8, 16], isRatio: true, .atMost(0.99))
        #expect(ratio.verdict(amongParts: 5) == .undecided)
        // What holds does so by its own 95 %, whatever the number of parts; a number has no interval.
        let good = MeasuredQuantity("x", over: [0.1, 0.2, 0.3, 0.4, 0.5], .atMost(0.5))
        #expect(good.verdict(amongParts: 50) == .holds)
        #expect(MeasuredQuantity("x", 2, .atMost(1)).verdict(amongParts: 50) == .doesNotHold)
    }

    @Test func everyPartMustHold() {
        func verdict(_ parts: [MeasuredQuantity]) -> ClaimVerdict {
            ClaimFinding(deciding: parts, "").verdict
        }
        let (good, bad, open) = (
            MeasuredQuantity("a", 0, .atMost(1)), MeasuredQuantity("b", 2, .atMost(1)),
            MeasuredQuantity("c", .nan, .atMost(1))
        )
        #expect(verdict([good, good, MeasuredQuantity("shown", 7)]) == .holds)
        #expect(verdict([good, bad, open]) == .doesNotHold)
        #expect(verdict([good, open]) == .undecided)
        #expect(verdict([MeasuredQuantity("shown", 7)]) == .undecided)
    }

    /// The verdicts of claims that take no more than a second.
    @Test(arguments: [
        ("zero-gradient", ClaimVerdict.doesNotHold), ("initial-metric", .holds), ("kl", .holds),
        ("score-mean", .holds), ("fisher-is-expected-hessian", .holds), ("additivity", .holds),
        ("early-curvature", .doesNotHold),
    ])
    func quickClaims(_ name: String, _ verdict: ClaimVerdict) throws {
        let finding = try Self.finding(name)
        #expect(finding.verdict == verdict, "\(finding.answer)")
        #expect(!finding.answer.contains("NaN"))
    }

    static func finding(_ name: String) throws -> ClaimFinding {
        let claim = try #require(ClaimRegistry.claim(named: name))
        return try claim.decide(
            ClaimContext(
                .short, evidence: claim.evidence, runs: RunLibrary(path: "/nonexistent/runs"),
                folder: "/nonexistent",
                progress: ProgressDisplay(
                    output: ProgressOutput(
                        isTerminal: false, usesColor: false, width: { 80 }, write: { _ in }))))
    }

    /// With a gradient the printed lines are the sign, to epsilon; the claim's case is the zero one.
    @Test func printedLinesAreSignsOfAGradient() {
        let g: [Float] = [1, -2, 3, -4]
        #expect(zip(ZeroGradient.printedFAdam(g), g).allSatisfy { abs($0 - ($1 > 0 ? 1 : -1)) < 1e-6 })
        for rows in [ZeroGradient.printedFAdafactor([g]), ZeroGradient.printedAdafactor([g])] {
            #expect(zip(rows[0], g).allSatisfy { abs($0 - ($1 > 0 ? 1 : -1)) < 1e-6 })
        }
        #expect(ZeroGradient.printedFAdam([0, 0]).allSatisfy { $0.isNaN })
    }

    @Test func kendallsTauCountsPairs() {
        #expect(SquareRoot.kendall([1, 2, 3], [10, 20, 30]) == 1)
        #expect(SquareRoot.kendall([1, 2, 3], [3, 2, 1]) == -1)
        #expect(abs(SquareRoot.kendall([1, 2, 3], [1, 3, 2]) - 1.0 / 3) < 1e-12)
    }

    /// For N = 100 and a gap of 1: (1 + (40 R^2 + 10 R) (ln(1 + 100 R / 1e-8) + 100/99)) / 10 with R = 2 + 1e-4.
    @Test func theBoundIsTheTextsFormula() {
        let r = 2 + 1e-4
        let second = (40 * r * r + 10 * r) * (log(1 + r * 100 / 1e-8) + 100.0 / 99) / 10
        #expect(abs(ConvergenceBound.printedBound(100, gap: 1) - (0.1 + second)) < 1e-9)
        #expect(ConvergenceBound.provedBound(100, gap: 1) > ConvergenceBound.printedBound(100, gap: 1))
    }

    /// All of these claims in their short form, minutes, where FISHER_CLAIMS is `all` or names them.
    @Test(.enabled(if: !chosen.isEmpty), arguments: chosen)
    func decides(_ name: String) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let finding = try Self.finding(name)
        print("\(name): \(finding.verdict.rawValue) (\(clock.now - start))\n\(finding.answer)")
        #expect(!finding.answer.contains("NaN"))
    }

    static let chosen: [String] = {
        let words =
            ProcessInfo.processInfo.environment["FISHER_CLAIMS"]?.split(separator: ",").map(String.init) ?? []
        return Claim.measurements.map(\.name).filter { words.contains($0) || words == ["all"] }
    }()
}
