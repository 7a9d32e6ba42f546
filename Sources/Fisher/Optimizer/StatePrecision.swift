import FisherInformation
import Torch

/// The precision of an optimizer's state between steps.
public enum StatePrecision: Hashable, Sendable {
    /// In the precision of the computation: float32, or float64 for float64 parameters.
    case full
    /// What is computed in float32 is kept in bfloat16: half the memory.
    ///
    /// It is rounded up or down at random, so that averages move as they should in expectation; to the nearest,
    /// an average with a decay of 0.999 would stay where it is, as a step of it is smaller than half of
    /// bfloat16's last bit. The draws are seeded, saved and restored with the state. Only rules that work on
    /// gradients alone do so, on the formula path.
    case bfloat16(seed: UInt64)
}

extension TensorState {
    /// The state in the precision of the computation.
    var widened: TensorState {
        TensorState(tensors: tensors.mapValues { $0.dtype == .bfloat16 ? $0.to(dtype: .float32) : $0 })
    }

    /// The state in the precision in which it is kept.
    func shortened(using generator: RandomGenerator) -> TensorState {
        var kept = self
        // In the order of the names, so that equal seeds give equal states.
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key })
        where tensor.failure == nil && tensor.dtype == .float32 {
            kept[name] = tensor.stochasticallyRounded(using: generator)
        }
        return kept
    }
}
