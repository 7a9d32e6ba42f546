/// Why sound or images cannot be read.
public enum MediaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A shared library cannot be opened, or lacks a function.
    case libraryMissing(String, reason: String)
    /// A file is not what its reader expects.
    case badFile(String, reason: String)

    public var description: String {
        switch self {
        case .libraryMissing(let library, let reason): "\(library) cannot be used: \(reason)"
        case .badFile(let path, let reason): "\(path) \(reason)"
        }
    }
}
