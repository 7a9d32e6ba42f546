/// What went wrong with a safetensors file: which file, which tensor where there is one, and why.
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
    /// The `errno` of the system call that failed, where one did.
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
        let subject = tensor.map { "tensor \(Self.quoted($0)): " } ?? ""
        return "\(Self.quoted(path, limit: 4096)): \(subject)\(reason)"
    }

    /// A text in quotes, safe for a terminal: names come from files that are not trusted, so control
    /// characters are escaped, and very long texts are cut.
    static func quoted(_ text: String, limit: Int = 200) -> String {
        var result = "\""
        for scalar in text.unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                if scalar == "\"" || scalar == "\\" { result += "\\" }
                result.unicodeScalars.append(scalar)
            }
        }
        let isCut = text.unicodeScalars.dropFirst(limit).first != nil
        return result + (isCut ? "…\" (\(text.utf8.count) bytes long)" : "\"")
    }

    /// A shape for a message, cut where it has very many dimensions.
    static func listed(_ shape: [Int]) -> String {
        let shown = shape.prefix(16).map(String.init).joined(separator: ", ")
        return shape.count > 16 ? "[\(shown), … (\(shape.count) dimensions)]" : "[\(shown)]"
    }
}
