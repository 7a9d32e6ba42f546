import Fisher

extension StepMeasure {
    /// Measures a step by its report and the weights before and after it.
    init(_ report: StepReport, weightsBefore: [Tensor], weightsAfter: [Tensor]) throws {
        var (moved, size) = (0.0, 0.0)
        for (before, after) in zip(weightsBefore, weightsAfter) {
            let (change, norm) = (try (after - before).norm().item(), try before.norm().item())
            moved += change * change
            size += norm * norm
        }
        self.init(
            updateToWeight: size > 0 ? (moved / size).squareRoot() : 0,
            gradientNorm: try report.gradientNorm(),
            clipFactor: StepMeasure.mean(try report.clipFactors()),
            decayShare: StepMeasure.mean(try report.decayShares()))
    }

    /// In the order of the paths, so that equal runs give equal sums.
    private static func mean(_ values: [ParameterPath: Double]) -> Double? {
        if values.isEmpty { return nil }
        return values.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value } / Double(values.count)
    }
}

/// The times of a run's latest steps.
struct StepTimes {
    private var gradient: [Double] = []
    private var update: [Double] = []
    private var next = 0
    private static let capacity = 4096

    mutating func note(_ report: StepReport) {
        let (a, b) = (report.gradientTime / .milliseconds(1), report.updateTime / .milliseconds(1))
        if gradient.count < StepTimes.capacity {
            gradient.append(a)
            update.append(b)
        } else {
            gradient[next] = a
            update[next] = b
            next = (next + 1) % StepTimes.capacity
        }
    }

    var medianGradientMilliseconds: Double { SampleSummary.median(gradient) ?? 0 }
    var medianUpdateMilliseconds: Double { SampleSummary.median(update) ?? 0 }
}
