import Fisher
import Foundation

/// A network of a description and of weights from files, in the type of the weights and in evaluation.
struct PlainNetwork {
    let specification: NetworkSpecification
    let likelihood: any NamedLikelihood.Type
    let network: Sequential
    let dtype: DType

    /// Reads the description and the weights.
    init(model: String, weights: String) throws {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: model))
        } catch {
            throw InputError(path: model)
        }
        specification = try NetworkSpecification(json: data)
        likelihood = try LikelihoodRegistry.likelihood(named: specification.likelihood)
        let tensors = try SafetensorsFile(path: weights).allTensors()
        dtype = tensors.values.first { $0.dtype.isFloatingPoint }?.dtype ?? .float32
        network = try specification.makeNetwork(dtype: dtype, weights: tensors)
        network.setTraining(false)
    }

    /// Inputs and targets in the types that the network and its likelihood take; throws shapes that do not fit.
    func batch(inputs: Tensor, targets: Tensor) throws -> SupervisedBatch {
        _ = try specification.outputShape(for: inputs.shape)
        return SupervisedBatch(
            inputs: inputs.dtype.isFloatingPoint ? inputs.to(dtype: dtype) : inputs,
            targets: targets.to(dtype: likelihood.targetDType(forOutputs: dtype)))
    }

    /// The mean negative log-likelihood of a batch; throws targets that the likelihood cannot have.
    func objective(_ batch: SupervisedBatch) throws -> Objective {
        let outputs = network(batch.inputs)
        try outputs.check()
        do {
            return try Objective(likelihood, of: outputs, observing: batch.targets)
        } catch {
            throw CurvatureError.badObservations(reason: "\(error)")
        }
    }

    /// The tensor of a name, or the file's only one.
    static func tensor(_ name: String, from path: String) throws -> Tensor {
        let file = try SafetensorsFile(path: path)
        if file[name] == nil, file.tensors.count == 1, let only = file.tensors.first {
            return try file.tensor(named: only.name)
        }
        return try file.tensor(named: name)
    }
}

/// A file that cannot be read.
struct InputError: Error, CustomStringConvertible {
    let path: String
    var description: String { "\(path) cannot be read" }
}
