import Fisher
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
    ///   - model: the path of the description, JSON as `NetworkSpecification` reads it.
    ///   - weights: the path of a safetensors file whose tensors are named by position (`0.weight`, `0.bias`).
    ///   - dtype: the type to compute in; nil for that of the weights.
    /// - Throws: `StorageError` for a description that cannot be read, `NetworkSpecificationError` for one
    ///   that is invalid, `SafetensorsError` and `WeightError` for weights that are invalid or do not fit.
    public init(model: String, weights: String, dtype: DType? = nil) throws {
        let json = try DurableStorage.readFile(at: model)
        do {
            try self.init(NetworkSpecification(json: json), weights: weights, dtype: dtype)
        } catch let error as NetworkSpecificationError {
            throw StorageError(.damaged, path: model, reason: "describes no network: \(error)")
        } catch let error as LikelihoodError {
            throw StorageError(.damaged, path: model, reason: "describes no network: \(error)")
        }
    }

    /// Reads weights whose file holds the description too, as the digits' checkpoints do.
    ///
    /// - Throws: what `init(model:weights:)` throws, and `WeightError` for a file without a description.
    public init(describedIn weights: String) throws {
        guard let json = try SafetensorsFile(path: weights).metadata[Self.metadataKey] else {
            throw WeightError(
                description:
                    "\(weights): its metadata hold no description of the network: name one with --model")
        }
        try self.init(NetworkSpecification(json: Data(json.utf8)), weights: weights, dtype: nil)
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
        guard let table = firstLayer as? Embedding.Description else {
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

    /// The layer that takes the inputs.
    private var firstLayer: (any LayerDescription)? {
        var layer = specification.layers.first
        while let list = layer as? Sequential.Description { layer = list.layers.first }
        return layer
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

    /// The batch of two safetensors files: the tensors named `inputs` and `targets`, or each file's only one.
    ///
    /// - Throws: `SafetensorsError` that names the file and the tensor for what the network or its likelihood cannot take.
    public func batch(inputs: String, targets: String) throws -> SupervisedBatch {
        let (given, observed) = (
            try Self.tensor("inputs", from: inputs), try Self.tensor("targets", from: targets)
        )
        func wrong(_ path: String, _ name: String, _ reason: String) -> SafetensorsError {
            SafetensorsError(.malformed, path: path, tensor: name, reason: reason)
        }
        if let reason = try given.tensor.nonFiniteElement() { throw wrong(inputs, given.name, reason) }
        if let reason = try observed.tensor.nonFiniteElement() { throw wrong(targets, observed.name, reason) }
        let samples = given.tensor.shape.first ?? 0
        guard samples > 0 else { throw wrong(inputs, given.name, "holds no sample") }
        guard observed.tensor.shape.first == samples else {
            throw wrong(
                targets, observed.name,
                "has shape \(observed.tensor.shape), where \(inputs) has \(samples) samples along the first axis"
            )
        }
        do {
            let shape = try specification.outputShape(for: given.tensor.shape)
            if specification.likelihood == "categorical", let classes = shape.last,
                let reason = try Self.unknownClass(in: observed.tensor, of: classes)
            {
                throw wrong(targets, observed.name, reason)
            }
            return try batch(inputs: given.tensor, targets: observed.tensor)
        } catch let error as NetworkSpecificationError {
            throw wrong(inputs, given.name, "does not fit the network: \(error)")
        } catch let error as CurvatureError {
            switch error {
            case .badInputs(let reason): throw wrong(inputs, given.name, "cannot be the inputs: \(reason)")
            case .badObservations(let reason):
                throw wrong(targets, observed.name, "cannot be the targets: \(reason)")
            default: throw error
            }
        }
    }

    /// What is wrong with numbers of classes that are not 0 to `classes` - 1, nor the mark of what is not observed.
    private static func unknownClass(in targets: Tensor, of classes: Int) throws -> String? {
        guard !targets.dtype.isFloatingPoint, targets.dtype != .bool else { return nil }
        let numbers = try targets.to(dtype: .int64).scalars(as: Int64.self)
        let place = numbers.firstIndex { $0 != -100 && !(0..<Int64(classes)).contains($0) }
        return place.map {
            "holds the class \(numbers[$0]) at element \($0), where the network has the classes 0 to \(classes - 1)"
        }
    }

    /// The samples of two safetensors files in at most `count` batches of nearly one size.
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

    /// The tensor of a name, or the file's only one.
    private static func tensor(
        _ name: String, from path: String
    ) throws -> (name: String, tensor: Tensor) {
        let file = try SafetensorsFile(path: path)
        if file[name] == nil, file.tensors.count == 1, let only = file.tensors.first {
            return (only.name, try file.tensor(named: only.name))
        }
        return (name, try file.tensor(named: name))
    }
}
