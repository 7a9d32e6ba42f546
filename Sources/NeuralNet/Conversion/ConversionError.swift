/// Why a model of another library could not be read or written as one of ours.
public struct ConversionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in one sentence that names the file, key or tensor.
    public let description: String

    package init(_ description: String) { self.description = description }
}
