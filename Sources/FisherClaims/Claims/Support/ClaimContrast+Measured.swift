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
    ///   - note: further words for readers.
    init(
        measured label: String, to reference: String, quantity: String, values: [UInt64: Double],
        references: [UInt64: Double], seeds: Int = 5, isInterior: Bool = true,
        decidedBy decision: ClaimDecision,
        note: String = ""
    ) {
        let difference = PairedDifference(of: values, to: references)
        let pairs = difference?.pairs ?? []
        let isEnough = pairs.count >= seeds && isInterior
        self.init(
            label, to: reference, quantity: quantity, seeds: pairs.map(\.seed),
            differences: pairs.map(\.difference), mean: difference?.mean ?? .nan,
            interval: difference?.interval, margin: decision.margin,
            verdict: isEnough ? decision.verdict(difference?.interval) : .undecided, note: note)
    }

    /// `label − reference: −0.031 [−0.040, −0.022]`, for an answer.
    func sentence(decimals: Int) -> String {
        let text = NumberText.plain
        let interval = lower.flatMap { low in upper.map { low...max(low, $0) } }
        return "\(label) less \(reference): \(text.signed(mean, decimals: decimals))"
            + (interval.map { " " + text.interval($0, decimals: decimals) } ?? "")
    }
}
