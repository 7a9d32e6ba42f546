import NeuralNet
import Torch

extension CurvatureEstimator {
    /// sum over passes and units of (Q_S^T G_n Q_A)^2 in given bases: EKFAC's eigenvalues.
    package func eigenvalues(_ run: PassRun, in bases: [ParameterPath: KroneckerEigenbasis]) throws
        -> EigenvalueCorrectedInformation
    {
        let layers = kroneckerLayers.filter { bases[$0.path] != nil }
        for path in bases.keys.sorted() where !layers.contains(where: { $0.path == path }) {
            throw CurvatureError.mismatched(reason: "\(path) has no Kronecker factors here")
        }
        for cluster in clusters where cluster.layers.count > 1 {
            guard let shared = cluster.layers.first(where: { bases[$0.path] != nil }) else { continue }
            throw CurvatureError.unsupportedUse(
                layer: shared.path,
                reason:
                    "shares a parameter with another layer, whose part of a unit's gradient it does not see")
        }
        var sums: [ParameterPath: Tensor] = [:]
        try run.forEach { pass in
            try withoutGradients {
                for (path, layer) in layers {
                    guard let basis = bases[path], let uses = pass.uses[path] else { continue }
                    let part = try squares(layer, uses, basis, units: run.units) * pass.weight
                    sums[path] = sums[path].map { $0 + part } ?? part
                }
            }
        }
        var found: [ParameterPath: EigenvalueCorrectedFactors] = [:]
        for (path, sum) in sums {
            try sum.check()
            guard let basis = bases[path] else { continue }
            found[path] = EigenvalueCorrectedFactors(
                basis: basis, squares: sum, observationCount: run.observationCount)
        }
        let covered = Set(
            layers.flatMap { $0.layer.informativeParameters.map(ObjectIdentifier.init) })
        return EigenvalueCorrectedInformation(
            source: run.source, layers: found,
            uncovered: parameters.filter { !covered.contains(ObjectIdentifier($0.parameter)) }.map(\.path))
    }

    /// A unit's gradient is the sum over all uses, which stand one after another as positions.
    private func squares(
        _ layer: any KroneckerLayer, _ uses: [LayerActivation], _ basis: KroneckerEigenbasis, units: Int
    ) throws -> Tensor {
        var total: Tensor?
        let bytes = uses.map { layer.workingByteCount(of: $0) }.max() ?? 0
        for range in Self.chunks(units, unitByteCount: bytes) {
            let rows = uses.map { use in
                layer.kroneckerRows(of: range.count == units ? use : use.narrowed(range)).rotated(by: basis)
            }
            let a = rows.count == 1 ? rows[0].inputs : .concatenated(rows.map(\.inputs), along: 1)
            let s =
                rows.count == 1
                ? rows[0].outputGradients : .concatenated(rows.map(\.outputGradients), along: 1)
            try a.check()
            try s.check()
            let part =
                weightSums(s, a)?.sums.squares
                ?? s.transposed(1, 2).matmul(a).squared().sum(along: 0)
            total = total.map { $0 + part } ?? part
        }
        return total ?? .zeros([basis.outputs.shape[0], basis.inputs.shape[0]])
    }
}
