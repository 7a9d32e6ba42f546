import FisherFiles

/// An error of a safetensors file: the file, the tensor if there is one, and the reason.
public struct SafetensorsError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The class of an error, which a command maps to its exit code.
    public enum Kind: Equatable, Sendable {
        /// The file to read does not exist.
        case notFound
        /// The system does not permit the file to be opened, created or replaced.
        case permissionDenied
        /// Reading or writing failed: a full disk, a broken one, a file that shrank while it was read.
        case inputOutput
        /// The file, or what was to be written into one, is not valid safetensors.
        case malformed
        /// The file is valid, but a requested tensor is not in it.
        case missingTensor
        /// The file to write cannot be created at its path.
        case cannotCreate
        /// The caller did not provide the bytes of a tensor to write.
        case sourceFailed
    }

    /// The class of the error.
    public let kind: Kind
    /// The file's path, as it was given.
    public let path: String
    /// The name of the tensor at fault, if there is one.
    public let tensor: String?
    /// Why, in words, without the file and the tensor.
    public let reason: String
    /// The `errno` of the system call that failed, if one did.
    public let systemError: Int32?

    /// Describes a failure.
    public init(_ kind: Kind, path: String, tensor: String? = nil, reason: String, systemError: Int32? = nil)
    {
        self.kind = kind
        self.path = path
        self.tensor = tensor
        self.reason = reason
        self.systemError = systemError
    }

    /// One sentence that names the file, the tensor and the reason.
    public var description: String {
        let subject = tensor.map { "tensor \($0.quoted()): " } ?? ""
        return "\(path.quoted(limit: 4096)): \(subject)\(reason.printable)"
    }

    /// A shape for a message, cut if it has very many dimensions.
    static func listed(_ shape: [Int]) -> String {
        let shown = shape.prefix(16).map(String.init).joined(separator: ", ")
        return shape.count > 16 ? "[\(shown), … (\(shape.count) dimensions)]" : "[\(shown)]"
    }
}

extension SafetensorsError {
    /// The error of a file that could not be used, at a tensor if there is one.
    init(_ error: StorageError, tensor: String? = nil) {
        let kind: Kind =
            switch error.kind {
            case .notFound: .notFound
            case .cannotCreate: .cannotCreate
            case .permissionDenied: .permissionDenied
            case .inputOutput, .inUse: .inputOutput
            case .damaged, .tooLarge: .malformed
            }
        self.init(
            kind, path: error.path, tensor: tensor, reason: error.reason, systemError: error.systemError)
    }

    /// Does what may throw the error of a file, at a tensor if there is one.
    static func wrapping<Result>(
        tensor: String? = nil, _ body: () throws(StorageError) -> Result
    ) throws(SafetensorsError) -> Result {
        do throws(StorageError) {
            return try body()
        } catch {
            throw SafetensorsError(error, tensor: tensor)
        }
    }
}
