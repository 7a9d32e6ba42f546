import FisherInformation
import Torch

/// Gradients as sums, in the order of an optimizer's slots; a step takes them over `count`.
struct GradientList {
    /// The gradients of -log p; nothing where none arrived.
    var scores: [Tensor?]
    /// The gradients of the auxiliaries.
    var auxiliaries: [Tensor?]
    /// The number of observations.
    let count: Double

    /// Divides those of one slot, for who takes them as they are.
    mutating func divide(_ slot: Int) {
        if count == 1 { return }
        scores[slot] = scores[slot].map { $0 / count }
        auxiliaries[slot] = auxiliaries[slot].map { $0 / count }
    }
}
