import Fisher
import FisherStudies

/// The progress of a run: all counters, saved with the weights.
public struct RunProgress: Codable, Sendable, Hashable {
    /// The number of steps made.
    public internal(set) var step = 0
    /// Seconds spent in steps, over all processes that worked on the run.
    public internal(set) var seconds = 0.0
    /// The points of the curve so far.
    public internal(set) var curve: [CurvePoint] = []
    /// The sum of the training losses since the last point of the curve.
    var lossSum = 0.0
    /// How many they are.
    var lossCount = 0
    /// The last step's measure, if the curve's next point is to have one.
    var measure: StepMeasure?
    /// The lowest validation loss, and where.
    public internal(set) var best: Best?
    /// Evaluations since then.
    public internal(set) var evaluationsSinceBest = 0

    /// A validation loss and where it was reached.
    public struct Best: Codable, Sendable, Hashable {
        /// The number of steps made.
        public let step: Int
        /// The validation loss.
        public let loss: Double
    }

    /// Why no run can have this progress after `step` steps, as a clause; nil if one can.
    package func complaint(at step: Int) -> String? {
        if self.step != step { return "its step is \(self.step), not \(step)" }
        guard (0...mostSteps).contains(step) else { return "its step is \(step)" }
        let steps = 0...step
        if !(0...1e15).contains(seconds) { return "it took \(seconds) seconds" }
        if !steps.contains(lossCount) { return "it counts \(lossCount) losses" }
        for point in curve
        where !steps.contains(point.step) || point.tokens < 0 || !(0...1e15).contains(point.seconds) {
            return
                "its curve has a point at step \(point.step) after \(point.tokens) tokens and \(point.seconds) seconds"
        }
        for (one, next) in zip(curve, curve.dropFirst()) where one.step > next.step {
            return "its curve goes from step \(one.step) back to \(next.step)"
        }
        if let best, !steps.contains(best.step) { return "its best step is \(best.step)" }
        if !(0...curve.count).contains(evaluationsSinceBest) {
            return "it counts \(evaluationsSinceBest) evaluations since the best"
        }
        return nil
    }

    /// The last point's step; nil before the first evaluation.
    var lastEvaluation: Int? { curve.last?.step }

    /// Adds a point, and resets the sums since the last one.
    mutating func evaluated(
        _ loss: Double, _ measures: [String: Double]? = nil, examplesPerStep: Int
    ) -> CurvePoint {
        let point = CurvePoint(
            step: step, tokens: step * examplesPerStep, seconds: seconds,
            trainingLoss: lossCount > 0 ? lossSum / Double(lossCount) : nil, validationLoss: loss,
            measure: measure, measures: measures)
        curve.append(point)
        (lossSum, lossCount, measure) = (0, 0, nil)
        if loss < best?.loss ?? .infinity {
            best = Best(step: step, loss: loss)
            evaluationsSinceBest = 0
        } else {
            evaluationsSinceBest += 1
        }
        return point
    }
}

extension StepMeasure {
    /// Measures a step by its report and the weights before and after it.
    init(
        _ report: StepReport, learningRate: Double, weightsBefore: [Tensor], weightsAfter: [Tensor]
    ) throws {
        var (moved, size) = (0.0, 0.0)
        for (before, after) in zip(weightsBefore, weightsAfter) {
            let (change, norm) = (try (after - before).norm().item(), try before.norm().item())
            moved += change * change
            size += norm * norm
        }
        self.init(
            updateToWeight: size > 0 ? (moved / size).squareRoot() : 0,
            gradientNorm: report.gradientNorm, learningRate: learningRate,
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

    var isEmpty: Bool { gradient.isEmpty }
    var medianGradientMilliseconds: Double { SampleSummary.median(gradient) ?? 0 }
    var medianUpdateMilliseconds: Double { SampleSummary.median(update) ?? 0 }
}
