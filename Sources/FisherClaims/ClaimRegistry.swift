import FisherStudies

/// The claims, in the order in which they are listed. A new claim is one file in `Claims/` and a line here.
public enum ClaimRegistry {
    /// All claims.
    public static let claims: [Claim] = Claim.behavior

    /// The claim of a name; nil if there is none.
    public static func claim(named name: String) -> Claim? { claims.first { $0.name == name } }
}
