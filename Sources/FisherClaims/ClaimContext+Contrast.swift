import FisherStudies

extension ClaimContext {
    /// Judges the difference of two arms by a rule: paired by seed, with Student's 95 % interval.
    ///
    /// The verdict is `.undecided` for fewer seeds than the claim needs, and where a tuned rate lies at the edge of its grid.
    ///
    /// - Parameters:
    ///   - arm: the arm of which the claim speaks.
    ///   - reference: what it is compared to.
    ///   - quantity: the quantity and its unit, for readers.
    ///   - values: the values by seed, of which lower ones are better; the final validation losses by default.
    ///   - decision: the rule.
    public func contrast(
        _ arm: TunedArm, to reference: TunedArm, quantity: String,
        _ values: (TunedArm) -> [UInt64: Double] = { $0.losses }, decidedBy decision: ClaimDecision
    ) -> ClaimContrast {
        let difference = PairedDifference(of: values(arm), to: values(reference))
        let pairs = difference?.pairs ?? []
        return ClaimContrast(
            arm.label, to: reference.label, quantity: quantity, seeds: pairs.map(\.seed),
            differences: pairs.map(\.difference), mean: difference?.mean ?? .nan,
            interval: difference?.interval,
            margin: decision.margin, verdict: decision.verdict(difference?.interval))
    }
}
