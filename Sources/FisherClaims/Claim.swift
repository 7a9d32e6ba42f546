import FisherStudies

/// A checkable statement of the sources, with the rule that decides it.
public struct Claim: Sendable {
    /// The name on the command line, such as `warm-up`.
    public let name: String
    /// What the source says, quoted or in its own words.
    public let sentence: String
    /// Where it stands.
    public let source: ClaimSource
    /// What is measured, and which outcome gives which verdict: stated before anything is run.
    public let rule: String
    /// What a verdict needs.
    public let evidence: ClaimEvidence
    /// The processor seconds of each form on one core of an ordinary server, with nothing kept from earlier; runs that are
    /// shared with other claims are counted.
    public let cost: ClaimCost
    /// Makes what is missing and decides.
    public let decide: @Sendable (ClaimContext) throws -> ClaimFinding

    /// Declares a claim.
    public init(
        _ name: String, says sentence: String, in source: ClaimSource, decidedBy rule: String,
        evidence: ClaimEvidence, cost: ClaimCost,
        decide: @escaping @Sendable (ClaimContext) throws -> ClaimFinding
    ) {
        self.name = name
        self.sentence = sentence
        self.source = source
        self.rule = rule
        self.evidence = evidence
        self.cost = cost
        self.decide = decide
    }
}

/// What a verdict on a claim needs.
public enum ClaimEvidence: Sendable, Hashable {
    /// Arithmetic or a measurement without chance: no seeds.
    case exact
    /// At least so many seeds, and tuned rates that lie inside their grids.
    case seeds(atLeast: Int)
}

/// The processor seconds of a claim's forms.
public struct ClaimCost: Sendable, Hashable {
    /// Of the short form, on one core.
    public let short: Double
    /// Of the full form, on one core.
    public let full: Double

    /// States the costs; the full form is the short one unless it is named.
    public init(short: Double, full: Double? = nil) {
        self.short = short
        self.full = full ?? short
    }
}

/// How much is run.
public enum ClaimForm: String, Codable, Sendable, CaseIterable {
    /// Small models and short runs, so that all claims together take two hours on two cores.
    case short
    /// Larger models and longer runs.
    case full
}
