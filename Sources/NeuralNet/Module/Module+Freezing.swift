import Torch

// Parts of a model that are not trained, and where a model lies.
extension Module {
    /// Freezes the parameters in whose path a regular expression is found, such as `"^blocks\\.[0-3]\\."`: an optimizer that
    /// is bound afterwards leaves them as they are, keeps no state of them and needs no group for them. They take no
    /// gradient, and stay among the weights that are saved and loaded.
    ///
    /// An optimizer that is bound already refuses its next step, since its groups were made for other parameters: freeze
    /// first. Buffers, which nobody trains, are not counted.
    ///
    /// Throws `ModuleError` for a pattern that is no regular expression, and for one that is found in no path.
    ///
    /// - Returns: the paths of the parameters that match, in the order of the model.
    @discardableResult
    public func freeze(matching pattern: String) throws(ModuleError) -> [ParameterPath] {
        try setTrainable(false, matching: pattern)
    }

    /// Lets optimizers change the parameters again in whose path a regular expression is found; by default all of them.
    /// Buffers stay as they are. Throws as ``freeze(matching:)`` does.
    ///
    /// - Returns: the paths of the parameters that match, in the order of the model.
    @discardableResult
    public func unfreeze(matching pattern: String = "") throws(ModuleError) -> [ParameterPath] {
        try setTrainable(true, matching: pattern)
    }

    private func setTrainable(_ isTrainable: Bool, matching pattern: String) throws(ModuleError)
        -> [ParameterPath]
    {
        guard let expression = try? Regex(pattern) else {
            throw ModuleError("\"\(pattern)\" is not a regular expression")
        }
        let found = parameters.filter { !$0.parameter.isBuffer && "\($0.path)".contains(expression) }
        if found.isEmpty {
            let first = parameters.first.map { ", such as \($0.path)" } ?? ""
            throw ModuleError("\"\(pattern)\" is found in the path of no parameter\(first)")
        }
        for named in found { named.parameter.isTrainable = isTrainable }
        return found.map(\.path)
    }

    /// Moves all parameters and buffers to a device, and those of floating-point types into another type if one is given.
    ///
    /// The parameters stay the same objects with new tensors. Move a model before an optimizer is bound to it: the
    /// optimizer's state stays where it is. Tensors that a layer keeps in other properties are not moved. Random generators
    /// go on there with another stream (`RandomGenerator.move(to:)`).
    ///
    /// Throws `TorchError` for a device that is not available or has no room, and for a parameter that could not be
    /// computed. Parameters before the one that failed have moved then.
    public func to(device: Device? = nil, dtype: DType? = nil) throws(TorchError) {
        if let device { try device.requireAvailable() }
        if let dtype, !dtype.isFloatingPoint {
            throw TorchError(message: "a model cannot be of type \(dtype), which has no gradients")
        }
        for named in parameters {
            let tensor = named.parameter.wrappedValue
            try tensor.check()
            try named.parameter.move(
                to: device ?? tensor.device,
                tensor.dtype.isFloatingPoint ? dtype ?? tensor.dtype : tensor.dtype)
        }
        if let device { for generator in randomGenerators { try generator.move(to: device) } }
    }
}
