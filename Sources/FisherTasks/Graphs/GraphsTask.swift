import Fisher
import FisherOptions
import FisherTraining
import Foundation

/// The options of the task on graphs.
public struct GraphsOptions: ConfigurableOptions {
    /// Graphs in a step.
    @Configurable("data.batch", .between(1, 100_000), "graphs in a step")
    public var batch = 64
    /// Graphs to train on.
    @Configurable("data.graphs", .between(12, 100_000), "graphs to train on, a third of each family")
    public var graphs = 1200
    /// Graphs held out.
    @Configurable("data.held_out", .between(3, 100_000), "graphs held out")
    public var heldOut = 600
    /// The nodes of a graph.
    @Configurable("data.nodes", .between(6, 64), "nodes of a graph, which has twice as many edges")
    public var nodes = 16
    /// The probability that an edge of a graph of two blocks lies inside one.
    @Configurable(
        "data.inside", .fraction, "probability that an edge of a graph of two blocks lies inside one")
    public var inside = 0.85
    /// The probability that an edge of a ring is moved.
    @Configurable("data.rewiring", .fraction, "probability that an edge of a ring is moved")
    public var rewiring = 0.2
    /// The seed by which the graphs are drawn.
    @Configurable(
        "data.graph_seed", .nonNegative, "seed by which the graphs are drawn, the same for all runs")
    public var graphSeed = 0
    /// The width of the graph convolutions.
    @Configurable("model.width", .between(1, 4096), "width of the two graph convolutions")
    public var width = 32

    /// The defaults.
    public init() {}
}

/// Which of three families a small random graph is of, told by two graph convolutions (Kipf and Welling 2017).
///
/// All graphs have as many nodes and edges (``GraphFamily``); a node is described by its degree and its clustering coefficient.
/// A sample is a whole graph, so that samples are independent and the estimates of Fisher information exact.
public struct GraphsTask: ConfigurableTask {
    public static let name = "graphs"
    public static let subject = "a graph network that tells families of random graphs apart"
    public static let remark = "The graphs are drawn by the program."
    public static let presets = [
        ConfigurationPreset(
            "small", ["model.width": "32", "training.steps": "400", "optimizer.learning_rate": "0.03"]),
        ConfigurationPreset(
            "wide", ["model.width": "128", "training.steps": "400", "optimizer.learning_rate": "0.01"]),
    ]
    public static var smallestPreset: String? { "small" }

    /// Graphs in a step.
    public var batch: Int { options.batch }
    public let dataFingerprint: String
    /// The network: two graph convolutions with rectifiers, the mean over the nodes, and a linear map.
    public let specification: NetworkSpecification
    let options: GraphsOptions
    let training: SmallGraphs
    let heldOut: SmallGraphs
    private let examples: SupervisedBatch
    private let parameterCount: Int

    /// Draws the graphs and makes the task; throws `ConfigurationError` for a batch of more graphs than there are.
    public init(_ options: GraphsOptions) throws {
        let all = SmallGraphs(
            options.graphs + options.heldOut, nodes: options.nodes, inside: options.inside,
            rewiring: options.rewiring, seed: UInt64(options.graphSeed))
        try self.init(
            options, training: all.selecting(0..<options.graphs),
            heldOut: all.selecting(options.graphs..<all.count))
    }

    init(_ options: GraphsOptions, training: SmallGraphs, heldOut: SmallGraphs) throws {
        guard options.batch <= training.count else {
            throw ConfigurationError(
                "data.batch = \(options.batch) is more than the \(training.count) graphs to train on")
        }
        let classes = GraphFamily.allCases.count
        specification = try NetworkSpecification(
            layers: [
                GraphConvolution.Description(
                    inputs: SmallGraphs.featureCount, outputs: options.width, keepsGraph: true),
                ReLU.Description(),
                GraphConvolution.Description(inputs: options.width, outputs: options.width),
                ReLU.Description(), MeanOverPositions.Description(),
                Linear.Description(inputs: options.width, outputs: classes),
            ], likelihood: Categorical.name)
        (self.options, self.training, self.heldOut) = (options, training, heldOut)
        examples = heldOut.examples
        parameterCount = specification.makeNetwork(using: try RandomGenerator(seed: 0)).parameterCount
        dataFingerprint = String(training.fingerprint &* 31 &+ heldOut.fingerprint, radix: 16)
    }

    /// The last quarter of the graphs to train on is held out instead.
    public func tuningTask() throws -> GraphsTask {
        let kept = training.count - training.count / 4
        return try GraphsTask(
            options, training: training.selecting(0..<kept),
            heldOut: training.selecting(kept..<training.count))
    }

    public var examplesPerStep: Int { batch }

    /// The network as JSON, as `fisher information` reads it.
    public var modelMetadata: [String: String] {
        let json = StoredJSON.encode(specification, indented: false)
        return [PlainNetwork.metadataKey: String(decoding: json, as: UTF8.self)]
    }

    public var summary: TaskSummary {
        TaskSummary(
            name: Self.name,
            description:
                "graph network, \(parameterCount) parameters, on \(training.count) random graphs of three families",
            parameterCount: parameterCount, lossUnit: "graph",
            settings: [
                Setting("model", "two graph convolutions of width \(options.width), mean, linear"),
                Setting(
                    "graphs",
                    "\(training.count) to train on, \(heldOut.count) held out, \(options.nodes) nodes and \(2 * options.nodes) edges"
                ),
                Setting(
                    "families", "uniform, two blocks (\(options.inside)), rewired ring (\(options.rewiring))"),
                Setting("batch", "\(batch) graphs"),
            ], data: "random graphs")
    }

    public func makeModel(seed: UInt64) throws -> Sequential {
        specification.makeNetwork(using: try RandomGenerator(seed: seed))
    }

    public func makeBatches(seed: UInt64) throws -> ShuffledBatches {
        let examples = training.examples
        return try ShuffledBatches(
            inputs: examples.inputs, targets: examples.targets, batchSize: batch, seed: seed)
    }

    public func objective(of model: Sequential, on batch: SupervisedBatch) throws -> Objective {
        try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
    }

    /// Mean nats per graph over the graphs held out.
    public func validationLoss(of model: Sequential) throws -> Double {
        try validationLoss(of: model, on: 0..<heldOut.count)
    }

    public func validationParts(of model: Sequential) throws -> [Double] {
        try Self.validationLosses(of: heldOut.count) { try validationLoss(of: model, on: $0) }
    }

    private func validationLoss(of model: Sequential, on range: Range<Int>) throws -> Double {
        try meanLoss(of: model, on: range, by: 512) { examples.slice($0) }
    }

    /// The accuracy on the held-out graphs with its interval (Wilson 1927).
    public func measures(of model: Sequential) throws -> [TaskMeasure] {
        let accuracy = try Digits.accuracy(model(examples.inputs), examples.targets)
        return [.accuracy(Int((accuracy * Double(heldOut.count)).rounded()), of: heldOut.count)]
    }

    /// The accuracy and the calibration on the held-out graphs.
    public func measures(of model: Sequential, posterior: GaussianPosterior?) throws -> [TaskMeasure] {
        let calibration = try ClassifierCalibration(of: examples.targets, posterior: posterior) {
            model(examples.inputs).softmax(along: -1)
        }
        return try measures(of: model) + calibration.measures
    }
}
