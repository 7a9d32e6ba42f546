import CTorch

/// Why an operation on tensors failed: the first line of libtorch's message, or our own.
public struct TorchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Kind: Sendable {
        /// Shapes, types or values that an operation rejects.
        case invalidOperation
        /// Memory ran out.
        case outOfMemory
        /// The device is not available.
        case deviceUnavailable
    }

    /// What kind of failure it is.
    public let kind: Kind
    /// One sentence.
    public let message: String

    /// Describes a failure.
    public init(kind: Kind = .invalidOperation, message: String) {
        self.kind = kind
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// The failure that this thread's last call kept.
    static func kept(during operation: String? = nil) -> TorchError {
        let kind: Kind = ct_error_status() == CT_OUT_OF_MEMORY ? .outOfMemory : .invalidOperation
        let line = String(cString: ct_error_message())
        return TorchError(kind: kind, message: operation.map { "\($0): \(line)" } ?? line)
    }
}
