/// A place in one of the documents whose claims are checked.
public struct ClaimSource: Sendable, Hashable {
    /// The document, by author and title.
    public let document: Document
    /// The section, equation, table or figure: `Section 3.4.2`.
    public let place: String

    /// The documents.
    public enum Document: String, Sendable, CaseIterable {
        /// The article on Adam and FAdam.
        case perspective =
            "Adam: Information Geometry Perspective and Diagonal Fisher Approximation (article, 2025)"
        /// The paper on FAdam.
        case fadam =
            "Hwang (2024), FAdam: Adam is a natural gradient optimizer using diagonal empirical Fisher information"
        /// The article on the hierarchy of approximations.
        case hierarchy =
            "The Fisher information as the common structure of Adam, K-FAC, EWC and natural gradient (article)"
        /// The notes on AdaFisher.
        case adaFisher =
            "Notes on AdaFisher: Adaptive Second Order Optimization via Fisher Information (arXiv:2405.16397)"
        /// No document: a statement whose truth is known, by which the machinery is checked.
        case planted = "Planted: a check of the rules of decision"

        /// The document in a few words, for tables.
        public var citation: String {
            switch self {
            case .perspective: "Article on Adam and FAdam"
            case .fadam: "Hwang (2024)"
            case .hierarchy: "Article on the Fisher information"
            case .adaFisher: "Notes on AdaFisher"
            case .planted: "Planted"
            }
        }
    }

    private init(_ document: Document, _ place: String) {
        self.document = document
        self.place = place
    }

    /// A place in the article on Adam and FAdam.
    public static func perspective(_ place: String) -> ClaimSource { ClaimSource(.perspective, place) }
    /// A place in the paper on FAdam.
    public static func fadam(_ place: String) -> ClaimSource { ClaimSource(.fadam, place) }
    /// A place in the article on the hierarchy.
    public static func hierarchy(_ place: String) -> ClaimSource { ClaimSource(.hierarchy, place) }
    /// A place in the notes on AdaFisher.
    public static func adaFisher(_ place: String) -> ClaimSource { ClaimSource(.adaFisher, place) }
    /// What a planted claim is.
    static func planted(_ place: String) -> ClaimSource { ClaimSource(.planted, place) }
}
