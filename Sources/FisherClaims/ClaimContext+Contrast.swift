import FisherStudies

extension ClaimContext {
    /// Judges the difference of two arms by a rule: paired by seed, with Student's 95 % interval.
    ///
    /// The verdict is `.undecided` for fewer seeds than the claim needs, and where a tuned rate lies at the edge of its grid;
    /// runs that diverged are judged as ``/FisherStudies/ClaimDecision`` says. The note names the rates and the reason.
    ///
    /// - Parameters:
    ///   - arm: the arm of which the claim speaks.
    ///   - reference: what it is compared to.
    ///   - quantity: the quantity and its unit, for readers.
    ///   - values: the values by seed, of which lower ones are better; the final validation losses by default.
    ///   - decision: the rule.
    ///   - parts: the number of parts of the claim, each of which alone refutes it.
    public func contrast(
        _ arm: TunedArm, to reference: TunedArm, quantity: String,
        _ values: (TunedArm) -> [UInt64: Double] = { $0.losses }, decidedBy decision: ClaimDecision,
        of parts: Int = 1
    ) -> ClaimContrast {
        let difference = PairedDifference(of: values(arm), to: values(reference))
        let pairs = difference?.pairs ?? []
        let (armDiverged, referenceDiverged) = (arm.divergedSeeds.count, reference.divergedSeeds.count)
        var notes = ["rates \(arm.rateText) and \(reference.rateText)"]
        var verdict = decision.verdict(on: difference?.summary, of: parts)
        for (arm, count) in [(arm, armDiverged), (reference, referenceDiverged)] where count > 0 {
            notes.append("\(arm.label) diverged in \(count) of \(arm.runs.count) runs")
        }
        if let decided = decision.verdict(diverged: armDiverged, reference: referenceDiverged) {
            verdict = decided
        }
        if let needed = evidence.seeds, min(arm.runs.count, reference.runs.count) < needed {
            notes.append("fewer than the \(needed) seeds that a verdict needs")
            verdict = .undecided
        }
        for arm in [arm, reference] where arm.isTuned && !arm.isInterior {
            notes.append("the best rate of \(arm.label) lies at the edge of its grid")
            verdict = .undecided
        }
        return ClaimContrast(
            arm.label, to: reference.label, quantity: quantity, seeds: pairs.map(\.seed),
            differences: pairs.map(\.difference), mean: difference?.mean ?? .nan,
            interval: difference?.interval, margin: decision.margin, verdict: verdict,
            note: notes.joined(separator: "; "))
    }
}

extension TunedArm {
    /// The rate, and how it came to be.
    fileprivate var rateText: String { NumberText.significant(rate) + (isTuned ? "" : " (given)") }
}

extension ClaimEvidence {
    /// The least number of seeds; nil for what has none.
    public var seeds: Int? {
        switch self {
        case .exact: nil
        case .seeds(let least): least
        }
    }
}
