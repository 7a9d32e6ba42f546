import NeuralNet
import Torch

/// Estimates the Fisher information of a model's parameters on batches.
///
///     let estimator = try InformationEstimator(of: model, source: .empirical)
///     let found = try estimator.diagonal(of: objective(batch), units: batch.unitCount)
///
/// Layers are captured during one forward pass; the gradients of each unit are made of what they were given and
/// of what came back to them, and are squared after everything that a unit contributes to a parameter (positions,
/// several uses, a tied head) has been summed.
public struct InformationEstimator {
    /// The largest memory that units' gradients may take at a time, in bytes.
    static let chunkByteCount = 4 << 20

    let model: any Module
    /// The trainable parameters in the order of the model.
    let parameters: [NamedParameter]
    /// Layers that share no parameter with other clusters.
    let clusters: [LayerCluster]

    /// Prepares estimates for a model, every trainable parameter of which must belong to a layer that tells its
    /// units' gradients; throws those that do not.
    public init(of model: any Module) throws(InformationError) {
        self.model = model
        parameters = model.parameters.filter(\.parameter.isTrainable)
        if parameters.isEmpty { throw .nothingToEstimate }
        clusters = LayerCluster.clusters(of: model)
        let covered = Set(clusters.flatMap(\.parameters).map(ObjectIdentifier.init))
        let missing = parameters.filter { !covered.contains(ObjectIdentifier($0.parameter)) }.map(\.path)
        if !missing.isEmpty { throw .unsupportedParameters(missing) }
    }

    /// A forward pass with everything captured.
    ///
    /// - Parameters:
    ///   - units: the length of the first axis, a unit each.
    ///   - forward: the forward pass.
    public func capture<Outcome>(units: Int, _ forward: () throws -> Outcome) throws -> CapturedPass<Outcome>
    {
        let recorder = UseRecorder()
        let outcome = try model.capturing(by: recorder) { () throws -> Outcome in try forward() }
        for use in recorder.uses {
            try use.output.check()
            guard use.output.rank > 0, use.output.shape[0] == units, use.input.shape.first == units else {
                throw InformationError.notByUnit(layer: use.path, units: units, shape: use.output.shape)
            }
        }
        return CapturedPass(
            outcome: outcome, units: units, uses: recorder.uses.map { ($0.path, $0.input, $0.output) })
    }
}

/// A forward pass with the uses of its layers.
public struct CapturedPass<Outcome> {
    /// What the forward pass gave.
    public let outcome: Outcome
    /// The length of the first axis.
    let units: Int
    /// Every use of every layer.
    let uses: [(path: ParameterPath, input: Tensor, output: Tensor)]

    /// The uses by layer with the gradients of a scalar, or of outputs with seeds, that came back to them.
    func backward(
        from outputs: [Tensor], seeds: [Tensor?], keepGraph: Bool
    ) throws(TorchError) -> [ParameterPath: [LayerUse]] {
        let returned = try gradients(
            of: outputs, seeds: seeds, withRespectTo: uses.map(\.output), keepGraph: keepGraph)
        var found: [ParameterPath: [LayerUse]] = [:]
        for (use, gradient) in zip(uses, returned) {
            guard let gradient else { continue }
            found[use.path, default: []].append(LayerUse(input: use.input, outputGradient: gradient))
        }
        return found
    }
}

/// Layers whose parameters no other layer has: what must be summed before it is squared stands together.
struct LayerCluster {
    /// The layers by path.
    let layers: [(path: ParameterPath, layer: any InformativeLayer)]
    /// Their parameters, each once.
    let parameters: [Parameter]

    /// The clusters of a model in the order of its layers.
    static func clusters(of model: any Module) -> [LayerCluster] {
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

    /// The sums over units of gradients and squares, in the order of `parameters`; nothing for a parameter that
    /// was not reached.
    func sums(_ uses: [ParameterPath: [LayerUse]], units: Int) -> [(gradient: Tensor, squares: Tensor)?] {
        let own = layers.flatMap { layer in (uses[layer.path] ?? []).map { (layer.layer, $0) } }
        if own.count == 1, let (layer, use) = own.first, let quick = layer.sums(of: use) {
            let byParameter = zip(layer.informativeParameters, quick).map { (ObjectIdentifier($0), $1) }
            let table = Dictionary(byParameter, uniquingKeysWith: { first, _ in first })
            return parameters.map { table[ObjectIdentifier($0)] ?? nil }
        }
        var totals = [(gradient: Tensor, squares: Tensor)?](repeating: nil, count: parameters.count)
        let bytes = parameters.map { $0.wrappedValue.byteCount }.max() ?? 1
        let chunk = max(1, min(units, InformationEstimator.chunkByteCount / max(bytes, 1)))
        for start in stride(from: 0, to: units, by: chunk) {
            let range = start..<min(start + chunk, units)
            for (k, gradients) in unitGradients(own, units: range).enumerated() {
                guard let gradients else { continue }
                let total =
                    totals[k]
                    ?? (
                        Tensor.zeros(like: parameters[k].wrappedValue.detached()),
                        Tensor.zeros(like: parameters[k].wrappedValue.detached())
                    )
                totals[k] = total
                if UnitSums.add(gradients, to: total) { continue }
                totals[k] = (
                    total.gradient + gradients.sum(along: 0), total.squares + gradients.squared().sum(along: 0)
                )
            }
        }
        return totals
    }

    /// Each unit's gradient for some units, summed over all uses, in the order of `parameters`.
    func unitGradients(_ uses: [ParameterPath: [LayerUse]], units: Range<Int>) -> [Tensor?] {
        unitGradients(
            layers.flatMap { layer in (uses[layer.path] ?? []).map { (layer.layer, $0) } }, units: units)
    }

    private func unitGradients(
        _ uses: [(layer: any InformativeLayer, use: LayerUse)], units: Range<Int>
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
