import Fisher

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
