import NeuralNet
import Torch

/// The gradients that came back in one backward pass, by layer, and how much the pass counts.
struct BackwardPass {
    let uses: [ParameterPath: [LayerUse]]
    let weight: Double
}

extension InformationEstimator {
    /// The diagonal: sum over passes and units of squared gradients.
    func diagonal(
        _ source: InformationSource, passes: [BackwardPass], units: Int, observationCount: Int
    ) throws -> DiagonalInformation {
        var squares: [ParameterPath: Tensor] = [:]
        var gradients: [ParameterPath: Tensor] = [:]
        let paths = Dictionary(
            uniqueKeysWithValues: parameters.map { (ObjectIdentifier($0.parameter), $0.path) })
        for pass in passes {
            for cluster in clusters {
                for (parameter, sums) in zip(cluster.parameters, cluster.sums(pass.uses, units: units)) {
                    guard let path = paths[ObjectIdentifier(parameter)] else { continue }
                    // A parameter that nothing reached has no information.
                    let zeros = { Tensor.zeros(like: parameter.wrappedValue.detached()) }
                    let found = sums ?? (zeros(), zeros())
                    let square = pass.weight == 1 ? found.squares : found.squares * pass.weight
                    squares[path] = squares[path].map { $0 + square } ?? square
                    // Only at the data's labels is the gradient that of the loss.
                    if source == .empirical || source == .minibatch {
                        gradients[path] = found.gradient
                    }
                }
            }
        }
        for tensor in squares.values { try tensor.check() }
        return DiagonalInformation(
            source: source, squares: source == .minibatch ? [:] : squares, gradients: gradients,
            observationCount: observationCount)
    }

    /// The whole matrix, [parameters, parameters] in the order of the model: sum over passes and units of g g^T.
    /// Memory and time grow with the square of the number of parameters.
    func full(
        _ source: InformationSource, passes: [BackwardPass], units: Int, observationCount: Int
    ) throws -> FullInformation {
        var sum: Tensor?
        var gradient: Tensor?
        for pass in passes {
            let rows = try unitGradients(pass, units: units)
            let part = rows.transposed(0, 1).matmul(rows) * pass.weight
            sum = sum.map { $0 + part } ?? part
            if source == .empirical || source == .minibatch { gradient = rows.sum(along: 0) }
        }
        guard let sum else { throw InformationError.noObservations }
        try sum.check()
        return FullInformation(
            source: source, paths: parameters.map(\.path), sum: sum, gradient: gradient,
            observationCount: observationCount)
    }

    /// Every unit's gradient of all parameters, [units, parameters].
    func unitGradients(_ pass: BackwardPass, units: Int) throws -> Tensor {
        var rows: [ObjectIdentifier: Tensor] = [:]
        for cluster in clusters {
            for (parameter, gradient) in zip(
                cluster.parameters, cluster.unitGradients(pass.uses, units: 0..<units))
            {
                rows[ObjectIdentifier(parameter)] = gradient
            }
        }
        let columns = parameters.map { named in
            rows[ObjectIdentifier(named.parameter)]?.flattened(from: 1)
                ?? Tensor.zeros(
                    [units, named.parameter.wrappedValue.count], dtype: named.parameter.wrappedValue.dtype)
        }
        let joined = Tensor.concatenated(columns, along: 1)
        try joined.check()
        return joined
    }

    /// The Kronecker factors of every layer that is linear in its parameters, and the parameters of the others.
    func kronecker(
        _ source: InformationSource, passes: [BackwardPass], sharing: WeightSharing, observationCount: Int
    ) throws -> KroneckerInformation {
        var factors: [ParameterPath: KroneckerFactors] = [:]
        let layers = clusters.flatMap(\.layers).compactMap { path, layer in
            (layer as? any KroneckerLayer).flatMap { $0.hasKroneckerFactors ? (path, $0) : nil }
        }
        let covered = Set(layers.flatMap { $0.1.informativeParameters.map(ObjectIdentifier.init) })
        for (path, layer) in layers {
            var outputs: Tensor?
            var inputs: (sum: Tensor, count: Int)?
            for (number, pass) in passes.enumerated() {
                for use in pass.uses[path] ?? [] {
                    let (a, s) = layer.kroneckerRows(of: use, sharing: sharing)
                    let part = s.transposed(0, 1).matmul(s) * pass.weight
                    outputs = outputs.map { $0 + part } ?? part
                    // The inputs are the same in every pass.
                    guard number == 0 else { continue }
                    let square = a.transposed(0, 1).matmul(a)
                    inputs = inputs.map { ($0.sum + square, $0.count + a.shape[0]) } ?? (square, a.shape[0])
                }
            }
            guard let inputs, let outputs else { continue }
            try inputs.sum.check()
            try outputs.check()
            factors[path] = KroneckerFactors(
                inputs: inputs.sum, outputs: outputs, inputCount: inputs.count,
                observationCount: observationCount)
        }
        return KroneckerInformation(
            source: source, sharing: sharing, layers: factors,
            uncovered: parameters.filter { !covered.contains(ObjectIdentifier($0.parameter)) }.map(\.path))
    }
}
