/// The noise of a validation loss that comes from the sample on which it is measured: every seed and every optimizer is
/// measured on the same data, so that no spread over seeds shows it.
enum ValidationNoise {
    /// The standard error of an optimizer's mean final loss over the parts of the validation data.
    static func error(_ entry: OptimizerEntry) -> Double? {
        means(entry).flatMap { SampleSummary($0)?.standardError }
    }

    /// The same for the difference of two optimizers, part by part: much smaller, since what is hard for one is mostly hard
    /// for the other.
    static func errorOfDifference(_ entry: OptimizerEntry, _ reference: OptimizerEntry) -> Double? {
        guard let own = means(entry), let other = means(reference), own.count == other.count else {
            return nil
        }
        return SampleSummary(zip(own, other).map(-))?.standardError
    }

    /// The mean loss of each part over the completed runs; nil unless all have equally many parts.
    private static func means(_ entry: OptimizerEntry) -> [Double]? {
        let runs = entry.runs.filter { $0.completedLoss != nil }.map { $0.validationParts ?? [] }
        guard let first = runs.first, first.count > 1, runs.allSatisfy({ $0.count == first.count }),
            runs.allSatisfy({ $0.allSatisfy(RunRecord.isUsable) })
        else {
            return nil
        }
        return first.indices.map { part in runs.reduce(0) { $0 + $1[part] } / Double(runs.count) }
    }
}
