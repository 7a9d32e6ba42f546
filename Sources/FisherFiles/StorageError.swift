import Foundation

/// A file or folder that could not be used.
public struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of error.
    public enum Kind: Sendable {
        /// A file or folder is not there.
        case notFound
        /// A file or folder cannot be made at its path.
        case cannotCreate
        /// Reading or writing failed, or the disk is full.
        case inputOutput
        /// The system forbids it.
        case permissionDenied
        /// A file does not have the expected contents, or is no regular file.
        case damaged
        /// Another process is using it.
        case inUse
        /// A file is larger than this machine's memory.
        case tooLarge
    }

    /// The kind of error.
    public let kind: Kind
    /// The file or folder.
    public let path: String
    /// What is wrong with it.
    public let reason: String
    /// The `errno` of the system call that failed, if one did.
    public let systemError: Int32?

    /// Describes an error with a path.
    public init(_ kind: Kind, path: String, reason: String, systemError: Int32? = nil) {
        self.kind = kind
        self.path = path
        self.reason = reason
        self.systemError = systemError
    }

    /// The path and what is wrong with it, with control characters escaped: both can quote what is in a file.
    public var description: String { "\(path.isEmpty ? "''" : path) \(reason)".printable }

    /// The error of a system call that just failed, with the system's words for it.
    package static func system(_ what: String, path: String, creating: Bool = false) -> StorageError {
        let number = errno
        let kind: Kind =
            switch number {
            case ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP: creating ? .cannotCreate : .notFound
            case EACCES, EPERM, EROFS: .permissionDenied
            case ENOSPC, EDQUOT, EIO: .inputOutput
            default: creating ? .cannotCreate : .inputOutput
            }
        return StorageError(
            kind, path: path, reason: "\(what): \(systemReason(number))", systemError: number
        )
    }

    /// The system's words for an error number, for the middle of a sentence.
    static func systemReason(_ number: CInt) -> String {
        let words = String(cString: strerror(number))
        return words.prefix(1).lowercased() + words.dropFirst()
    }

    /// The error of a path at which there is something other than a regular file.
    static func notRegular(_ mode: mode_t, path: String, _ kind: Kind) -> StorageError {
        let reason =
            switch mode & S_IFMT {
            case S_IFLNK: "is a symbolic link, which is not followed: give the path of the file itself"
            case S_IFDIR:
                kind == .cannotCreate ? "is a folder, which no file can replace" : "is a folder, not a file"
            default: "is not a regular file"
            }
        return StorageError(kind, path: path, reason: reason)
    }

    /// Throws where a path has a zero byte, at which system calls would cut it.
    static func requireWhole(_ path: String, _ kind: Kind) throws(StorageError) {
        guard !path.utf8.contains(0) else {
            throw StorageError(kind, path: path, reason: "is no path: a path cannot have a zero byte")
        }
    }
}
