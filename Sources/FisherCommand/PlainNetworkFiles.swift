import Fisher
import Foundation

/// A plain network with weights and data, from the files that `fisher information` takes too.
struct PlainNetworkFiles {
    let network: Sequential
    let likelihood: NetworkSpecification.Likelihood
    private let data: SupervisedBatch

    /// Reads and checks the files; the network is in evaluation, everything in the type of the weights.
    init(model: String, weights: String, inputs: String, targets: String) throws {
        let text: Data
        do {
            text = try Data(contentsOf: URL(filePath: model))
        } catch {
            throw InputError(path: model)
        }
        let specification = try NetworkSpecification(json: text)
        likelihood = specification.likelihood
        let tensors = try SafetensorsFile(path: weights).allTensors()
        let dtype = tensors.values.first { $0.dtype.isFloatingPoint }?.dtype ?? .float32
        network = try specification.makeNetwork(dtype: dtype, weights: tensors)
        network.setTraining(false)
        let x = try Self.tensor("inputs", from: inputs)
        _ = try specification.outputShape(for: x.shape)
        let y = try Self.tensor("targets", from: targets)
        guard let samples = x.shape.first, y.shape.first == samples else {
            throw InformationError.badObservations(
                reason: "there are \(y.shape.first ?? 0) targets for \(x.shape.first ?? 0) inputs")
        }
        data = SupervisedBatch(
            inputs: x.dtype.isFloatingPoint ? x.to(dtype: dtype) : x,
            targets: y.to(dtype: likelihood == .categorical ? .int64 : dtype))
    }

    /// The samples in at most so many parts of nearly one size.
    func batches(_ wanted: Int) -> [SupervisedBatch] {
        let (samples, count) = (data.unitCount, max(1, min(wanted, data.unitCount)))
        return (0..<count).map { data.slice($0 * samples / count..<($0 + 1) * samples / count) }
    }

    /// The tensor of a name, or the file's only one.
    private static func tensor(_ name: String, from path: String) throws -> Tensor {
        let file = try SafetensorsFile(path: path)
        if file[name] == nil, file.tensors.count == 1, let only = file.tensors.first {
            return try file.tensor(named: only.name)
        }
        return try file.tensor(named: name)
    }
}
