/// The kinds of studies that have a folder.
public enum StudyKind: String, Codable, CaseIterable, Sendable {
    /// Optimizers side by side: `fisher compare`.
    case comparison
    /// Values of one optimizer's options side by side: `fisher ablate`.
    case ablation
    /// Runs that tell how many seeds a comparison needs: `fisher compare --pilot`.
    case pilot
    /// Methods against forgetting: `fisher continual`.
    case continual
    /// Directions of optimizers beside the natural gradient: `fisher hierarchy`.
    case hierarchy
    /// The loss around and between runs: `fisher landscape`.
    case landscape
    /// The verdict on a claim of a source: `fisher reproduce`.
    case claim
    /// The study of FAdam's exponent: `fisher reproduce exponent-study`.
    case exponent

    /// The kind whose results have the same layout.
    package var layout: StudyKind { [.ablation, .pilot].contains(self) ? .comparison : self }
    /// The name with its article.
    package var described: String { (self == .ablation || self == .exponent ? "an " : "a ") + name }
    /// The name in a sentence.
    package var name: String {
        switch self {
        case .continual: "comparison of methods against forgetting"
        case .claim: "verdict on a claim"
        case .exponent: "exponent study"
        default: rawValue
        }
    }
}
