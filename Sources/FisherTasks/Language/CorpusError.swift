/// Why a text could not be used.
public struct CorpusError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Kind: Sendable {
        /// A path is not there.
        case notFound
        /// The system forbids reading.
        case permissionDenied
        /// Reading failed, or the path is neither a file nor a folder.
        case unreadable
        /// There are fewer bytes than the model's context needs.
        case tooShort
    }

    /// What kind of trouble it is.
    public let kind: Kind
    /// One sentence that names the path.
    public let description: String
}
