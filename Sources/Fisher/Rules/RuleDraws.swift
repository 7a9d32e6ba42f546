import Torch

/// The random directions of rules, from a generator whose state is saved with the optimizer's.
///
/// A rule that sets ``CurvatureRule/drawsDirections`` finds it in ``RuleGroup/draws``. It is apart from the generator of
/// labels, so that a rule with directions changes nothing else that is random.
public final class RuleDraws {
    let generator: RandomGenerator
    /// Tensors that stand for the next draws, in their order: those of another program.
    package var given: [Tensor] = []

    init(seed: UInt64) throws(TorchError) {
        generator = try RandomGenerator(seed: seed &+ 0x9e37_79b9_7f4a_7c15)
    }

    /// Independent draws from N(0, 1) in the shape and type of another tensor.
    public func normal(like other: Tensor) -> Tensor {
        next(like: other) { .normal(other.shape, dtype: other.dtype, using: generator) }
    }

    /// Independent draws of -1 and 1, each with probability 1/2, in the shape and type of another tensor.
    public func signs(like other: Tensor) -> Tensor {
        next(like: other) { Tensor.bernoulli(like: other, probability: 0.5, using: generator) * 2 - 1 }
    }

    private func next(like other: Tensor, _ draw: () -> Tensor) -> Tensor {
        if let failure = other.failure { return Tensor(failed: failure) }
        if given.isEmpty { return draw().to(device: other.device) }
        let tensor = given.removeFirst()
        guard tensor.failure == nil, tensor.shape == other.shape else {
            return Tensor(
                failed: tensor.failure
                    ?? TorchError(message: "a draw of shape \(tensor.shape) was given for \(other.shape)"))
        }
        return tensor.to(dtype: other.dtype, device: other.device)
    }
}
