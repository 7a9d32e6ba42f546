import FisherFiles

/// Why a table cannot be read or used.
public struct TableError: Error, Sendable, CustomStringConvertible {
    /// The file that could not be opened or read; nil where its contents are wrong.
    public let storage: StorageError?
    /// What is wrong, in one sentence that names the file.
    public let description: String

    /// A file whose contents are wrong.
    package init(path: String, line: Int? = nil, reason: String) {
        storage = nil
        description = "\(path)\(line.map { ", line \($0)," } ?? "") \(reason)"
    }

    init(_ error: StorageError) {
        storage = error
        description = "\(error)"
    }
}
