import Fisher
import FisherData
import FisherTraining
import Foundation

/// A plain network on data of the user's own.
///
/// Numbers are standardized by the samples to train on. Where targets are, the likelihood is that of the standardized ones,
/// and the loss is stated for the original ones: sum_j log s_j nats more (`Rescaled`).
public struct DataTask: ConfigurableTask {
    public static let name = "data"
    public static let subject = "a plain network on data of your own"
    public static let remark =
        "--inputs names a CSV file (with --target COLUMN), .npy, .npz, safetensors or IDX files (with --targets FILE), or a folder with a folder of images for each class; formats are recognized by content."
    public static let presets = [
        ConfigurationPreset("standard", ["training.steps": "1000", "optimizer.learning_rate": "0.003"]),
        ConfigurationPreset(
            "small",
            ["model.width": "16", "training.steps": "400", "optimizer.learning_rate": "0.01"]),
    ]
    public static var smallestPreset: String? { "small" }

    /// The network.
    public var specification: NetworkSpecification { network.specification }
    /// The number of samples to train on.
    public var trainingCount: Int { training.count }
    /// The number of samples held out.
    public var heldOutCount: Int { heldOut.count }
    /// Samples in a step.
    public let batch: Int
    public let dataFingerprint: String
    let options: DataOptions
    let network: DataNetwork
    let training: DataSamples
    let heldOut: DataSamples
    /// What was decided about the data, for readers.
    let notes: [String]
    private let start: DataStart?
    /// The network in words, for readers.
    private let model: String
    private let parameterCount: Int

    /// Reads the data and makes the task.
    ///
    /// - Throws: `StorageError`, `DataError`, `TableError`, `MediaError` and `SafetensorsError` for data that cannot be read or
    ///   used, `ConfigurationError` for options and networks that do not fit them.
    public init(_ options: DataOptions) throws {
        guard !options.inputs.isEmpty else {
            throw ConfigurationError(
                "data.inputs is not set: name the file or folder of the samples with --inputs")
        }
        let given = try DataNetwork.Given(options)
        let data = try DataReader(options.request(try given.kind), poll: Interruption.poll).dataSet()
        let all = Array(0..<data.count)
        if let other = try Self.heldOut(options, given, data) {
            try self.init(options, given, data, all, other, Array(0..<other.count))
        } else if let isHeldOut = data.isHeldOut {
            try self.init(
                options, given, data, all.filter { !isHeldOut[$0] }, data, all.filter { isHeldOut[$0] })
        } else {
            let (training, heldOut) = try Self.divided(data, all, options, seed: UInt64(options.splitSeed))
            try self.init(options, given, data, training, data, heldOut)
        }
    }

    /// The samples of held-out files, or those that the data hold out themselves.
    private static func heldOut(
        _ options: DataOptions, _ given: DataNetwork.Given, _ data: DataSet
    ) throws -> DataSet? {
        guard !options.heldOutInputs.isEmpty else { return data.heldOut.first }
        var request = options.request(
            try given.kind ?? (data.targets?.labels == nil ? .numbers : .classes))
        (request.inputs, request.targets) = (options.heldOutInputs, options.heldOutTargets)
        (request.splitColumn, request.groupColumn) = ("", "")
        var names: [String]?
        if case .classes(_, let own)? = data.targets { names = own }
        return try DataReader(request, poll: Interruption.poll)
            .dataSet(like: data.encoding, classNames: names)
    }

    private static func divided(
        _ data: DataSet, _ indices: [Int], _ options: DataOptions, seed: UInt64
    ) throws -> (training: [Int], heldOut: [Int]) {
        guard options.testShare > 0, options.testShare < 1 else {
            throw ConfigurationError(
                "data.test_share = \(options.testShare) leaves one side without samples")
        }
        return data.divided(indices, heldOut: options.testShare, seed: seed)
    }

    private init(
        _ options: DataOptions, _ given: DataNetwork.Given, _ data: DataSet, _ chosen: [Int],
        _ other: DataSet,
        _ heldOut: [Int]
    ) throws {
        guard !chosen.isEmpty, !heldOut.isEmpty else {
            throw ConfigurationError(
                "\(data.name) has \(chosen.count) samples to train on and \(heldOut.count) held out: both sides need some"
            )
        }
        guard data.inputs.shape == other.inputs.shape else {
            throw ConfigurationError(
                "the inputs of \(other.name) have the shape \(other.inputs.shape), those of \(data.name) \(data.inputs.shape)"
            )
        }
        guard options.batch <= chosen.count else {
            throw ConfigurationError(
                "data.batch = \(options.batch) is more than the \(chosen.count) samples to train on")
        }
        batch = options.batch > 0 ? options.batch : min(64, chosen.count)
        let network = try DataNetwork(given, for: data, options)
        try network.specification.requireMemory()
        let preparation = try Self.preparation(data, chosen, network, options)
        let memory = options.memoryByteCount
        (self.options, self.network, start, model) = (options, network, given.start, given.text)
        training = try DataSamples(data, chosen, preparation, memory: memory)
        self.heldOut = try DataSamples(other, heldOut, preparation, memory: memory)
        notes = data.notes + other.notes.filter { !data.notes.contains($0) } + given.notes
        parameterCount = network.specification.makeNetwork(using: try RandomGenerator(seed: 0)).parameterCount
        var fingerprint = Fingerprint()
        fingerprint.add(try data.fingerprint())
        fingerprint.add(other.name == data.name ? "" : try other.fingerprint())
        try fingerprint.add("to train on", Tensor(chosen.map(Int64.init)))
        try fingerprint.add("held out", Tensor(heldOut.map(Int64.init)))
        if let start { fingerprint.add(try start.fingerprint()) }
        dataFingerprint = fingerprint.text
        if start != nil { _ = try makeModel(seed: 0) }
    }

    private static func preparation(
        _ data: DataSet, _ indices: [Int], _ network: DataNetwork, _ options: DataOptions
    ) throws -> DataPreparation {
        let areEntries = network.specification.embedding != nil
        guard !areEntries || !data.inputs.dtype.isFloatingPoint else {
            throw ConfigurationError(
                "the network begins with an embedding, which takes whole numbers, but the inputs of \(data.name) are "
                    + "\(data.inputs.dtype)")
        }
        var preparation = DataPreparation(
            encoding: data.encoding,
            standardization: try Standardization(
                of: data.inputs, at: indices, isOn: options.standardize && !areEntries,
                areNumbers: data.encoding?.areNumbers, poll: Interruption.poll),
            areEntries: areEntries, storedShape: data.inputs.shape, sampleShape: network.sampleShape,
            classNames: network.classNames,
            targetNames: [], targetShape: network.targetShape, targetMeans: [], targetDeviations: [])
        if case .numbers(let array, let names)? = data.targets {
            preparation.targetNames = names
            let isGaussian = network.specification.likelihood.hasPrefix("gaussian")
            if options.standardize, isGaussian, network.targetShape.count == 1 {
                let found = try Standardization(
                    of: .array(array), at: indices, isOn: true, poll: Interruption.poll)
                if found.means.count == network.targetShape[0] {
                    (preparation.targetMeans, preparation.targetDeviations) = (found.means, found.deviations)
                }
            }
        }
        return preparation
    }

    /// The same on the samples to train on alone, divided once more.
    public func tuningTask() throws -> DataTask {
        var own = options
        if own.testShare <= 0 || own.testShare >= 1 { own.testShare = 0.2 }
        let (chosen, others) = try Self.divided(
            training.data, training.indices, own, seed: UInt64(options.splitSeed) &+ 1)
        own.batch = batch
        return try DataTask(
            own, DataNetwork.Given(options), training.data, chosen, training.data, others)
    }

    public var examplesPerStep: Int { batch }

    /// The network as JSON, as `fisher information` reads it, and how samples are prepared for it.
    public var modelMetadata: [String: String] {
        func json(_ value: some Encodable) -> String {
            String(decoding: StoredJSON.encode(value, indented: false), as: UTF8.self)
        }
        return [
            PlainNetwork.metadataKey: json(specification),
            DataPreparation.metadataKey: json(training.preparation),
        ]
    }

    public var summary: TaskSummary {
        let shape = training.data.inputs.shape.map(String.init).joined(separator: " x ")
        let preparation = training.preparation
        let predicted: String
        if preparation.classNames.isEmpty {
            let names = preparation.targetNames.prefix(8).joined(separator: ", ")
            predicted = names.isEmpty ? "numbers" : names
        } else {
            predicted = "\(preparation.classNames.count) classes"
        }
        let layers = specification.layers.count
        let isScaled = !preparation.targetMeans.isEmpty
        return TaskSummary(
            name: Self.name,
            description:
                "\(specification.likelihood) network of \(layers) layers, \(parameterCount) parameters, on "
                + "\(training.count) samples of \(DurableStorage.name(of: training.data.name)): \(predicted)",
            parameterCount: parameterCount, lossUnit: "sample",
            settings: [
                Setting("model", model),
                Setting("first weights", start?.text ?? "drawn for each seed"),
                Setting("likelihood", network.likelihood.text),
                Setting("samples", "\(training.count) to train on, \(heldOut.count) held out"),
                Setting("inputs", "\(shape) numbers" + (options.standardize ? ", standardized" : "")),
                Setting("predicted", predicted + (isScaled ? ", standardized" : "")),
                Setting(
                    "loss",
                    "nats a sample"
                        + (isScaled
                            ? " in the unit of the data (the variance is that of standardized targets)" : "")),
                Setting("data", training.isStreamed ? "read from the file batch by batch" : "in memory"),
                Setting("batch", "\(batch) samples"),
            ] + notes.enumerated().map { Setting("note \($0 + 1)", $1) },
            data: training.data.name)
    }

    public func makeModel(seed: UInt64) throws -> Sequential {
        try start?.makeModel(specification, seed: seed)
            ?? specification.makeNetwork(using: try RandomGenerator(seed: seed))
    }

    public func makeBatches(seed: UInt64) throws -> SampleBatches {
        SampleBatches(count: training.count, batch: batch, seed: seed, reading: training.batch)
    }

    public func objective(of model: Sequential, on batch: SupervisedBatch) throws -> Objective {
        try network.likelihood.objective(
            of: model(batch.inputs),
            observing: batch.targets.to(
                dtype: network.likelihood.targetDType(forOutputs: .float32, given: batch.targets.dtype)),
            logScale: training.preparation.logScale)
    }

    /// Mean nats a sample over the samples held out, in the unit of the data.
    public func validationLoss(of model: Sequential) throws -> Double {
        try validationLoss(of: model, on: 0..<heldOut.count)
    }

    public func validationParts(of model: Sequential) throws -> [Double] {
        try Self.validationLosses(of: heldOut.count) { try validationLoss(of: model, on: $0) }
    }

    private func validationLoss(of model: Sequential, on range: Range<Int>) throws -> Double {
        try meanLoss(of: model, on: range, by: 512) { try heldOut.batch(at: Array($0)) }
    }

    public static func afterwards(_ folder: String) -> String? {
        "predict with: \(EnvironmentSummary.programName) predict \(folder) --inputs FILE --output predictions.csv"
    }
}
