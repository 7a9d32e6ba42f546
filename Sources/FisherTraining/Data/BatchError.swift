/// An error in examples or in the size of batches.
public enum BatchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Inputs and targets with different numbers of examples.
    case unpaired(inputs: [Int], targets: [Int])
    /// A batch without examples, or with more than there are.
    case badSize(Int, exampleCount: Int)
    /// A position in a stream of other examples or batches.
    case foreignPosition(count: Int, batch: Int)

    /// What is wrong, in one sentence.
    public var description: String {
        switch self {
        case .unpaired(let inputs, let targets):
            "inputs of shape \(inputs) and targets of shape \(targets) have not one first axis of examples"
        case .badSize(let size, let count): "a batch of \(size) cannot be taken from \(count) examples"
        case .foreignPosition(let count, let batch):
            "the position is that of a stream of \(count) examples in batches of \(batch)"
        }
    }
}
