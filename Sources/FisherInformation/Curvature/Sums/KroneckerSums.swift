import NeuralNet
import Torch

extension CurvatureEstimator {
    /// The layers with Kronecker factors as they are configured.
    var kroneckerLayers: [(path: ParameterPath, layer: any KroneckerLayer)] {
        clusters.flatMap(\.layers).compactMap { path, layer in
            (layer as? any KroneckerLayer).flatMap { $0.hasKroneckerFactors ? (path, $0) : nil }
        }
    }

    /// The parameters of no such layer.
    var parametersWithoutFactors: [NamedParameter] {
        let covered = Set(
            kroneckerLayers.flatMap { $0.layer.informativeParameters.map(ObjectIdentifier.init) })
        return parameters.filter { !covered.contains(ObjectIdentifier($0.parameter)) }
    }

    /// Calls with the rows of a layer's use in runs of units that need little memory at a time.
    func forEachRows(
        _ layer: any KroneckerLayer, _ use: LayerActivation, units: Int,
        _ body: (KroneckerRows) throws -> Void
    ) throws {
        for range in Self.chunks(units, unitByteCount: layer.workingByteCount(of: use)) {
            let part = range.count == units ? use : use.narrowed(range)
            try body(layer.kroneckerRows(of: part))
        }
    }

    /// The factors of every layer that is linear in its parameters, and the parameters of the others.
    package func kronecker(_ run: PassRun, sharing: WeightSharing) throws -> KroneckerInformation {
        var sums: [ParameterPath: FactorSums] = [:]
        var isFirst = true
        try run.forEach { pass in
            try withoutGradients {
                for (path, layer) in kroneckerLayers {
                    for use in pass.uses[path] ?? [] {
                        try forEachRows(layer, use, units: run.units) { rows in
                            let (a, s) = rows.shared(by: sharing)
                            // The inputs are the same in every pass.
                            sums[path, default: FactorSums()].add(
                                inputs: isFirst ? gram(a, withOnes: rows.hasBias) : nil,
                                outputs: gram(s) * pass.weight, count: isFirst ? a.shape[0] : 0)
                        }
                    }
                }
            }
            isFirst = false
        }
        return KroneckerInformation(
            source: run.source, sharing: sharing,
            layers: try sums.compactMapValues { sum in
                guard let inputs = sum.inputs, let outputs = sum.outputs else { return nil }
                try inputs.check()
                try outputs.check()
                return KroneckerFactors(
                    inputs: inputs, outputs: outputs, inputCount: sum.count,
                    observationCount: run.observationCount)
            },
            uncovered: parametersWithoutFactors.map(\.path))
    }

    /// The diagonals of the factors, and the diagonal itself for parameters that have none.
    package func diagonalKronecker(_ run: PassRun, sharing: WeightSharing) throws
        -> DiagonalKroneckerInformation
    {
        var sums: [ParameterPath: FactorSums] = [:]
        let rest = parametersWithoutFactors
        let members = Set(rest.map { ObjectIdentifier($0.parameter) })
        let others = clusters.filter { $0.parameters.contains { members.contains(ObjectIdentifier($0)) } }
        var diagonal = DiagonalSums(of: rest, isAtLabels: run.isAtLabels)
        var isFirst = true
        try run.forEach { pass in
            try withoutGradients {
                for (path, layer) in kroneckerLayers {
                    for use in pass.uses[path] ?? [] {
                        if sharing == .expand, let quick = layer.factorDiagonals(of: use) {
                            sums[path, default: FactorSums()].add(
                                inputs: isFirst ? quick.inputs : nil, outputs: quick.outputs * pass.weight,
                                count: isFirst ? quick.count : 0)
                            continue
                        }
                        try forEachRows(layer, use, units: run.units) { rows in
                            let (a, s) = rows.shared(by: sharing)
                            sums[path, default: FactorSums()].add(
                                inputs: isFirst ? squaredLengths(a, withOnes: rows.hasBias) : nil,
                                outputs: squaredLengths(s) * pass.weight, count: isFirst ? a.shape[0] : 0)
                        }
                    }
                }
                for cluster in others {
                    diagonal.add(
                        cluster.parameters, cluster.sums(pass.uses, units: run.units), weight: pass.weight)
                }
                diagonal.add(generic, pass)
            }
            isFirst = false
        }
        let (squares, gradients) = try diagonal.finished()
        return DiagonalKroneckerInformation(
            source: run.source, sharing: sharing,
            layers: try sums.compactMapValues { sum in
                guard let inputs = sum.inputs, let outputs = sum.outputs else { return nil }
                try inputs.check()
                try outputs.check()
                return DiagonalKroneckerFactors(
                    inputs: inputs, outputs: outputs, inputCount: sum.count,
                    observationCount: run.observationCount)
            },
            others: DiagonalInformation(
                source: run.source, squares: squares, gradients: gradients,
                observationCount: run.observationCount))
    }
}

/// The sums of a layer's factors, or of their diagonals, so far.
private struct FactorSums {
    package var inputs: Tensor?
    package var outputs: Tensor?
    package var count = 0

    package mutating func add(inputs more: Tensor?, outputs others: Tensor, count number: Int) {
        if let more { inputs = inputs.map { $0 + more } ?? more }
        outputs = outputs.map { $0 + others } ?? others
        count += number
    }
}

/// The diagonal of `gram`.
private func squaredLengths(_ rows: Tensor, withOnes: Bool = false) -> Tensor {
    if rows.failure != nil { return rows }
    let squares = UnitSums.columns(rows, depth: 1)?.squares ?? rows.squared().sum(along: 0)
    guard withOnes else { return squares }
    return .concatenated([
        squares, .full([1], Double(rows.shape[0]), dtype: squares.dtype, device: squares.device),
    ])
}
