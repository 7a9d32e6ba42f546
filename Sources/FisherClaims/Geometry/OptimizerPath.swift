import Fisher
import Foundation

/// The points that Adam passes through while it fits a normal distribution to batches of data, and the gradients there.
package struct OptimizerPath: Codable, Sendable {
    /// Mean and standard deviation before each step, and at the end.
    package let points: [Pair]
    /// The gradient of each step, one fewer than points.
    package let gradients: [Pair]

    package init(points: [Pair], gradients: [Pair]) {
        precondition(points.count == gradients.count + 1)
        self.points = points
        self.gradients = gradients
    }

    /// Runs Adam from `start` on batches drawn from the standard normal distribution.
    ///
    /// - Parameters:
    ///   - start: the first mean and standard deviation.
    ///   - rate: the learning rate.
    ///   - batch: the number of observations of a step.
    ///   - steps: the number of steps.
    ///   - seed: of the data.
    ///   - holdsMean: whether the mean stays where it is, so that only sigma moves.
    package init(
        from start: Pair, rate: Double, batch: Int, steps: Int, seed: UInt64, holdsMean: Bool = false
    ) throws {
        let descent = try VectorDescent(
            Adam(learningRate: .constant(rate)), from: Tensor([start.x, start.y], shape: [2]))
        let generator = try RandomGenerator(seed: seed)
        let data = try Tensor.normal([steps, batch], dtype: .float64, using: generator).scalars(
            as: Double.self)
        var (points, gradients): ([Pair], [Pair]) = ([start], [])
        for step in 0..<steps {
            let values = data[step * batch..<(step + 1) * batch]
            let mean = values.reduce(0, +) / Double(batch)
            let square = values.reduce(0) { $0 + $1 * $1 } / Double(batch)
            var g = NormalObjective(mean: mean, variance: square - mean * mean).gradient(
                at: points[points.count - 1])
            if holdsMean { g.x = 0 }
            gradients.append(g)
            try descent.step(Tensor([g.x, g.y], shape: [2]))
            let moved = try descent.vector.scalars(as: Double.self)
            guard moved[1] > 0 else {
                throw ClaimError("Adam left the half-plane of positive standard deviations")
            }
            points.append(Pair(moved[0], moved[1]))
        }
        self.init(points: points, gradients: gradients)
    }
}
