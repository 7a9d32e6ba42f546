import Fisher
import FisherData
import FisherTraining
import Foundation

/// A network of a description and of weights from files, in the type of the weights and in evaluation.
public struct PlainNetwork {
    /// The description: layers and likelihood.
    public let specification: NetworkSpecification
    /// The likelihood whose parameters are the network's outputs.
    public let likelihood: any LikelihoodDescription
    /// The network with its weights.
    public let network: Sequential
    /// The type in which it is computed.
    public let dtype: DType

    /// The point at which estimates are made: the fingerprint of the description without its likelihood, and that of the
    /// weights as they are used.
    package func point() throws -> ModelPoint {
        try ModelPoint(of: network, network: specification.networkFingerprint())
    }

    /// Reads the description and the weights.
    ///
    /// - Parameters:
    ///   - model: the path of the description, JSON as `NetworkSpecification` reads it, or a folder with `network.json`.
    ///   - weights: the path of a safetensors file whose tensors are named by position (`0.weight`, `0.bias`), or a
    ///     folder with `weights.safetensors`; `fisher convert` writes such folders.
    ///   - dtype: the type to compute in; nil for that of the weights.
    /// - Throws: `StorageError` for a description that cannot be read, `NetworkSpecificationError` for one
    ///   that is invalid, `SafetensorsError` and `WeightError` for weights that are invalid or do not fit.
    public init(model: String, weights: String, dtype: DType? = nil) throws {
        try self.init(
            Self.description(at: model), weights: Self.weightsPath(weights), dtype: dtype)
    }

    /// The description in a JSON file, or in a folder of `fisher convert`; throws what reading it throws, and `DataError` for
    /// a file that is something else.
    static func description(at path: String) throws -> NetworkSpecification {
        let file = try descriptionPath(path)
        if let format = try FileReader(file).format(), ![.json, .text, .empty].contains(format) {
            throw DataError(file, format.complaint(wanted: "the description of a network (JSON)"))
        }
        let json = try DurableStorage.readFile(at: file)
        do {
            let specification = try NetworkSpecification(json: json)
            // An unknown likelihood is a mistake of this file too.
            _ = try LikelihoodRegistry.likelihood(of: specification)
            return specification
        } catch {
            throw StorageError(.damaged, path: file, reason: "describes no network: \(error)")
        }
    }

    /// Reads weights whose file holds the description too, as the digits' checkpoints do.
    ///
    /// - Throws: what `init(model:weights:)` throws, and `WeightError` for a file without a description.
    public init(describedIn weights: String) throws {
        try self.init(Self.description(in: weights), weights: weights, dtype: nil)
    }

    /// The description that a file of weights holds; throws `WeightError` where it holds none.
    static func description(in weights: String) throws -> NetworkSpecification {
        guard let json = try SafetensorsFile(path: weights).metadata[Self.metadataKey] else {
            throw WeightError(
                description:
                    "\(weights): its metadata hold no description of the network: name one with --model")
        }
        do {
            let specification = try NetworkSpecification(json: Data(json.utf8))
            _ = try LikelihoodRegistry.likelihood(of: specification)
            return specification
        } catch {
            throw WeightError(description: "\(weights): its metadata describe no network: \(error)")
        }
    }

    /// The description's name in a folder of `fisher convert`.
    package static let descriptionName = "network.json"
    /// The name of the weights in a folder of `fisher convert`.
    package static let weightsName = "weights.safetensors"

    /// The description that a path names: the file itself, or that in a folder of `fisher convert`.
    package static func descriptionPath(_ path: String) throws(StorageError) -> String {
        try DurableStorage.kind(of: path, followingLinks: true) == .folder
            ? "\(path)/\(descriptionName)" : path
    }

    /// The weights that a path names: the file itself, or that in a folder of `fisher convert`.
    package static func weightsPath(_ path: String) throws(StorageError) -> String {
        try DurableStorage.kind(of: path, followingLinks: true) == .folder ? "\(path)/\(weightsName)" : path
    }

    /// The key of the description in the metadata of a file of weights.
    public static let metadataKey = "swift_fisher_network"

    private init(_ specification: NetworkSpecification, weights: String, dtype wanted: DType?) throws {
        self.specification = specification
        likelihood = try LikelihoodRegistry.likelihood(of: specification)
        let tensors = try SafetensorsFile(path: weights).allTensors()
        dtype = wanted ?? tensors.values.first { $0.dtype.isFloatingPoint }?.dtype ?? .float32
        do {
            network = try specification.makeNetwork(dtype: dtype, weights: tensors)
        } catch let error as WeightError {
            throw WeightError(description: "\(weights): \(error.description)")
        }
        network.setTraining(false)
    }

    /// Inputs and targets in the types that the network and its likelihood take.
    ///
    /// Throws `NetworkSpecificationError` for a shape that does not fit, and `CurvatureError` for numbers that are not
    /// finite, of a wrong type, or no numbers of entries or classes.
    public func batch(inputs: Tensor, targets: Tensor) throws -> SupervisedBatch {
        _ = try specification.outputShape(for: inputs.shape)
        return SupervisedBatch(inputs: try converted(inputs), targets: try converted(targets: targets))
    }

    private func converted(_ inputs: Tensor) throws -> Tensor {
        guard let table = specification.embedding else {
            guard inputs.dtype.isFloatingPoint else {
                throw CurvatureError.badInputs(
                    reason: "they must be floating-point numbers, not \(inputs.dtype)")
            }
            let converted = inputs.to(dtype: dtype)
            if let reason = try converted.nonFiniteElement() {
                throw CurvatureError.badInputs(reason: "in \(dtype) their tensor \(reason)")
            }
            return converted
        }
        guard !inputs.dtype.isFloatingPoint, inputs.dtype != .bool else {
            throw CurvatureError.badInputs(
                reason: "an embedding needs numbers of entries, of an integer type, not \(inputs.dtype)")
        }
        let numbers = inputs.to(dtype: .int64)
        let entries = table.parameterShapes?.first?.shape.first ?? 0
        if numbers.count > 0 {
            let (least, most) = (try numbers.min().item(), try numbers.max().item())
            guard least >= 0, most < Double(entries) else {
                throw CurvatureError.badInputs(
                    reason:
                        "they number entries from \(Int(least)) to \(Int(most)), of which there are \(entries)"
                )
            }
        }
        return numbers
    }

    private func converted(targets: Tensor) throws -> Tensor {
        let wanted = likelihood.targetDType(forOutputs: dtype, given: targets.dtype)
        guard wanted.isFloatingPoint || !targets.dtype.isFloatingPoint && targets.dtype != .bool else {
            throw CurvatureError.badObservations(
                reason: "they are numbers of classes, of an integer type, not \(targets.dtype)")
        }
        let converted = targets.to(dtype: wanted)
        if let reason = try converted.nonFiniteElement() {
            throw CurvatureError.badObservations(reason: "in \(wanted) their tensor \(reason)")
        }
        return converted
    }

    /// The batch of two files, each safetensors, `.npy`, `.npz`, IDX or CSV by its content: the arrays named `inputs` and
    /// `targets`, or each file's only one; of CSV all columns, which must be numbers.
    ///
    /// - Throws: `DataError` that names the file for what the network or its likelihood cannot take.
    public func batch(inputs: String, targets: String) throws -> SupervisedBatch {
        let given = try DataReader.tensor("inputs", at: inputs).tensor
        let found = try DataReader.tensor("targets", at: targets)
        try NumberChecks.requireFinite(given, in: inputs)
        try NumberChecks.requireFinite(found.tensor, in: targets)
        let observed = try found.isTable ? classes(ofColumn: found.tensor, targets) : found.tensor
        let samples = given.shape.first ?? 0
        guard samples > 0 else { throw DataError(inputs, "holds no sample") }
        guard observed.shape.first == samples else {
            throw DataError(
                targets,
                "has shape \(observed.shape), where \(inputs) has \(samples) samples along the first axis")
        }
        do {
            let shape = try specification.outputShape(for: given.shape)
            if specification.likelihood == "categorical", let classes = shape.last,
                !observed.dtype.isFloatingPoint, observed.dtype != .bool
            {
                try NumberChecks.requireClasses(
                    observed, in: targets, count: classes, mark: Int64(Categorical.masked))
            }
            return try batch(inputs: given, targets: observed)
        } catch let error as NetworkSpecificationError {
            throw DataError(inputs, "does not fit the network: \(error)")
        } catch let error as CurvatureError {
            switch error {
            case .badInputs(let reason): throw DataError(inputs, "cannot be the inputs: \(reason)")
            case .badObservations(let reason): throw DataError(targets, "cannot be the targets: \(reason)")
            default: throw error
            }
        }
    }

    /// The classes that the one column of a table holds, where the likelihood observes classes.
    private func classes(ofColumn column: Tensor, _ path: String) throws -> Tensor {
        let observed = likelihood.targetDType(forOutputs: dtype, given: .int64)
        guard !observed.isFloatingPoint, column.shape[1] == 1 else { return column }
        let numbers = try column.scalars(as: Double.self)
        guard let wrong = numbers.first(where: { Int64(exactly: $0) == nil }) else {
            return Tensor(numbers.map { Int64($0) })
        }
        throw DataError(path, "has \(wrong), which is the number of no class")
    }

    /// The samples of two such files in at most `count` batches of nearly one size.
    ///
    /// - Throws: `CurvatureError.badObservations` if the files hold different numbers of samples.
    public func batches(inputs: String, targets: String, count: Int) throws -> [SupervisedBatch] {
        let data = try batch(inputs: inputs, targets: targets)
        let (samples, targetCount) = (data.unitCount, data.targets.shape.first ?? 0)
        guard targetCount == samples else {
            throw CurvatureError.badObservations(
                reason: "there are \(targetCount) targets for \(samples) inputs")
        }
        let parts = max(1, min(count, samples))
        return (0..<parts).map { data.slice($0 * samples / parts..<($0 + 1) * samples / parts) }
    }

    /// The mean negative log-likelihood of a batch; throws `CurvatureError` for inputs that the network rejects and
    /// targets that the likelihood cannot have.
    public func objective(_ batch: SupervisedBatch) throws -> Objective {
        let outputs = network(batch.inputs)
        if let failure = outputs.failure {
            if failure.kind == .invalidOperation {
                throw CurvatureError.badInputs(reason: "\(failure)")
            }
            throw failure
        }
        do {
            return try likelihood.objective(of: outputs, observing: batch.targets)
        } catch let error as TorchError {
            if error.kind != .invalidOperation { throw error }
            throw CurvatureError.badObservations(reason: "\(error)")
        }
    }
}

extension NetworkSpecification {
    /// The embedding that takes the inputs; nil for a network that takes real numbers.
    var embedding: Embedding.Description? {
        var layer = layers.first
        while let list = layer as? Sequential.Description { layer = list.layers.first }
        return layer as? Embedding.Description
    }
}

extension PlainNetwork {
    /// Two convolutions of 3 by 3 with `width` channels and twice as many, each followed by a rectifier and a pooling of 2
    /// by 2, and a linear layer.
    static func convolutions(
        _ width: Int, _ channels: Int, _ outputs: Int, _ size: (height: Int, width: Int)
    ) -> [any LayerDescription] {
        var layers: [any LayerDescription] = []
        for (inputs, outputs) in [(channels, width), (width, 2 * width)] {
            layers += [
                Conv2d.Description(inputs: inputs, outputs: outputs, kernel: [3, 3], padding: [1, 1]),
                ReLU.Description(), MaxPool2d.Description(kernel: 2),
            ]
        }
        let positions = (size.height / 4) * (size.width / 4)
        return layers + [
            Flatten.Description(), Linear.Description(inputs: 2 * width * positions, outputs: outputs),
        ]
    }
}
