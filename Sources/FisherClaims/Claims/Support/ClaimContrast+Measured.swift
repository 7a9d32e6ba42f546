import FisherStudies

extension ClaimContrast {
    /// The difference of two quantities that were measured with the same seeds, of which lower values are better.
    ///
    /// - Parameters:
    ///   - label: what the claim speaks of.
    ///   - reference: what it is compared to.
    ///   - quantity: the quantity and its unit.
    ///   - values: by seed.
    ///   - references: by seed.
    ///   - seeds: the seeds that a verdict needs.
    ///   - isInterior: whether what was tuned lies inside its grid; without that there is no verdict.
    ///   - decision: the rule.
    ///   - parts: the number of parts of the claim, each of which alone refutes it.
    ///   - note: further words for readers.
    init(
        measured label: String, to reference: String, quantity: String, values: [UInt64: Double],
        references: [UInt64: Double], seeds: Int = 5, isInterior: Bool = true,
        decidedBy decision: ClaimDecision,
        of parts: Int = 1, note: String = ""
    ) {
        let difference = PairedDifference(of: values, to: references)
        let pairs = difference?.pairs ?? []
        let isEnough = pairs.count >= seeds && isInterior
        self.init(
            label, to: reference, quantity: quantity, seeds: pairs.map(\.seed),
            differences: pairs.map(\.difference), mean: difference?.mean ?? .nan,
            interval: difference?.interval, margin: decision.margin,
            verdict: isEnough ? decision.verdict(on: difference?.summary, of: parts) : .undecided, note: note)
    }
}
