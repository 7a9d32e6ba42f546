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
    /// be written, `TorchError` for a parameter that could not be computed, and `ModuleError` for a model with parts that
    /// are not found.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - metadata: free text to write with them.
    public func save(to path: String, metadata: [String: String] = [:]) throws {
        try requireFound()
        let sources = try parameters.map {
            try SafetensorsSource(name: "\($0.path)", tensor: $0.parameter.wrappedValue)
        }
        try SafetensorsWriter(metadata: metadata).write(sources, to: path)
    }

    /// Loads all parameters from a safetensors file, each converted to the parameter's type.
    ///
    /// Every parameter must have a tensor of its path and shape, and none may be left over, unless `strict` is false;
    /// otherwise a `WeightError` names the file and the parameter, and nothing is changed. Throws `SafetensorsError` if
    /// the file cannot be read, and `ModuleError` for a model with parts that are not found.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - strict: whether the file must have exactly the model's parameters.
    /// - Returns: what was missing and what was left over; nothing of either where `strict` is true.
    @discardableResult
    public func load(from path: String, strict: Bool = true) throws -> LoadedWeights {
        let weights = try SafetensorsFile(path: path).allTensors()
        do {
            return try load(weights, strict: strict)
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

    /// Loads weights by path. Every parameter must have one of its shape, of finite numbers unless it is a buffer, and no
    /// weight may be left over; otherwise a `WeightError` names the parameter, and nothing is changed.
    ///
    /// With `strict` false a parameter without a weight keeps its values, and a weight without a parameter is left out; both
    /// are returned. A weight of another shape stays an error: two things of one name that differ are a mistake, not a part.
    /// Throws `ModuleError` for a model with parts that are not found, and `TorchError` for a parameter or weight that
    /// could not be computed.
    ///
    /// - Parameters:
    ///   - weights: tensors by path.
    ///   - strict: whether the weights must be those of exactly the model's parameters.
    /// - Returns: what was missing and what was left over; nothing of either where `strict` is true.
    @discardableResult
    public func load(_ weights: [String: Tensor], strict: Bool = true) throws -> LoadedWeights {
        try requireFound()
        let parameters = parameters
        for named in parameters { try named.parameter.wrappedValue.check() }
        let paths = parameters.map { "\($0.path)" }
        let loaded = LoadedWeights(
            missing: paths.filter { weights[$0] == nil },
            unused: Set(weights.keys).subtracting(paths).sorted())
        let known = strict ? weights : weights.filter { !loaded.unused.contains($0.key) }
        try WeightError.check(
            known,
            fit: zip(paths, parameters).filter { strict || weights[$0.0] != nil }.map {
                ($0.0, $0.1.parameter.wrappedValue.shape)
            })
        // What is never trained may be a mask, whose infinities mean something.
        try WeightError.checkFinite(
            known, zip(paths, parameters).filter { !$0.1.parameter.isBuffer }.map(\.0))
        for (path, named) in zip(paths, parameters) {
            if let value = known[path] { try named.parameter.assign(value) }
        }
        return loaded
    }
}

/// What a model did not find in the weights that it loaded, and what it had no use for.
public struct LoadedWeights: Hashable, Sendable {
    /// The paths of parameters that kept their values, in the order of the model.
    public let missing: [String]
    /// The names of weights that no parameter took, in the order of the alphabet.
    public let unused: [String]
    /// Whether every weight was used and every parameter has one.
    public var isComplete: Bool { missing.isEmpty && unused.isEmpty }
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
                throw WeightError(
                    description: "\(path) has shape \(shape), the weights give \(value.summary)")
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
