import NeuralNet
import Torch

/// An error in the model, the data or the requests of an estimate.
public enum CurvatureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The model has no trainable parameter.
    case nothingToEstimate
    /// Parameters of no layer that computes per-sample gradients from what it captures.
    case unsupportedParameters([ParameterPath])
    /// Of a layer's weight and bias only one is among the estimated parameters.
    case splitLayer(ParameterPath)
    /// The output of a layer does not have the batch as its first axis.
    case notByUnit(layer: ParameterPath, units: Int, shape: [Int])
    /// A layer in training whose samples depend on each other.
    case coupledUnits(layer: ParameterPath)
    /// Units that are not separated by the first axis.
    case badObservations(reason: String)
    /// The batch has no observation.
    case noObservations
    /// An estimate has other parameters than the one to which it is added.
    case mismatched(reason: String)
    /// Inputs that the model cannot take.
    case badInputs(reason: String)
    /// An estimate does not fit into the memory there is; both in bytes.
    case tooLarge(structure: String, byteCount: Double, available: Double)
    /// Information that lacks a parameter, or holds something that is not a finite number of zero or more.
    case unusable(reason: String)
    /// A combination of source and structure that does not exist.
    case noSuchEstimate(source: String, structure: String, reason: String)

    /// What is wrong, in one sentence.
    public var description: String {
        switch self {
        case .nothingToEstimate: "the model has no trainable parameter"
        case .unsupportedParameters(let paths):
            "no layer computes per-sample gradients of "
                + paths.map { "\($0)" }.joined(separator: ", ")
                + "; allow the fallback, which costs a backward pass per unit"
        case .splitLayer(let path):
            "only one of the weight and the bias of the layer \(path) is estimated; its information needs both or none"
        case .notByUnit(let layer, let units, let shape):
            "the layer \(layer) has an output of shape \(shape), whose first axis is not the batch of \(units)"
        case .coupledUnits(let layer):
            "\(layer) mixes the samples of a batch while it is trained, so that none has a gradient of its own: call "
                + "setTraining(false) before estimating"
        case .badObservations(let reason): "the targets cannot be used: \(reason)"
        case .badInputs(let reason): "the inputs cannot be used: \(reason)"
        case .tooLarge(let structure, let bytes, let available):
            "the estimate \(structure) of this model needs \(byteText(bytes)), of which \(byteText(available)) are "
                + "available; take a structure with less memory, such as diagonal"
        case .noObservations: "the batch has no observation that counts"
        case .mismatched(let reason): "the two estimates cannot be added: \(reason)"
        case .unusable(let reason): "the information cannot be used: \(reason)"
        case .noSuchEstimate(let source, let structure, let reason):
            structure == "any"
                ? "the source \(source) gives no estimate here: \(reason)"
                : "there is no estimate \(structure) from the source \(source): \(reason)"
        }
    }
}
