import Torch

/// Why weights could not be given to a model.
public struct WeightError: Error, Sendable, CustomStringConvertible {
    /// One sentence that names the parameter.
    public let description: String
}

extension Module {
    /// The parameters' tensors by path.
    public var weights: [String: Tensor] {
        Dictionary(
            uniqueKeysWithValues: parameters.map { ("\($0.path)", $0.parameter.wrappedValue.detached()) })
    }

    /// Takes over weights by path. Every parameter must have one of its shape, and no weight may be left over;
    /// otherwise a `WeightError` names the parameter, and nothing is changed.
    public func load(_ weights: [String: Tensor]) throws {
        var unused = Set(weights.keys)
        for (path, parameter) in parameters.map({ ("\($0.path)", $0.parameter) }) {
            guard let value = weights[path] else {
                throw WeightError(description: "the weights have no tensor \(path)")
            }
            guard value.failure == nil, value.shape == parameter.wrappedValue.shape else {
                throw WeightError(
                    description:
                        "\(path) has shape \(parameter.wrappedValue.shape), the weights give \(value)")
            }
            unused.remove(path)
        }
        if let extra = unused.min() {
            throw WeightError(description: "the model has no parameter \(extra), which the weights give")
        }
        for (path, parameter) in parameters.map({ ("\($0.path)", $0.parameter) }) {
            if let value = weights[path] { try parameter.assign(value) }
        }
    }
}
