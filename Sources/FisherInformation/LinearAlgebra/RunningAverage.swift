import Torch

/// sum_k d^(t-k) x_k / sum_k d^(t-k) over the updates k of a statistic, exact for a constant at every one of them.
///
/// Beside the average its weight sum_k d^(t-k) is kept, so that a layer that missed an update goes on rightly.
public struct RunningAverage {
    /// The weight after this update.
    public let weight: Double
    /// The share of the former average.
    public let keeping: Double

    /// Begins an update of what had a weight (0 before the first).
    public init(weight: Double, decay: Double) {
        self.weight = decay * weight + 1
        keeping = decay * weight / self.weight
    }

    /// The average after the update; `value` is divided by `count` first, and
    /// its memory may be taken over. Throws where the shapes differ.
    public func updated(_ average: Tensor?, with value: Tensor, over count: Double) throws(TorchError)
        -> Tensor
    {
        let share = (1 - keeping) / count
        guard let average, keeping > 0 else { return value * share }
        // The value's memory is taken over: large factors are not copied.
        try value.scale(by: share)
        try value.add(average, scale: keeping)
        return value
    }
}

/// Whether something that happens at the first update and every `interval` updates happens at update `step`.
package func isDue(_ step: Int, every interval: Int) -> Bool { (step - 1) % max(interval, 1) == 0 }
