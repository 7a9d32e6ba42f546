import Torch

/// Why weights could not be loaded into a model.
public struct WeightError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, in one sentence that names the parameter.
    public let description: String

    package init(description: String) { self.description = description }
}

// Weights in files.
extension Module {
    /// Writes all parameters to a safetensors file, under their paths.
    ///
    /// The file replaces an older one atomically, once it is complete. Throws `SafetensorsError` if it cannot
    /// be written, and `TorchError` for a parameter that could not be computed.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - metadata: free text to write with them.
    public func save(to path: String, metadata: [String: String] = [:]) throws {
        let sources = try parameters.map {
            try SafetensorsSource(name: "\($0.path)", tensor: $0.parameter.wrappedValue)
        }
        try SafetensorsWriter(metadata: metadata).write(sources, to: path)
    }

    /// Loads all parameters from a safetensors file, each converted to the parameter's type.
    ///
    /// Every parameter must have a tensor of its path and shape, and none may be left over; otherwise a
    /// `WeightError` names the file and the parameter, and nothing is changed. Throws `SafetensorsError` if
    /// the file cannot be read.
    public func load(from path: String) throws {
        let weights = try SafetensorsFile(path: path).allTensors()
        do {
            try load(weights)
        } catch let error as WeightError {
            throw WeightError(description: "\(path): \(error.description)")
        }
    }
}

// Weights in memory.
extension Module {
    /// The parameters' tensors by path.
    public var weights: [String: Tensor] {
        Dictionary(
            uniqueKeysWithValues: parameters.map { ("\($0.path)", $0.parameter.wrappedValue.detached()) })
    }

    /// Loads weights by path. Every parameter must have one of its shape, of finite numbers if it is trained, and no weight
    /// may be left over; otherwise a `WeightError` names the parameter, and nothing is changed.
    public func load(_ weights: [String: Tensor]) throws {
        try WeightError.check(
            weights, fit: parameters.map { ("\($0.path)", $0.parameter.wrappedValue.shape) })
        // What is not trained may be a mask, whose infinities mean something.
        try WeightError.checkFinite(
            weights, parameters.filter(\.parameter.isTrainable).map { "\($0.path)" })
        for (path, parameter) in parameters.map({ ("\($0.path)", $0.parameter) }) {
            if let value = weights[path] { try parameter.assign(value) }
        }
    }
}

extension WeightError {
    /// Throws unless there is a weight for each path, in its shape, and no other one.
    static func check(
        _ weights: [String: Tensor], fit expected: [(path: String, shape: [Int])]
    ) throws {
        var unused = Set(weights.keys)
        for (path, shape) in expected {
            guard let value = weights[path] else {
                throw WeightError(description: "the weights have no tensor \(path)")
            }
            guard value.failure == nil, value.shape == shape else {
                throw WeightError(description: "\(path) has shape \(shape), the weights give \(value)")
            }
            unused.remove(path)
        }
        if let extra = unused.min() {
            throw WeightError(description: "the model has no parameter \(extra), which the weights give")
        }
    }

    /// Throws for the first weight that holds NaN or an infinite number.
    static func checkFinite(_ weights: [String: Tensor], _ paths: [String]) throws {
        for path in paths {
            if let reason = try weights[path]?.nonFiniteElement() {
                throw WeightError(description: "the weight \(path) \(reason)")
            }
        }
    }
}

/// PyTorch's names for tensors that have other names here.
enum PyTorchNames {
    private static let ours = [
        "running_mean": "runningMean",
        "running_var": "runningVariance",
        "weight_ih_l0": "inputMap.weight",
        "bias_ih_l0": "inputMap.bias",
        "weight_hh_l0": "recurrentMap.weight",
        "bias_hh_l0": "recurrentMap.bias",
    ]

    /// PyTorch's name for a tensor of ours; most are the same.
    static func theirs(of path: String) -> String {
        for (theirs, name) in ours where path == name || path.hasSuffix(".\(name)") {
            return path.dropLast(name.count) + theirs
        }
        return path
    }

    /// The weights under our names; a name that is ours already, or unknown, stays.
    static func translating(_ weights: [String: Tensor]) -> [String: Tensor] {
        var translated: [String: Tensor] = [:]
        for (name, tensor) in weights {
            var path = ParameterPath(name)
            let last = path.components.last ?? ""
            if last == "num_batches_tracked" { continue }
            if let known = ours[last] { path = path.parent.appending(known) }
            // A file that has a tensor under both names keeps both, and the second is reported as left over.
            let key = weights["\(path)"] == nil ? "\(path)" : name
            translated[key] = tensor
        }
        return translated
    }
}
