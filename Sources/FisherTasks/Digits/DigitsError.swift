/// Why digits could not be used as asked.
public enum DigitsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A line of the data is none.
    case malformed(line: Int, reason: String)
    /// A share of the images that leaves one side of a split without an image of each class.
    case badShare(Double)
    /// More images in a batch than there are to train on, or none.
    case badBatch(size: Int, count: Int)

    /// One sentence.
    public var description: String {
        switch self {
        case .malformed(let line, let reason): "line \(line) of the digits \(reason)"
        case .badShare(let share):
            "a test share of \(share) leaves one side without images of every class; it must lie between 0 and 1"
        case .badBatch(let size, let count):
            "a batch of \(size) images cannot be made of \(count); it must lie between 1 and \(count)"
        }
    }
}
