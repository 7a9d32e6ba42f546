/// Why a text could not be used.
public struct CorpusError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Kind: Sendable {
        case notFound, permissionDenied, unreadable, tooShort
    }

    /// What kind of trouble it is.
    public let kind: Kind
    /// One sentence that names the path.
    public let description: String
}
