// Written by Scripts/embed-example: the files of Examples/OwnTask, which `fisher init` writes. Literals, because a program
// that is copied elsewhere has no resources beside it.
// swift-format-ignore-file

/// The package that `fisher init` writes.
enum PackageTemplate {
    /// The files, by their paths in the package.
    static let files: [(path: String, text: String)] = [
        ("Package.swift", #"""
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "own-task",
    platforms: [.macOS(.v15)],
    // Elsewhere: .package(url: "<URL of swift-fisher>", from: "0.1.0").
    dependencies: [.package(name: "swift-fisher", path: "../..")],
    targets: [
        .executableTarget(
            name: "own-task",
            dependencies: [
                .product(name: "Fisher", package: "swift-fisher"),
                .product(name: "FisherTraining", package: "swift-fisher"),
                .product(name: "FisherCommand", package: "swift-fisher"),
            ],
            path: "Sources/OwnTask")
    ],
    swiftLanguageModes: [.v6]
)

"""#),
        ("README.md", #"""
# OwnTask

`WaitingTask.swift` has data and model, `ScaledLinear.swift` a layer, `Geometric.swift` a likelihood, `Lion.swift` a rule, `Predict.swift` a command.

    swift build    # where libtorch is missing: swift package --allow-network-connections all prepare-engine
    .build/debug/own-task train waiting --rule lion --output runs/first
    .build/debug/own-task compare waiting --optimizer lion --optimizer kfac --learning-rates all=1e-2,3e-2 --seeds 3

"""#),
        (".gitignore", #"""
.build/
.swiftpm/
runs/

"""#),
        ("Sources/OwnTask/Geometric.swift", #"""
import Fisher

/// The number of failures before the first success: P(y) = p (1 - p)^y with p = sigmoid(z), for logits z of shape [samples, 1].
public struct Geometric: Samplable {
    /// The logits z of success, shape [samples, 1].
    public let logits: Tensor

    /// Creates the likelihood of its logits.
    public init(logits: Tensor) { self.logits = logits }

    /// Every sample is one observation.
    public func observationCount(of targets: Tensor) throws(TorchError) -> Int {
        try targets.check()
        return targets.shape[0]
    }

    /// -log p - y log(1 - p).
    public func perObservationNegativeLogLikelihood(of targets: Tensor) -> Tensor {
        (-logits.logSigmoid() - targets * (-logits).logSigmoid()).sum(along: -1)
    }

    /// An exponential variable of rate -log(1 - p), rounded down.
    public func sample(using generator: RandomGenerator) -> Tensor {
        let rate = -(-logits.detached()).logSigmoid()
        return (Tensor.exponential(like: rate, using: generator) / rate).to(dtype: .int64).to(
            dtype: rate.dtype)
    }
}

/// F = 1 - p: the score y p - (1 - p) has this variance. The Hessian is (1 + y) p (1 - p).
extension Geometric: ClosedFormFisher {
    public var outputs: Tensor { logits }
    public var outputFisherFactorCount: Int { 1 }

    private var failure: Tensor { (-logits.detached()).sigmoid() }

    public func outputFisherProduct(_ v: Tensor) -> Tensor { failure * v }
    public func outputFisherFactor(_ k: Int) -> Tensor { failure.squareRoot() }

    public func outputHessianProduct(of targets: Tensor, _ v: Tensor) -> Tensor {
        (targets + 1) * failure * (1 - failure) * v
    }

    /// log p/p' + E[y] log (1 - p)/(1 - p'), where E[y] = (1 - p)/p = exp(-z).
    public func divergence(from other: Geometric, observing targets: Tensor?) -> Tensor {
        let success = logits.logSigmoid() - other.logits.logSigmoid()
        let failure = (-logits).logSigmoid() - (-other.logits).logSigmoid()
        return (success + (-logits).exp() * failure).sum()
    }
}

"""#),
        ("Sources/OwnTask/Lion.swift", #"""
import Fisher

/// Lion: the sign of an interpolation between momentum and gradient.
///
///     c <- beta1 m + (1 - beta1) g
///     theta <- theta - eta (c / |c| + lambda theta)
///     m <- beta2 m + (1 - beta2) g
public struct Lion: TensorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-4
    /// Share beta1 of the momentum in the update, in [0, 1).
    @Configurable("beta1", .decay, "share of the momentum in the update")
    public var beta1: Schedule = 0.9
    /// Decay beta2 of the momentum average, in [0, 1).
    @Configurable("beta2", .decay, "decay of the momentum average")
    public var beta2: Schedule = 0.99
    /// Decay lambda of the weights, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the weights")
    public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public static let summary = RuleSummary(
        name: "lion", title: "Lion", source: "none", structure: "identity", power: "0",
        momentum: "of the gradient", stateBytes: "4", cost: "P", neglects: "everything",
        reference: "Chen et al. 2023")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let lambda = input.decays ? weightDecay(t) : 0

        let m = state["momentum"] ?? .zeros(like: g)
        let c = averaged(m, g, decay: beta1(t))
        state["momentum"] = averaged(m, g, decay: beta2(t))
        var step = quotient(c, c.magnitude())
        if lambda != 0 { step = step + theta * lambda }
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, a.magnitude()) }
        return ParameterUpdate(change: step * -learningRate(t))
    }
}

"""#),
        ("Sources/OwnTask/Predict.swift", #"""
import Fisher
import FisherCommand
import FisherTraining

/// `own-task predict`: how often one must try at a point, by the model of a run.
struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Predict how often one must try at a point, by the model of a run.")

    @Argument(help: "The run's folder, or a checkpoint's.")
    var folder: String
    @Option(help: "The point's first number, in [-1, 1].")
    var x = 0.5
    @Option(help: "The point's second number, in [-1, 1].")
    var y = 0.5

    func run() throws {
        let saved = try SavedModel(at: folder)
        let file = try SafetensorsFile(path: saved.weights)
        let width = file.metadata["width"].flatMap { Int($0) } ?? WaitingTask.Options().width
        let model = WaitingNetwork(width: width, using: try RandomGenerator(seed: 0))
        try model.load(from: saved.weights)
        let logits = withoutGradients { model(Tensor([Float(x), Float(y)], shape: [1, 2])) }
        // E[y] = (1 - p) / p.
        print("failures to expect: \(try (-logits).exp().item())")
    }
}

"""#),
        ("Sources/OwnTask/ScaledLinear.swift", #"""
import Fisher

/// A linear layer whose weights are divided by the root of its inputs: y = W x / sqrt(n).
///
/// With weights of variance one the outputs stay of the inputs' size whatever the width n, and so do the best learning rates
/// (the parametrization of the neural tangent kernel, Jacot et al. 2018).
public final class ScaledLinear: Module {
    /// The weights W, shape [outputs, inputs].
    @Parameter public var weight: Tensor
    private let site = CaptureSite()
    private let scale: Double

    /// Creates a layer with weights from the standard normal distribution.
    public init(_ inputs: Int, _ outputs: Int, using generator: RandomGenerator) {
        _weight = Parameter(wrappedValue: .normal([outputs, inputs], using: generator))
        scale = 1 / Double(inputs).squareRoot()
    }

    /// The outputs [samples, outputs] of inputs [samples, inputs].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.record(input: input, output: (input * scale).matmul(weight.transposed(0, 1)))
    }
}

/// Sample n has the gradient s_n x_n^T / sqrt(n), for its input x and the gradient s of its output: one outer product, so
/// that K-FAC's factors are those of s and of x / sqrt(n).
extension ScaledLinear: KroneckerLayer {
    public var informativeParameters: [Parameter] { [$weight] }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        [use.outputGradient.unsqueezed(2) * (use.input * scale).unsqueezed(1)]
    }

    public func kroneckerRows(of use: LayerActivation) -> KroneckerRows {
        KroneckerRows(
            inputs: (use.input * scale).unsqueezed(1), outputGradients: use.outputGradient.unsqueezed(1),
            hasBias: false)
    }
}

"""#),
        ("Sources/OwnTask/WaitingTask.swift", #"""
import Fisher
import FisherTraining

/// How often one must try: geometric counts whose chance of success depends on two numbers, learned by a small network.
public struct WaitingTask: ConfigurableTask {
    /// The options of data and model.
    public struct Options: ConfigurableOptions {
        /// Samples in a step.
        @Configurable("data.batch", .between(1, 512), "samples in a step")
        public var batch = 64
        /// The seed of the samples.
        @Configurable("data.seed", .nonNegative, "seed of the samples")
        public var seed = 0
        /// The width of the hidden layer.
        @Configurable("model.width", .atLeast(1), "width of the hidden layer")
        public var width = 32

        /// The defaults.
        public init() {}
    }

    public static let name = "waiting"
    public static let subject = "a small network that predicts how often one must try"
    public static let presets = [
        ConfigurationPreset("quick", ["training.steps": "200", "optimizer.learning_rate": "0.03"])
    ]
    public static var smallestPreset: String? { "quick" }

    private let options: Options
    private let training: SupervisedBatch
    private let test: SupervisedBatch

    public init(_ options: Options) throws { try self.init(options, seed: options.seed) }

    private init(_ options: Options, seed: Int) throws {
        self.options = options
        training = try Self.samples(512, seed: 2 * UInt64(seed))
        test = try Self.samples(256, seed: 2 * UInt64(seed) + 1)
    }

    /// Samples of other seeds: what tunes must not see what compares.
    public func tuningTask() throws -> WaitingTask {
        try WaitingTask(options, seed: options.seed + 1_000_000)
    }

    /// Points x [count, 2] in [-1, 1] and counts of the chance sigmoid(2 tanh(3 x_1 x_2)), [count, 1].
    static func samples(_ count: Int, seed: UInt64) throws -> SupervisedBatch {
        let generator = try RandomGenerator(seed: seed)
        let points = Tensor.uniform([count, 2], using: generator) * 2 - 1
        let product = points.narrowed(1, from: 0, length: 1) * points.narrowed(1, from: 1, length: 1)
        let counts = Geometric(logits: (product * 3).tanh() * 2).sample(using: generator)
        return SupervisedBatch(inputs: points, targets: counts)
    }

    public var batch: Int { options.batch }
    public var examplesPerStep: Int { options.batch }
    public var dataFingerprint: String { "waiting \(options.seed)" }
    public var modelMetadata: [String: String] { ["width": "\(options.width)"] }

    public var summary: TaskSummary {
        TaskSummary(
            name: Self.name, description: "two layers of width \(options.width) on 512 waiting times",
            parameterCount: 3 * options.width, lossUnit: "sample",
            settings: [Setting("batch", "\(options.batch) samples")])
    }

    public func makeModel(seed: UInt64) throws -> WaitingNetwork {
        WaitingNetwork(width: options.width, using: try RandomGenerator(seed: seed))
    }

    public func makeBatches(seed: UInt64) throws -> ShuffledBatches {
        try ShuffledBatches(
            inputs: training.inputs, targets: training.targets, batchSize: options.batch, seed: seed)
    }

    public func objective(of model: WaitingNetwork, on batch: SupervisedBatch) throws -> Objective {
        try Objective(Geometric(logits: model(batch.inputs)), observing: batch.targets)
    }

    public func validationLoss(of model: WaitingNetwork) throws -> Double {
        let objective = try objective(of: model, on: test)
        return try objective.negativeLogLikelihood.item() / Double(objective.observationCount)
    }
}

/// Two scaled layers with a hyperbolic tangent between them.
public final class WaitingNetwork: Module {
    let hidden: ScaledLinear
    let output: ScaledLinear

    /// Creates the network with first weights from a generator.
    public init(width: Int, using generator: RandomGenerator) {
        hidden = ScaledLinear(2, width, using: generator)
        output = ScaledLinear(width, 1, using: generator)
    }

    /// The logits [samples, 1] of points [samples, 2].
    public func callAsFunction(_ points: Tensor) -> Tensor { output(hidden(points).tanh()) }
}

"""#),
        ("Sources/OwnTask/main.swift", #"""
import Fisher
import FisherCommand

FisherTool.register(task: WaitingTask.self)
FisherTool.register(command: Predict.self)
RuleRegistry.register(Lion.self)
FisherTool.main()

"""#),
    ]
}
