import Fisher
import FisherStudies
import FisherTraining
import Foundation

/// How well the probabilities of a classifier agree with what it gets right: with its parameters as they are, and
/// averaged over draws from an optimizer's posterior if it has one.
struct ClassifierCalibration {
    /// The number of draws over which predictions are averaged.
    static let draws = 32

    /// The figures for a run's record.
    let measures: [TaskMeasure]

    /// Measures.
    ///
    /// - Parameters:
    ///   - targets: the classes of the held-out examples, int64.
    ///   - posterior: the distribution over the parameters, if there is one. Its draws have a seed of their own: nothing of
    ///     a run's is drawn.
    ///   - probabilities: computes the probabilities of the held-out examples, [examples, classes].
    /// - Throws: what `probabilities` throws, and `TorchError`.
    init(
        of targets: Tensor, posterior: GaussianPosterior?, _ probabilities: () throws -> Tensor
    ) throws {
        let labels = try targets.scalars(as: Int64.self).map(Int.init)
        var found = [Self.calibration(try Self.rows(probabilities()), labels, "")]
        if let posterior {
            let generator = try RandomGenerator(seed: 0)
            let averaged = try posterior.averaged(over: Self.draws, using: generator, probabilities)
            let rows = try Self.rows(averaged)
            let right = zip(rows, labels).count { Self.best($0) == $1 }
            var accuracy = TaskMeasure.accuracy(right, of: labels.count)
            accuracy.name = "averaged accuracy"
            let losses = zip(rows, labels).map { -log(max($0[$1], .leastNormalMagnitude)) }
            found += [
                accuracy,
                TaskMeasure(
                    "averaged negative log-likelihood",
                    losses.reduce(0, +) / Double(max(losses.count, 1)), unit: "nats", better: .lower),
                Self.calibration(rows, labels, "averaged "),
            ]
        }
        measures = found
    }

    private static func rows(_ probabilities: Tensor) throws -> [[Double]] {
        let values = try probabilities.scalars(as: Double.self)
        let classes = probabilities.shape.last ?? 1
        return stride(from: 0, to: values.count, by: max(classes, 1)).map { Array(values[$0..<$0 + classes]) }
    }

    private static func best(_ row: [Double]) -> Int { row.indices.max { row[$0] < row[$1] } ?? 0 }

    private static func calibration(_ rows: [[Double]], _ labels: [Int], _ prefix: String) -> TaskMeasure {
        let best = rows.map(best)
        let error = CalibrationError.expected(
            confidences: zip(rows, best).map { $0[$1] }, hits: zip(best, labels).map { $0 == $1 })
        return TaskMeasure(prefix + "expected calibration error", 100 * error, unit: "%", better: .lower)
    }
}
