import FisherInformation
import Synchronization
import Torch

/// Counts, during an evaluation, how often the likeliest class is the observed one: the accuracy comes from the passes that
/// give the validation loss, without a pass of its own.
///
/// ``TrainingTask/meanLoss(of:on:by:_:)`` tells the tally of the present evaluation, if there is one, the counts of all
/// objectives, those of other processes among them. A task whose likelihood is no `Categorical`, or that computes its
/// validation loss in another way, has no accuracy here.
final class AccuracyTally: Sendable {
    /// The tally of the present evaluation.
    @TaskLocal static var current: AccuracyTally?

    /// The name of the accuracy among a curve's measures; it is in per cent.
    static let name = "accuracy"

    private let counts = Mutex((right: 0, total: 0))

    /// The accuracy in per cent by its name; nil if nothing was counted.
    var measures: [String: Double]? {
        counts.withLock { counts in
            counts.total > 0 ? [Self.name: 100 * Double(counts.right) / Double(counts.total)] : nil
        }
    }

    /// Adds counts.
    func add(right: Int, of total: Int) {
        counts.withLock { counts in
            counts.right += right
            counts.total += total
        }
    }

    /// How many observations of an objective are the likeliest class, and of how many. Of classes that are equally likely the
    /// first one counts.
    static func counts(in objective: Objective) throws -> (right: Int, total: Int) {
        guard let likelihood = objective.likelihood as? Categorical else { return (0, 0) }
        let targets = objective.observations(of: likelihood)
        let guesses = likelihood.logits.indexOfMaximum(along: -1)
        let right = try Int((guesses - targets.to(dtype: .int64)).equals(0).sum().item())
        return (right, objective.observationCount)
    }
}
