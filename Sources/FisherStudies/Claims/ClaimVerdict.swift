/// What was found out about a claim.
public enum ClaimVerdict: String, Codable, Sendable, CaseIterable {
    /// The rule that was stated beforehand says that the claim is true here.
    case holds
    /// The rule says that it is false here.
    case doesNotHold = "does not hold here"
    /// The runs of this size, or their number, do not decide.
    case undecided = "cannot be told at this size"
}

extension ClaimVerdict {
    /// The verdict on a claim of several parts, all of which must hold: one part that does not hold decides against it.
    public static func all(_ parts: [ClaimVerdict]) -> ClaimVerdict {
        if parts.contains(.doesNotHold) { return .doesNotHold }
        return parts.allSatisfy { $0 == .holds } && !parts.isEmpty ? .holds : .undecided
    }
}
