import NeuralNet
import Torch

extension CurvatureEstimator {
    /// v -> (1/N) sum over passes and units of g_n (g_n . v), from what the passes captured: no unit's gradient is
    /// stored where its layer knows a shorter way. A product costs about a forward and a backward pass.
    package func product(_ run: PassRun) throws -> SymmetricOperator {
        var passes: [BackwardPass] = []
        try run.forEach { passes.append($0) }
        let tensors = parameters.map(\.parameter.wrappedValue)
        let layout = ParameterLayout(of: tensors)
        let dtype = tensors.first?.dtype ?? .float32
        let count = Double(max(run.observationCount, 1))
        guard run.source != .minibatch else {
            let gradient = withoutGradients {
                let one = Tensor.ones([run.units], dtype: dtype)
                return layout.joined(weightedSums(passes[0], weights: one)) / count
            }
            try gradient.check()
            return SymmetricOperator(size: layout.count, dtype: dtype) { vector in
                gradient * (gradient * vector).sum()
            }
        }
        return SymmetricOperator(size: layout.count, dtype: dtype) { vector in
            withoutGradients {
                let parts = layout.split(vector)
                var total = Tensor.zeros(like: vector)
                for pass in passes {
                    let products = unitProducts(pass, units: run.units, with: parts)
                    total =
                        total + layout.joined(weightedSums(pass, weights: products)) * (pass.weight / count)
                }
                return total
            }
        }
    }

    /// J v: each unit's gradient times a direction, [units].
    package func unitProducts(_ pass: BackwardPass, units: Int, with parts: [Tensor]) -> Tensor {
        let byParameter = Dictionary(
            uniqueKeysWithValues: zip(parameters, parts).map { (ObjectIdentifier($0.parameter), $1) })
        var total = Tensor.zeros([units], dtype: parts[0].dtype, device: parts[0].device)
        for (path, layer) in clusters.flatMap(\.layers) {
            // A frozen parameter does not move.
            let directions = layer.informativeParameters.map {
                byParameter[ObjectIdentifier($0)] ?? .zeros(like: $0.wrappedValue.detached())
            }
            for use in pass.uses[path] ?? [] { total = total + layer.unitProducts(of: use, with: directions) }
        }
        for (key, rows) in generic.compactMap({ named in
            let key = ObjectIdentifier(named.parameter)
            return pass.generic[key].map { (key, $0) }
        }) {
            guard let direction = byParameter[key] else { continue }
            total = total + (rows * direction).flattened(from: 1).sum(along: 1)
        }
        return total
    }

    /// J^T u, in the order of the parameters.
    package func weightedSums(_ pass: BackwardPass, weights: Tensor) -> [Tensor] {
        var sums: [ObjectIdentifier: Tensor] = [:]
        for (path, layer) in clusters.flatMap(\.layers) {
            for use in pass.uses[path] ?? [] {
                for (parameter, part) in zip(
                    layer.informativeParameters, layer.weightedSums(of: use, weights: weights))
                {
                    guard let part else { continue }
                    let key = ObjectIdentifier(parameter)
                    sums[key] = sums[key].map { $0 + part } ?? part
                }
            }
        }
        for (key, rows) in pass.generic {
            sums[key] = weights.unsqueezed(0).matmul(rows.flattened(from: 1)).flattened()
        }
        return parameters.map {
            sums[ObjectIdentifier($0.parameter)] ?? .zeros(like: $0.parameter.wrappedValue.detached())
        }
    }

    /// The leading eigenpairs of an estimate given by its products.
    ///
    /// Lanczos takes steps until the residuals are small for the precision, or the space is exhausted.
    package func lowRank(
        _ product: SymmetricOperator, _ source: CurvatureSource, rank: Int, observationCount: Int
    ) throws -> LowRankInformation {
        guard rank > 0 else {
            throw CurvatureError.noSuchEstimate(
                source: "\(source)", structure: "low_rank", reason: "the rank must be at least 1, not \(rank)"
            )
        }
        // A fixed direction: equal estimates have equal eigenvectors.
        let start = Tensor.normal([product.size], dtype: product.dtype, using: try RandomGenerator(seed: 0))
        let tolerance = product.dtype == .float64 ? 1e-12 : 1e-5
        var steps = min(product.size, max(2 * rank + 10, 20))
        var found = try product.lanczos(steps: steps, start: start)
        while steps < product.size, found.values.count == steps,
            zip(found.values, found.residuals).prefix(rank).contains(where: {
                $0.1 > tolerance * max(abs(found.values[0]), 1e-300)
            })
        {
            steps = min(product.size, 2 * steps)
            found = try product.lanczos(steps: steps, start: start)
        }
        let scale = abs(found.values.first ?? 0) * tolerance
        let kept = found.values.prefix(rank).prefix { $0 > scale }.count
        return LowRankInformation(
            source: source, paths: parameters.map(\.path), values: Array(found.values.prefix(kept)),
            vectors: found.vectors.narrowed(1, from: 0, length: kept),
            residuals: Array(found.residuals.prefix(kept)), observationCount: observationCount)
    }
}
