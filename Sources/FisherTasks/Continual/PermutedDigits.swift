import Fisher

/// The digits as a sequence of tasks, each with its pixels in an order of its own; the first has the original one.
///
/// Equal seeds give equal tasks. All tasks share the network's outputs, and nothing tells it which task an image
/// is from.
public struct PermutedDigits: Sendable {
    /// Training and held-out images, task by task.
    public let tasks: [(training: Digits, test: Digits)]

    /// Permutes the images of a split.
    ///
    /// - Parameters:
    ///   - count: the number of tasks, one or more.
    ///   - training: the images to train on.
    ///   - test: the images that accuracies are measured on.
    ///   - seed: what decides the orders.
    public init(_ count: Int, training: Digits, test: Digits, seed: UInt64) {
        precondition(count > 0)
        tasks = (0..<count).map { task in
            if task == 0 { return (training, test) }
            let order = seed &* SplitMix64.increment &+ UInt64(task)
            return (training.permuted(seed: order), test.permuted(seed: order))
        }
    }
}
