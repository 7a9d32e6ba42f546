import Fisher
import FisherTasks

/// The loss of a small classifier of digits as a function of its weights, in float64: the loss that is trained, with a
/// multiple of a gradient's square added to it.
///
/// A perceptron 64-6-10 with the hyperbolic tangent, whose loss is smooth: what a step does can be compared with what a
/// flow does.
struct SmallLoss {
    /// What is added to the mean loss L.
    enum Penalty {
        /// Nothing.
        case none
        /// A multiple of |grad L|^2, the square of the gradient of all images.
        case wholeSquare(Double)
        /// A multiple of (1 / N) sum_n |grad L_n|^2, the trace of the empirical Fisher information.
        case trace(Double)
    }

    private let model: Sequential
    private let examples: SupervisedBatch
    private let layout: ParameterLayout
    /// The number of images.
    let count: Int

    /// The first images, and weights of a seed.
    init(images count: Int, seed: UInt64) throws {
        let generator = try RandomGenerator(seed: seed)
        model = Sequential(
            Linear(Digits.pixelCount, 6, dtype: .float64, using: generator), Tanh(),
            Linear(6, Digits.classCount, dtype: .float64, using: generator))
        let batch = Digits.all.batch(at: Array(0..<count))
        examples = SupervisedBatch(inputs: batch.inputs.to(dtype: .float64), targets: batch.targets)
        layout = ParameterLayout(of: model.parameters.map(\.parameter.wrappedValue))
        self.count = count
    }

    private var weights: [Tensor] { model.parameters.map(\.parameter.wrappedValue) }

    /// The weights of the seed, as one vector.
    var start: Tensor { withoutGradients { layout.joined(weights.map { $0.detached().copy() }) } }

    /// The mean loss of some images, all by default.
    func loss(_ images: Range<Int>? = nil) throws -> Tensor {
        let part = images.map { examples.slice($0) } ?? examples
        return try Objective(Categorical(logits: model(part.inputs)), observing: part.targets).loss
    }

    /// Moves the network to a point.
    func move(to point: Tensor) throws {
        try withoutGradients {
            for (weight, value) in zip(weights, layout.split(point)) { try weight.detached().assign(value) }
        }
    }

    /// The gradient at a point of the mean loss of some images, all by default, with a penalty of all of them.
    func gradient(at point: Tensor, images: Range<Int>? = nil, penalty: Penalty = .none) throws -> Tensor {
        try move(to: point)
        let (loss, weights) = (try loss(images), weights)
        var total = loss
        switch penalty {
        case .none: break
        case .wholeSquare(let scale): total = loss + (try square(of: loss)) * scale
        case .trace(let scale):
            for n in 0..<count {
                total = total + (try square(of: self.loss(n..<n + 1))) * (scale / Double(count))
            }
        }
        let found = try gradients(of: total, withRespectTo: weights)
        return layout.joined(zip(found, weights).map { $0?.detached() ?? .zeros(like: $1.detached()) })
    }

    /// |grad loss|^2 as a value that can be differentiated.
    private func square(of loss: Tensor) throws -> Tensor {
        let parts = try gradients(of: loss, withRespectTo: weights, createGraph: true)
        return parts.compactMap { $0?.squared().sum() }.reduce(Tensor.zeros([], dtype: .float64)) { $0 + $1 }
    }

    /// The trace of the empirical Fisher information at a point, by the package's own estimate.
    func informationTrace(at point: Tensor) throws -> Double {
        try move(to: point)
        let found = try CurvatureEstimator(of: model).estimate(
            [.diagonal(.empirical)],
            of: try Objective(Categorical(logits: model(examples.inputs)), observing: examples.targets))
        let diagonal = found.diagonal(.empirical)?.mean ?? [:]
        return try diagonal.values.reduce(0) { $0 + (try $1.sum(dtype: .float64).item()) }
    }

    /// (1 / N) sum_n |grad L_n|^2 at a point, gradient by gradient.
    func meanSquare(at point: Tensor) throws -> Double {
        try (0..<count).reduce(0) {
            $0 + (try gradient(at: point, images: $1..<$1 + 1).squared().sum().item()) / Double(count)
        }
    }

    /// Where steps of gradient descent lead: each on one range of images, in the order given.
    func descend(from start: Tensor, rate: Double, on ranges: [Range<Int>?]) throws -> Tensor {
        try ranges.reduce(start) { $0 - (try gradient(at: $0, images: $1)) * rate }
    }

    /// Where the gradient flow of the loss with a penalty leads in a time, by the classical method of Runge and Kutta.
    func flow(from start: Tensor, time: Double, steps: Int, penalty: Penalty) throws -> Tensor {
        let h = time / Double(steps)
        func slope(_ point: Tensor) throws -> Tensor { -(try gradient(at: point, penalty: penalty)) }
        return try (0..<steps).reduce(start) { point, _ in
            let a = try slope(point)
            let b = try slope(point + a * (h / 2))
            let c = try slope(point + b * (h / 2))
            let d = try slope(point + c * h)
            return point + (a + b * 2 + c * 2 + d) * (h / 6)
        }
    }
}
