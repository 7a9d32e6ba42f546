import Foundation
import Torch

/// sum_k d^(t-k) x_k / sum_k d^(t-k) over the updates k of a statistic, exact for a constant at every one of them.
///
/// The weight sum_k d^(t-k) is kept with the average, so that a layer that missed an update stays exact.
public struct RunningAverage {
    /// The weight after this update.
    public let weight: Double
    /// The share of the former average.
    public let keeping: Double

    /// Begins an update of an average with a weight (0 before the first).
    public init(weight: Double, decay: Double) {
        self.weight = decay * weight + 1
        keeping = decay * weight / self.weight
    }

    /// d (1 - d^(t-1)) / (1 - d^t): the share of the former average where every update up to t came; for d = 1 the
    /// plain mean's (t - 1) / t. Zero at t = 1, whatever the initial value.
    package static func share(kept decay: Double, at step: Int) -> Double {
        if decay == 1 { return Double(step - 1) / Double(step) }
        return decay * (1 - pow(decay, Double(step - 1))) / (1 - pow(decay, Double(step)))
    }

    /// The average after the update; `value` is divided by `count` first, and its memory may be taken over.
    /// Throws if the shapes differ.
    public func updated(_ average: Tensor?, with value: Tensor, over count: Double) throws(TorchError)
        -> Tensor
    {
        let share = (1 - keeping) / count
        guard let average, keeping > 0 else { return value * share }
        // The value's memory is taken over: large factors are not copied.
        try value.combine(taking: share, with: average, keeping: keeping)
        return value
    }
}

/// Whether something that happens at the first update and every `interval` updates happens at update `step`.
package func isDue(_ step: Int, every interval: Int) -> Bool { (step - 1) % max(interval, 1) == 0 }
