import CTorch
import Foundation

/// Why an operation on tensors failed: the first line of libtorch's message, or our own.
public struct TorchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Kind: Sendable {
        /// Shapes, types or values that an operation rejects.
        case invalidOperation
        /// Memory ran out.
        case outOfMemory
        /// The device is not available.
        case deviceUnavailable
    }

    /// The kind of failure.
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
        var line = String(cString: ct_error_message())
        // libtorch's own check and its place in the source say nothing to anybody.
        if kind == .outOfMemory, let asked = line.range(of: "you tried to allocate ") {
            line = "memory ran out: \(line[asked.upperBound...].prefix { $0.isNumber }) bytes were asked for"
        }
        return TorchError(kind: kind, message: operation.map { "\($0): \(line)" } ?? line)
    }
}
