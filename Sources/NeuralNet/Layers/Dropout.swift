import Torch

/// Sets elements to zero at random while training, and scales the others so that the mean stays.
public final class Dropout: UnaryLayer, ModeDependent {
    /// The probability of an element to be dropped, in [0, 1).
    public let probability: Double
    public var isTraining = true
    let generator: RandomGenerator

    /// Makes the layer; its draws come from `generator`.
    public init(_ probability: Double, using generator: RandomGenerator) {
        precondition(
            (0..<1).contains(probability), "a dropout probability must lie in [0, 1), not \(probability)")
        self.probability = probability
        self.generator = generator
    }

    /// The input with elements dropped; the input itself in evaluation.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        guard isTraining, probability > 0 else { return input }
        let kept = Tensor.bernoulli(like: input, probability: 1 - probability, using: generator)
        return input * kept / (1 - probability)
    }
}
