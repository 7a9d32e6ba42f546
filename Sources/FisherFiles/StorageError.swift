import Foundation

/// A file or folder of a run that could not be used.
public struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of error.
    public enum Kind: Sendable {
        /// A file or folder is not there.
        case notFound
        /// A folder cannot be made.
        case cannotCreate
        /// Reading or writing failed, or the disk is full.
        case inputOutput
        /// The system forbids it.
        case permissionDenied
        /// A file does not have the expected contents.
        case damaged
        /// Another process is using it.
        case inUse
    }

    /// The kind of error.
    public let kind: Kind
    /// The file or folder.
    public let path: String
    /// What is wrong with it.
    public let reason: String

    /// Describes an error with a path.
    public init(_ kind: Kind, path: String, reason: String) {
        self.kind = kind
        self.path = path
        self.reason = reason
    }

    /// The path and what is wrong with it.
    public var description: String { "\(path) \(reason)" }

    /// The error of a system call that just failed.
    package static func system(_ what: String, path: String, creating: Bool = false) -> StorageError {
        let number = errno
        let kind: Kind =
            switch number {
            case ENOENT: creating ? .cannotCreate : .notFound
            case EACCES, EPERM, EROFS: .permissionDenied
            case ENOSPC, EDQUOT, EIO: .inputOutput
            default: creating ? .cannotCreate : .inputOutput
            }
        return StorageError(kind, path: path, reason: "\(what): \(systemReason(number))")
    }

    /// The system's words for an error number.
    package static func systemReason(_ number: CInt) -> String {
        String(cString: strerror(number)).lowercased()
    }
}
