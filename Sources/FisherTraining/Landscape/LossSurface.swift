import Fisher
import FisherInformation

/// The loss of a task's model as a function of its weights, on training batches that stay the same and on the held-out data.
///
/// The model is in evaluation, so that equal weights give equal losses: dropout is off, and batch normalization takes its
/// running averages, which belong to the point that is looked at.
public final class LossSurface<Task: TrainingTask> {
    /// Values for everything that a model stores, trainable or not, in its order.
    public struct Point {
        let values: [Tensor]
        let isTrainable: [Bool]
        /// The fingerprint of the values.
        public let fingerprint: String

        /// The trainable values.
        var weights: [Tensor] { zip(values, isTrainable).filter(\.1).map(\.0) }

        /// The Euclidean distance of the trainable values to another point's.
        func distance(to other: Point) throws -> Double {
            try zip(weights, other.weights).reduce(0) {
                $0 + (try ($1.0.to(dtype: .float64) - $1.1.to(dtype: .float64)).squared().sum().item())
            }.squareRoot()
        }
    }

    private let task: Task
    private let model: Task.Model
    private let batches: [Task.Batch]
    private let stored: [NamedParameter]

    /// Makes a model and takes the first batches of a seed.
    public init(_ task: Task, batchCount: Int, seed: UInt64) throws {
        precondition(batchCount > 0, "a loss needs a batch")
        self.task = task
        model = try task.makeModel(seed: 0)
        model.setTraining(false)
        stored = model.parameters
        var stream = try task.makeBatches(seed: seed)
        batches = try (0..<batchCount).map { _ in try stream.next() }
    }

    /// The point of a file of weights; the model stays there.
    public func point(of weights: String) throws -> Point {
        try model.load(from: weights)
        return try point(of: model)
    }

    /// The point where another model of the task is, such as that of a session between two steps.
    public func point(of other: Task.Model) throws -> Point {
        let stored = other.parameters
        return Point(
            values: withoutGradients { stored.map { $0.parameter.wrappedValue.detached().copy() } },
            isTrainable: stored.map(\.parameter.isTrainable), fingerprint: try ModelPoint(of: other).weights)
    }

    /// Moves the model to a point plus multiples of directions, whose parts are of the trainable weights.
    func move(to point: Point, along directions: [(parts: [Tensor], scale: Double)] = []) throws {
        try withoutGradients {
            var next = 0
            for (named, value) in zip(stored, point.values) {
                let tensor = named.parameter.wrappedValue.detached()
                try tensor.assign(value)
                guard named.parameter.isTrainable else { continue }
                for direction in directions where direction.scale != 0 {
                    try tensor.add(direction.parts[next].to(dtype: tensor.dtype), scale: direction.scale)
                }
                next += 1
            }
        }
    }

    /// Moves the model to a place on the line through two points, exactly to an end at 0 or 1.
    ///
    /// What is not trained, such as running averages, keeps to the nearer end outside of the line: a variance that is
    /// extrapolated may be negative.
    func move(from start: Point, to end: Point, at place: Double) throws {
        try withoutGradients {
            for (position, named) in stored.enumerated() {
                let share = named.parameter.isTrainable ? place : min(max(place, 0), 1)
                let (a, b) = (start.values[position], end.values[position])
                let tensor = named.parameter.wrappedValue.detached()
                let mixes = share != 0 && share != 1 && a.dtype.isFloatingPoint
                try tensor.assign(mixes ? a * (1 - share) + b * share : share < 0.5 ? a : b)
            }
        }
    }

    /// The mean loss of the training batches where the model is, in nats for each observation; without auxiliary terms.
    func trainingLoss() throws -> Double {
        try withoutGradients {
            var (sum, count) = (0.0, 0)
            for batch in batches {
                try Interruption.poll()
                let objective = try task.objective(of: model, on: batch)
                sum += try objective.negativeLogLikelihood.to(dtype: .float64).item()
                count += objective.observationCount
            }
            return sum / Double(max(count, 1))
        }
    }

    /// The held-out loss where the model is.
    func heldOutLoss() throws -> Double {
        try withoutGradients { try task.validationLoss(of: model) }
    }

    // MARK: second derivatives

    /// The Hessian of the training loss at a point by differentiating gradients again; the forward passes are kept.
    func hessian(at point: Point) throws -> SymmetricOperator {
        try move(to: point)
        let estimator = try CurvatureEstimator(of: model)
        var found = CurvatureEstimates()
        for batch in batches {
            try Interruption.poll()
            let own = try estimator.estimate(
                [.hessian], of: try task.objective(of: model, on: batch), units: batch.unitCount)
            found = try found + own
        }
        guard let hessian = found.hessian else { throw CurvatureError.noObservations }
        return hessian
    }

    /// The same by differences of gradients.
    func differencedHessian(at point: Point) throws -> SymmetricOperator {
        let layout = ParameterLayout(of: point.weights)
        let start = layout.joined(point.weights.map { $0.to(dtype: $0.dtype.accumulator) })
        return try .hessian(at: start) { place in
            try Interruption.poll()
            try self.move(to: point, along: [(layout.split(place - start), 1)])
            return try self.gradient(layout).to(dtype: start.dtype)
        }
    }

    /// The gradient of the training loss where the model is.
    private func gradient(_ layout: ParameterLayout) throws -> Tensor {
        let weights = stored.filter(\.parameter.isTrainable).map(\.parameter.wrappedValue)
        var (sum, count) = (weights.map { Tensor.zeros(like: $0.detached(), dtype: .float64) }, 0)
        for batch in batches {
            let objective = try task.objective(of: model, on: batch)
            let found = try gradients(of: objective.negativeLogLikelihood, withRespectTo: weights)
            for (k, part) in found.enumerated() {
                if let part { sum[k] = sum[k] + part.detached().to(dtype: .float64) }
            }
            count += objective.observationCount
        }
        return layout.joined(sum) / Double(max(count, 1))
    }
}
