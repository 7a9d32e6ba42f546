import NeuralNet
import Torch

/// Every unit's gradient of -log p as the rows of a matrix J [units, parameters] that is never formed: J J^T, J v and
/// J^T c are made of what the layers were given and of what came back to them.
///
/// For a linear layer without positions J J^T is (A A^T) * (S S^T), element by element, with inputs A and output
/// gradients S by unit. Where there are positions the cheaper of two ways is taken: all pairs of positions, or the
/// units' gradients of a few outputs at a time. Other layers form their units' gradients.
public struct UnitScores {
    /// One backward pass.
    private struct Pass {
        /// Inputs [units, positions, inputs (+ 1)] and output gradients [units, positions, outputs] of each layer.
        var rows: [(a: Tensor, s: Tensor)?]
        /// The uses of the layers that are not linear in parameters of their own.
        var uses: [ParameterPath: [LayerUse]]
        let weight: Double
    }

    private var passes: [Pass]
    private let layers: [LayerBlock]
    /// Layers that are not among those, with the positions of their parameters in the group.
    private let others: [(cluster: LayerCluster, positions: [Int?])]
    private let layout: ParameterLayout
    private let dtype: DType
    /// The number of rows.
    public private(set) var units: Int
    /// N: the number of observations.
    public private(set) var observationCount: Int
    /// |d(-log p_n) / d outputs|^2, [units]; nothing where the likelihood does not tell its outputs.
    public private(set) var outputSquares: Tensor?

    init(
        _ passes: [BackwardPass], of plan: StatisticsPlan, units: Int, observationCount: Int,
        outputGradient: Tensor?
    ) throws {
        let parameters = plan.parameters.map(\.parameter)
        layers = plan.structure.layers
        layout = ParameterLayout(of: parameters.map(\.wrappedValue))
        dtype = parameters[0].wrappedValue.dtype
        self.units = units
        self.observationCount = observationCount
        outputSquares = outputGradient?.flattened(from: 1).squared().sum(along: 1)
        let own = Set(layers.map(\.path))
        let positions = Dictionary(
            uniqueKeysWithValues: parameters.enumerated().map { (ObjectIdentifier($1), $0) })
        others = plan.clusters.filter { !own.contains($0.layers[0].path) }.map { cluster in
            (cluster, cluster.parameters.map { positions[ObjectIdentifier($0)] })
        }
        let paths = Set(others.flatMap(\.cluster.layers).map(\.path))
        self.passes = passes.map { pass in
            Pass(
                rows: plan.structure.layers.map { block in
                    plan.layers[block.path].flatMap { UnitScores.rows(pass.uses[block.path], of: $0, units) }
                }, uses: pass.uses.filter { paths.contains($0.key) }, weight: pass.weight)
        }
    }

    /// The rows of all uses of a layer, one after the other along the positions.
    private static func rows(
        _ uses: [LayerUse]?, of layer: any KroneckerLayer, _ units: Int
    ) -> (a: Tensor, s: Tensor)? {
        let parts = (uses ?? []).map { use in
            let (a, s) = layer.kroneckerRows(of: use).everyPosition
            return (a: a.unflattened(0, into: [units, -1]), s: s.unflattened(0, into: [units, -1]))
        }
        guard parts.count > 1 else { return parts.first }
        return (.concatenated(parts.map(\.a), along: 1), .concatenated(parts.map(\.s), along: 1))
    }

    /// Appends further units; throws where their layers were used in another way.
    mutating func add(_ other: UnitScores) throws(InformationError) {
        for (k, pass) in other.passes.enumerated() {
            for (l, (own, new)) in zip(passes[k].rows, pass.rows).enumerated() {
                guard let own, let new else { continue }
                passes[k].rows[l] = (.concatenated([own.a, new.a]), .concatenated([own.s, new.s]))
            }
            for (path, uses) in pass.uses {
                let own = passes[k].uses[path] ?? []
                guard own.count == uses.count else {
                    throw .mismatched(reason: "the layer \(path) was used another number of times")
                }
                passes[k].uses[path] = zip(own, uses).map { a, b in
                    LayerUse(
                        input: .concatenated([a.input, b.input]),
                        outputGradient: .concatenated([a.outputGradient, b.outputGradient]))
                }
            }
        }
        units += other.units
        observationCount += other.observationCount
        if let own = outputSquares, let new = other.outputSquares {
            outputSquares = .concatenated([own, new])
        }
    }
}

extension UnitScores {
    /// J J^T of the first pass, [units, units].
    public func gram() -> Tensor {
        guard let pass = passes.first else { return .zeros([units, units], dtype: dtype) }
        var sum = Tensor.zeros([units, units], dtype: dtype)
        for rows in pass.rows { if let rows { sum = sum + UnitScores.gram(rows.a, rows.s) } }
        for (cluster, positions) in others {
            for (gradient, position) in zip(
                cluster.unitGradients(pass.uses, units: 0..<units), positions)
            {
                guard let gradient, position != nil else { continue }
                let rows = gradient.flattened(from: 1)
                sum = sum + rows.matmul(rows.transposed())
            }
        }
        return sum
    }

    /// sum over positions of units m and n of (a_mt . a_nu) (s_mt . s_nu).
    private static func gram(_ a: Tensor, _ s: Tensor) -> Tensor {
        if let failure = a.failure ?? s.failure { return Tensor(failed: failure) }
        let (units, positions, inputs, outputs) = (a.shape[0], a.shape[1], a.shape[2], s.shape[2])
        let pairs = units * positions * units * positions
        let direct = units * (units + positions) * inputs * outputs
        let isSmall = pairs * a.dtype.byteCount <= InformationEstimator.chunkByteCount
        if positions == 1 || (isSmall && pairs * (inputs + outputs) < direct) {
            let (a, s) = (a.flattened(to: 1), s.flattened(to: 1))
            let product = a.matmul(a.transposed()) * s.matmul(s.transposed())
            if positions == 1 { return product }
            return product.reshaped([units, positions, units, positions]).sum(along: 1, 3)
        }
        let bytes = units * inputs * a.dtype.byteCount
        let chunk = max(1, InformationEstimator.chunkByteCount / max(bytes, 1))
        var sum = Tensor.zeros([units, units], dtype: a.dtype)
        for start in stride(from: 0, to: outputs, by: chunk) {
            let part = s.narrowed(2, from: start, length: min(chunk, outputs - start))
            let rows = part.transposed(1, 2).matmul(a).flattened(from: 1)
            sum = sum + rows.matmul(rows.transposed())
        }
        return sum
    }

    /// J v of a pass, [units].
    private func product(_ v: [Tensor], _ pass: Pass) -> Tensor {
        var sum = Tensor.zeros([units], dtype: dtype)
        for (block, rows) in zip(layers, pass.rows) {
            guard let rows else { continue }
            let outputs = rows.a.matmul(block.matrix(v).transposed())
            sum = sum + (outputs * rows.s).flattened(from: 1).sum(along: 1)
        }
        for (cluster, positions) in others {
            let parts = chunks(of: cluster).map { range in
                var part = Tensor.zeros([range.count], dtype: dtype)
                for (gradient, position) in zip(
                    cluster.unitGradients(pass.uses, units: range), positions)
                {
                    guard let gradient, let position else { continue }
                    part = part + gradient.flattened(from: 1).matmul(v[position].flattened())
                }
                return part
            }
            sum = sum + .concatenated(parts)
        }
        return sum
    }

    /// J^T c of a pass: the units' gradients summed with weights, a tensor a parameter.
    private func combined(_ c: Tensor, _ pass: Pass) -> [Tensor] {
        var found = [Tensor?](repeating: nil, count: layout.shapes.count)
        for (block, rows) in zip(layers, pass.rows) {
            guard let rows else { continue }
            let s = rows.s * c.unsqueezed(1).unsqueezed(2)
            let matrix = s.flattened(to: 1).transposed().matmul(rows.a.flattened(to: 1))
            for (position, tensor) in block.parts(of: matrix) { found[position] = tensor }
        }
        for (cluster, positions) in others {
            for range in chunks(of: cluster) {
                let weights = c.narrowed(0, from: range.lowerBound, length: range.count)
                for (gradient, position) in zip(
                    cluster.unitGradients(pass.uses, units: range), positions)
                {
                    guard let gradient, let position else { continue }
                    let part = weights.unsqueezed(0).matmul(gradient.flattened(from: 1))
                    let shaped = part.reshaped(layout.shapes[position])
                    found[position] = found[position].map { $0 + shaped } ?? shaped
                }
            }
        }
        return zip(found, layout.shapes).map { $0 ?? .zeros($1, dtype: dtype) }
    }

    private func chunks(of cluster: LayerCluster) -> [Range<Int>] {
        let bytes = cluster.parameters.map(\.wrappedValue.byteCount).max() ?? 1
        let chunk = max(1, InformationEstimator.chunkByteCount / max(bytes, 1))
        return stride(from: 0, to: units, by: chunk).map { $0..<min($0 + chunk, units) }
    }

    /// J^T c: the units' gradients summed with the weights c [units], a tensor a parameter of the group.
    public func combined(_ c: Tensor) -> [Tensor] {
        passes.first.map { combined(c, $0) } ?? layout.shapes.map { .zeros($0, dtype: dtype) }
    }

    /// J v for a tensor a parameter of the group, [units].
    public func product(_ v: [Tensor]) -> Tensor {
        passes.first.map { product(v, $0) } ?? .zeros([units], dtype: dtype)
    }

    /// v -> (1/N) J^T J v, the mean over draws where labels were drawn: the information by its products.
    public var information: SymmetricOperator {
        SymmetricOperator(size: layout.count, dtype: dtype) { vector in
            let v = layout.split(vector)
            var sum = Tensor.zeros(like: vector)
            for pass in passes {
                let part = layout.joined(combined(product(v, pass), pass))
                sum = sum + part * (pass.weight / Double(max(observationCount, 1)))
            }
            return sum
        }
    }
}
