import Torch

/// A change of low rank beside a linear map: y = x W^T + b + (alpha / r) x A^T B^T, which is the map of W + (alpha / r) B A
/// (LoRA, Hu et al. 2022).
///
///     model.addLowRankUpdates(rank: 8, alpha: 16, using: generator) { "\($0)".hasSuffix("attention.output") }
///
/// B starts at zero, so the model computes at first what it did before. Both factors are linear layers of their own with a
/// capture site each: every rule and every structure of the Fisher information treats A and B as it treats any linear layer's
/// weight. What K-FAC approximates is then the information of the factors, not that of W.
public final class LowRankUpdate: Module {
    /// A, shape [rank, inputs], drawn like the weight of any linear layer (U(-a, a) with a = 1 / sqrt(inputs), which is the
    /// Kaiming-uniform draw of the published code).
    public let down: Linear
    /// B, shape [outputs, rank], zero at first.
    public let up: Linear
    /// The number alpha, which sets the size of the change.
    public let alpha: Double

    /// Draws A; B is zero.
    ///
    /// - Parameters:
    ///   - inputs: the size of the input's last dimension.
    ///   - outputs: the size of the output's last dimension.
    ///   - rank: the rank r of the change, at least 1.
    ///   - alpha: the factor of the change, which is divided by r.
    ///   - dtype: the type of both factors.
    ///   - generator: the generator of the numbers.
    public init(
        _ inputs: Int, _ outputs: Int, rank: Int, alpha: Double, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        precondition(rank > 0 && alpha.isFinite, "a low-rank update needs a rank of at least 1")
        down = Linear(inputs, rank, bias: false, dtype: dtype, using: generator)
        up = Linear(rank, outputs, bias: false, weight: .constant(0), dtype: dtype, using: generator)
        self.alpha = alpha
    }

    /// The rank r.
    public var rank: Int { down.weight.shape[0] }
    /// The factor alpha / r.
    public var scale: Double { alpha / Double(rank) }
    /// The change of the weight, (alpha / r) B A, shape [outputs, inputs]; inside `withAutocast` in the weights' own type.
    public var change: Tensor {
        withAutocast(to: .float32) { up.weight.matmul(down.weight) * scale }
    }

    /// What the change adds to the output, [..., outputs].
    public func callAsFunction(_ input: Tensor) -> Tensor { up(down(input)) * scale }
}

// The updates of a model.
extension Module {
    /// Adds a low-rank update to every linear layer whose path is chosen, and freezes everything else.
    ///
    /// Bind an optimizer afterwards: its parameters are then the factors alone. A layer that has an update already gets a new
    /// one in its place.
    ///
    /// - Parameters:
    ///   - rank: the rank of the updates.
    ///   - alpha: the factor of the updates, which is divided by the rank.
    ///   - generator: draws the factors A, in the order of the model.
    ///   - isChosen: whether the layer of a path gets one.
    /// - Returns: the paths of the layers that did; nothing is frozen where it is empty.
    @discardableResult
    public func addLowRankUpdates(
        rank: Int, alpha: Double, using generator: RandomGenerator,
        where isChosen: (ParameterPath) -> Bool
    ) -> [ParameterPath] {
        let chosen = linearLayers.filter { isChosen($0.path) }
        if chosen.isEmpty { return [] }
        for named in parameters { named.parameter.isTrainable = false }
        for (_, layer) in chosen {
            let shape = layer.weight.shape
            layer.update = LowRankUpdate(
                shape[1], shape[0], rank: rank, alpha: alpha, dtype: layer.weight.dtype, using: generator)
        }
        return chosen.map(\.path)
    }

    /// The low-rank updates by the paths of their layers, in the order of the model.
    public var lowRankUpdates: [(path: ParameterPath, update: LowRankUpdate)] {
        linearLayers.compactMap { path, layer in layer.update.map { (path, $0) } }
    }

    /// The weights by path of the same model without updates: each update's change is added to its layer's weight.
    ///
    /// Costs a product of the factors for each update. Nothing is differentiated.
    public var mergedWeights: [String: Tensor] {
        withoutGradients {
            var merged = weights
            for (path, update) in lowRankUpdates {
                let own = path.appending("update")
                for factor in ["down", "up"] {
                    merged["\(own.appending(factor).appending("weight"))"] = nil
                }
                let weight = "\(path.appending("weight"))"
                if let old = merged[weight] { merged[weight] = old + update.change.detached() }
            }
            return merged
        }
    }

    /// What the optimizer moves of the model that is meant, by path: the trainable parameters, with the weight of a layer in
    /// place of its update's factors. For penalties on the change of weights.
    package var movedParameters: [NamedParameter] {
        let layers = linearLayers.filter { $0.layer.update != nil }
        let factors = Set(
            layers.compactMap(\.layer.update).flatMap { [$0.down.$weight, $0.up.$weight] }.map(
                ObjectIdentifier.init))
        let changed = Set(layers.map { ObjectIdentifier($0.layer.$weight) })
        return parameters.filter { named in
            let own = ObjectIdentifier(named.parameter)
            return changed.contains(own) || (named.parameter.isTrainable && !factors.contains(own))
        }
    }

    /// The layers of one weight matrix that can have an update, those inside updates left out.
    private var linearLayers: [(path: ParameterPath, layer: Linear)] {
        let layers = modules.compactMap { path, module in (module as? Linear).map { (path, $0) } }
        let inside = Set(
            layers.compactMap(\.1.update).flatMap { [$0.down, $0.up] }.map(ObjectIdentifier.init))
        return layers.filter { !inside.contains(ObjectIdentifier($0.1)) }
    }
}
