import Torch

/// What PyTorch calls those tensors that have other names here.
enum PyTorchNames {
    private static let ours = [
        "running_mean": "runningMean",
        "running_var": "runningVariance",
        "weight_ih_l0": "inputMap.weight",
        "bias_ih_l0": "inputMap.bias",
        "weight_hh_l0": "recurrentMap.weight",
        "bias_hh_l0": "recurrentMap.bias",
    ]

    /// The weights under our names; a name that is ours already, or unknown, stays.
    static func translating(_ weights: [String: Tensor]) -> [String: Tensor] {
        var translated: [String: Tensor] = [:]
        for (name, tensor) in weights {
            var path = ParameterPath(name)
            let last = path.components.last ?? ""
            if last == "num_batches_tracked" { continue }
            if let known = ours[last] { path = path.parent.appending(known) }
            // A file that has a tensor under both names keeps both, and the second is told as left over.
            let key = weights["\(path)"] == nil ? "\(path)" : name
            translated[key] = tensor
        }
        return translated
    }
}
