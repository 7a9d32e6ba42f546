import FisherFiles

/// Why sound or images cannot be read.
public enum MediaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A shared library cannot be opened, or lacks a function.
    case libraryMissing(String, reason: String)
    /// A file is not what its reader expects.
    case badFile(String, reason: String)
    /// A file cannot be opened or read.
    case storage(StorageError)

    /// One sentence that names the library or the file.
    public var description: String {
        switch self {
        case .libraryMissing(let library, let reason): "\(library) cannot be used: \(reason)".printable
        case .badFile(let path, let reason): "\(path) \(reason)".printable
        case .storage(let error): error.description
        }
    }
}
