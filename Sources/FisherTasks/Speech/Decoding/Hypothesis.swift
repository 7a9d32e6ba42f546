import Foundation

/// A label sequence that a search found, and the probability of what it saw of it.
public struct Hypothesis: Sendable, Hashable {
    /// The labels.
    public let labels: [Int]
    /// The logarithm of the sum of the probabilities of the alignments that the search kept: the labels' own
    /// log-likelihood where nothing was dropped, else a lower bound.
    public let logProbability: Double

    /// Pairs labels and their log probability.
    public init(labels: [Int], logProbability: Double) {
        self.labels = labels
        self.logProbability = logProbability
    }
}

/// log(e^a + e^b).
func logSum(_ a: Double, _ b: Double) -> Double {
    let (low, high) = a < b ? (a, b) : (b, a)
    return low == -.infinity ? high : high + log1p(exp(low - high))
}

extension Array where Element == Hypothesis {
    /// The most probable ones in descending order; equal ones in the order of their labels.
    func best(_ count: Int) -> [Hypothesis] {
        Array(
            sorted {
                $0.logProbability != $1.logProbability
                    ? $0.logProbability > $1.logProbability : $0.labels.lexicographicallyPrecedes($1.labels)
            }.prefix(count))
    }
}
