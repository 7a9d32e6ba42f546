import FisherStudies
import FisherTraining
import Synchronization

/// The claims, in the order in which they are listed. A new claim is one file in `Claims/` and a line here.
public enum ClaimRegistry {
    private static let own: [Claim] =
        Claim.measurements + Claim.smallModels + Claim.optimizers + Claim.behavior

    private static let registered = Mutex<[Claim]>([])

    /// All claims: this package's, then those that were registered.
    public static var claims: [Claim] { own + registered.withLock { $0 } }

    /// Claims whose truth is known, by which the machinery is checked: they get their verdicts like the others and are no
    /// claims of the sources.
    public static let planted = [Claim.plantedTruth, .plantedFalsehood]

    /// Adds a claim of another package. It traps if there is one of the same name.
    public static func register(_ claim: Claim) {
        precondition(self.claim(named: claim.name) == nil, "two claims have the name \(claim.name)")
        registered.withLock { $0.append(claim) }
    }

    /// The claim of a name, planted ones among them; nil if there is none.
    public static func claim(named name: String) -> Claim? {
        (claims + planted).first { $0.name == name }
    }
}
