import FisherFiles

/// Why data cannot be read or used.
public struct DataError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in one sentence that names the file.
    public let description: String

    /// Says what is wrong with a file, as the end of a sentence that begins with its path.
    package init(_ path: String, _ reason: String) { description = "\(path) \(reason)".printable }
}
