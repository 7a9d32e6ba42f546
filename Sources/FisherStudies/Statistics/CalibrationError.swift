/// How far the confidence of a classifier is from its accuracy.
public enum CalibrationError {
    /// The expected calibration error: examples are put into bins of equal width by their confidence, the largest
    /// probability, and the differences between accuracy and mean confidence of the bins are averaged by their counts
    /// (Naeini et al. 2015; Guo et al. 2017, Eq. 3).
    ///
    /// A bin holds the confidences from more than its lower end up to its upper one. The estimate is biased upwards where
    /// bins hold few examples.
    ///
    /// - Parameters:
    ///   - confidences: the largest probability of each example, in [0, 1].
    ///   - hits: whether the class of that probability is right, in the same order.
    ///   - bins: the number of bins, at least 1.
    /// - Returns: a number in [0, 1]; 0 for no examples.
    public static func expected(confidences: [Double], hits: [Bool], bins: Int = 15) -> Double {
        precondition(confidences.count == hits.count && bins >= 1)
        var (sums, counts) = ([Double](repeating: 0, count: bins), 0)
        for (confidence, hit) in zip(confidences, hits) {
            let bin = Int((confidence * Double(bins)).rounded(.up)) - 1
            sums[min(max(bin, 0), bins - 1)] += (hit ? 1 : 0) - confidence
            counts += 1
        }
        // The count of a bin cancels: n_b / N times the difference of two means over n_b examples.
        return counts == 0 ? 0 : sums.reduce(0) { $0 + abs($1) } / Double(counts)
    }
}
