import NeuralNet
import Torch

/// Products with a curvature matrix, batch by batch.
struct CurvatureProducts: Summable {
    private let parts: [(matrix: SymmetricOperator, observationCount: Int)]
    /// The processes with the other parts of the data, and the number of observations of all.
    private let shared: (processes: ProcessGroup, observationCount: Int)?

    init(_ matrix: SymmetricOperator, observationCount: Int) { self.init([(matrix, observationCount)]) }

    private init(
        _ parts: [(matrix: SymmetricOperator, observationCount: Int)],
        shared: (processes: ProcessGroup, observationCount: Int)? = nil
    ) {
        (self.parts, self.shared) = (parts, shared)
    }

    func adding(_ other: CurvatureProducts) throws(CurvatureError) -> CurvatureProducts {
        guard parts[0].matrix.size == other.parts[0].matrix.size else {
            throw .mismatched(reason: "they are of other parameters")
        }
        return CurvatureProducts(parts + other.parts)
    }

    /// Each process keeps its part; every product is summed, so that all processes must take it.
    func summed(by sum: ProcessSum) -> CurvatureProducts {
        CurvatureProducts(
            parts, shared: (sum.group, sum(parts.reduce(0) { $0 + $1.observationCount })))
    }

    /// The mean over all observations.
    var mean: SymmetricOperator {
        if parts.count == 1, shared == nil { return parts[0].matrix }
        let (parts, shared) = (parts, shared)
        let total = Double(shared?.observationCount ?? parts.reduce(0) { $0 + $1.observationCount })
        return SymmetricOperator(size: parts[0].matrix.size, dtype: parts[0].matrix.dtype) { vector in
            func own() throws -> Tensor {
                var sum = Tensor.zeros(like: vector)
                for part in parts {
                    sum = sum + (try part.matrix(vector)) * (Double(part.observationCount) / total)
                }
                return sum
            }
            guard let shared else { return try own() }
            return try ProcessSum.of(own, over: shared.processes, as: "a product with the information") {
                try $1($0)
            }
        }
    }
}

extension CurvatureEstimator {
    /// v -> (1/N) sum over passes and units of g_n (g_n . v), from what the passes captured: no per-sample
    /// gradient is stored if its layer has a cheaper method. A product costs about a forward and a backward
    /// pass.
    func product(_ run: PassRun) throws -> SymmetricOperator {
        let tensors = parameters.map(\.parameter.wrappedValue)
        let layout = ParameterLayout(of: tensors)
        let dtype = tensors[0].dtype.accumulator
        let count = Double(max(run.observationCount, 1))
        guard run.source != .minibatch else {
            let one = Tensor.ones([run.units], dtype: dtype)
            let gradient = layout.joined(weightedSums(run.passes[0], weights: one)) / count
            try gradient.check()
            return SymmetricOperator(size: layout.count, dtype: dtype) { gradient * (gradient * $0).sum() }
        }
        return SymmetricOperator(size: layout.count, dtype: dtype) { vector in
            withoutGradients {
                let parts = layout.split(vector)
                var total = Tensor.zeros(like: vector)
                for pass in run.passes {
                    let products = unitProducts(pass, units: run.units, with: parts)
                    total =
                        total + layout.joined(weightedSums(pass, weights: products)) * (pass.weight / count)
                }
                return total
            }
        }
    }

    /// J v: each unit's gradient times a direction, [units].
    func unitProducts(_ pass: BackwardPass, units: Int, with parts: [Tensor]) -> Tensor {
        let byParameter = Dictionary(
            uniqueKeysWithValues: zip(parameters, parts).map { (ObjectIdentifier($0.parameter), $1) })
        var total = Tensor.zeros([units], dtype: parts[0].dtype, device: parts[0].device)
        for (path, layer) in clusters.flatMap(\.layers) {
            // A frozen parameter does not move.
            let directions = layer.informativeParameters.map {
                byParameter[ObjectIdentifier($0)] ?? $0.zeroSum
            }
            for use in pass.uses[path] ?? [] { total = total + layer.unitProducts(of: use, with: directions) }
        }
        for named in unitwise {
            let key = ObjectIdentifier(named.parameter)
            guard let rows = pass.rows[key], let direction = byParameter[key] else { continue }
            total = total + (rows * direction).flattened(from: 1).sum(along: 1)
        }
        return total
    }

    /// J^T u, in the order of the parameters.
    func weightedSums(_ pass: BackwardPass, weights: Tensor) -> [Tensor] {
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
        for (key, rows) in pass.rows {
            sums[key] = weights.unsqueezed(0).matmul(rows.flattened(from: 1)).flattened()
        }
        return parameters.map {
            sums[ObjectIdentifier($0.parameter)] ?? $0.parameter.zeroSum
        }
    }
}
