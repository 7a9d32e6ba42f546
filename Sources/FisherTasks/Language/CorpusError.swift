/// Why a text could not be used.
public struct CorpusError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Kind: Sendable {
        /// The path does not exist.
        case notFound
        /// The system does not permit the path to be read.
        case permissionDenied
        /// Reading failed, or the path is neither a file nor a folder.
        case unreadable
        /// The text is shorter than the model's context.
        case tooShort
    }

    /// What kind of trouble it is.
    public let kind: Kind
    /// One sentence that names the path.
    public let description: String
}
