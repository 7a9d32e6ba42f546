import Fisher
import FisherTasks

/// A classifier of the bundled digits in float64 with tanh between its layers, small enough for its whole Fisher
/// information: what identities and measurements are made on.
struct DigitClassifier {
    /// The network.
    let model: Sequential
    /// The images, [count, 64], or [count, 16] with the means of squares of four pixels.
    let inputs: Tensor
    /// The figures, [count], int64.
    let targets: Tensor
    private let estimator: CurvatureEstimator
    private let layout: ParameterLayout

    /// Draws the weights.
    ///
    /// - Parameters:
    ///   - hidden: the widths of the hidden layers.
    ///   - seed: of the weights and of the choice of images.
    ///   - imageCount: how many images, 1,347 at most.
    ///   - isCoarse: whether images have 4 by 4 pixels.
    ///   - trainable: the position of the only layer whose weights are estimated; nil for all of them.
    init(
        hidden: [Int], seed: UInt64, imageCount: Int = 1347, isCoarse: Bool = true, only trainable: Int? = nil
    ) throws {
        let digits = try Digits.all.split(seed: seed).training
        let batch = digits.batch(at: Array(0..<min(imageCount, digits.count)))
        let pixels = batch.inputs.to(dtype: .float64)
        inputs =
            isCoarse
            ? pixels.reshaped([-1, 4, 2, 4, 2]).mean(along: 2, 4).reshaped([-1, 16]).contiguous() : pixels
        targets = batch.targets
        let generator = try RandomGenerator(seed: seed)
        let widths = [isCoarse ? 16 : 64] + hidden + [Digits.classCount]
        var layers: [any UnaryLayer] = []
        for (inputs, outputs) in zip(widths, widths.dropFirst()) {
            if !layers.isEmpty { layers.append(Tanh()) }
            layers.append(Linear(inputs, outputs, dtype: .float64, using: generator))
        }
        model = Sequential(layers)
        let named = model.parameters.filter { named in
            trainable.map { "\(named.path)".hasPrefix("\(2 * $0).") } ?? true
        }
        estimator = try CurvatureEstimator(of: model, for: named)
        layout = ParameterLayout(of: named.map(\.parameter.wrappedValue))
    }

    /// The number of images.
    var count: Int { inputs.shape[0] }

    /// The weights that are estimated, as one vector.
    var weights: Tensor {
        withoutGradients {
            layout.joined(estimator.parameters.map { $0.parameter.wrappedValue.detached() }).copy()
        }
    }

    /// Replaces them.
    func setWeights(_ vector: Tensor) throws {
        for (named, part) in zip(estimator.parameters, layout.split(vector)) {
            try named.parameter.assign(part)
        }
    }

    /// The objective of all images, or of those at some indices.
    func objective(at indices: [Int]? = nil) throws -> Objective {
        guard let indices else {
            return try Objective(Categorical(logits: model(inputs)), observing: targets)
        }
        let rows = Tensor(indices.map(Int64.init))
        return try Objective(
            Categorical(logits: model(inputs.gathering(rows, along: 0))),
            observing: targets.gathering(rows, along: 0))
    }

    /// The mean loss of all images, in nats.
    func loss() throws -> Double { try withoutGradients { try objective().loss.item() } }

    /// Estimates of all images, or of those at some indices.
    func estimate(
        _ requests: [CurvatureRequest], at indices: [Int]? = nil, using generator: RandomGenerator? = nil
    ) throws -> CurvatureEstimates {
        try estimator.estimate(requests, of: objective(at: indices), using: generator)
    }

    /// A diagonal as one vector.
    func diagonal(_ source: CurvatureSource, at indices: [Int]? = nil) throws -> Tensor {
        let found = try estimate([.diagonal(source)], at: indices).diagonal(source)?.mean ?? [:]
        return joined(found)
    }

    /// Tensors by parameter as one vector.
    func joined(_ found: [ParameterPath: Tensor]) -> Tensor {
        layout.joined(estimator.parameters.compactMap { found[$0.path] })
    }

    /// The gradient of the mean loss as one vector.
    func gradient(at indices: [Int]? = nil) throws -> Tensor {
        joined(try estimate([.gradient], at: indices).gradient ?? [:])
    }

    /// Makes steps on mini-batches drawn with replacement, and returns the mean loss of each.
    ///
    /// - Parameters:
    ///   - rule: the rule.
    ///   - steps: their number.
    ///   - batch: the images of a mini-batch.
    ///   - seed: which images are drawn.
    @discardableResult
    func train(_ rule: any OptimizationRule, steps: Int, batch: Int = 32, seed: UInt64) throws -> [Double] {
        let optimizer = try Optimizer(for: model, rule)
        var draws = SplitMix64(seed: seed)
        return try (0..<steps).map { _ in
            let indices = (0..<batch).map { _ in draws.uniform(below: count) }
            return try optimizer.step { try objective(at: indices) }.loss
        }
    }
}

extension Tensor {
    /// The inner product of two vectors.
    func inner(_ other: Tensor) throws -> Double { try (self * other).sum(dtype: .float64).item() }

    /// The cosine of the angle to another vector.
    func cosine(to other: Tensor) throws -> Double {
        try inner(other) / (try norm().item() * other.norm().item())
    }

    /// |self - other| / |other|.
    func relativeDistance(to other: Tensor) throws -> Double {
        try (self - other).norm().item() / other.norm().item()
    }
}
