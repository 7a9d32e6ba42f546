import NeuralNet
import Torch

/// Layers that share parameters with no other layer: what must be summed before it is squared belongs to one
/// cluster.
package struct LayerCluster {
    /// The layers by path.
    package let layers: [(path: ParameterPath, layer: any InformativeLayer)]
    /// Their parameters, each once.
    package let parameters: [Parameter]

    /// The clusters of a model in the order of its layers.
    package static func clusters(of model: any Module) -> [LayerCluster] {
        var found: [[(path: ParameterPath, layer: any InformativeLayer)]] = []
        for (path, module) in model.modules {
            guard let layer = module as? any InformativeLayer else { continue }
            let own = Set(layer.informativeParameters.map(ObjectIdentifier.init))
            let (joined, apart) = found.reduce(
                into: ([(ParameterPath, any InformativeLayer)](), [[(ParameterPath, any InformativeLayer)]]())
            ) { result, cluster in
                let others = cluster.flatMap { $0.layer.informativeParameters.map(ObjectIdentifier.init) }
                if own.isDisjoint(with: others) { result.1.append(cluster) } else { result.0 += cluster }
            }
            found = apart + [joined + [(path, layer)]]
        }
        return found.map { layers in
            var seen: Set<ObjectIdentifier> = []
            let parameters = layers.flatMap { $0.layer.informativeParameters }
                .filter { seen.insert(ObjectIdentifier($0)).inserted }
            return LayerCluster(layers: layers, parameters: parameters)
        }
    }

    /// The sums over units of gradients and squares, in the order of `parameters`; nil for a parameter that
    /// was not reached.
    package func sums(_ uses: [ParameterPath: [LayerActivation]], units: Int) -> [(
        gradient: Tensor, squares: Tensor
    )?] {
        let own = layers.flatMap { layer in (uses[layer.path] ?? []).map { (layer.layer, $0) } }
        if own.count == 1, let (layer, use) = own.first, let quick = layer.sums(of: use) {
            let byParameter = zip(layer.informativeParameters, quick).map { (ObjectIdentifier($0), $1) }
            let table = Dictionary(byParameter, uniquingKeysWith: { first, _ in first })
            return parameters.map { table[ObjectIdentifier($0)] ?? nil }
        }
        var totals = [(gradient: Tensor, squares: Tensor)?](repeating: nil, count: parameters.count)
        let bytes =
            (parameters.map { $0.wrappedValue.byteCount } + own.map { $0.0.workingByteCount(of: $0.1) })
            .max()
        for range in CurvatureEstimator.chunks(units, unitByteCount: bytes ?? 1) {
            for (k, gradients) in unitGradients(own, units: range).enumerated() {
                guard let gradients else { continue }
                let total =
                    totals[k]
                    ?? (
                        parameters[k].zeroSum, parameters[k].zeroSum
                    )
                totals[k] = total
                if UnitSums.add(gradients, to: total) { continue }
                totals[k] = (
                    total.gradient + gradients.sum(along: 0),
                    total.squares + gradients.squared().sum(along: 0)
                )
            }
        }
        return totals
    }

    /// Each unit's gradient for some units, summed over all uses, in the order of `parameters`.
    package func unitGradients(_ uses: [ParameterPath: [LayerActivation]], units: Range<Int>) -> [Tensor?] {
        unitGradients(
            layers.flatMap { layer in (uses[layer.path] ?? []).map { (layer.layer, $0) } }, units: units)
    }

    private func unitGradients(
        _ uses: [(layer: any InformativeLayer, use: LayerActivation)], units: Range<Int>
    ) -> [Tensor?] {
        var sums: [ObjectIdentifier: Tensor] = [:]
        for (layer, use) in uses {
            for (parameter, gradient) in zip(
                layer.informativeParameters, layer.unitGradients(of: use.narrowed(units)))
            {
                guard let gradient else { continue }
                let key = ObjectIdentifier(parameter)
                sums[key] = sums[key].map { $0 + gradient } ?? gradient
            }
        }
        return parameters.map { sums[ObjectIdentifier($0)] }
    }
}

extension Parameter {
    /// Zeros of its shape in the type in which its gradients are summed.
    var zeroSum: Tensor {
        .zeros(like: wrappedValue.detached(), dtype: wrappedValue.dtype.accumulator)
    }
}
