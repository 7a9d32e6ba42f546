import NeuralNet
import Torch

/// Every unit's gradient of -log p as the rows of a matrix J [units, parameters] that is never formed: J J^T,
/// J v and J^T c are computed from the layers' inputs and the gradients of their outputs.
///
/// For a linear layer without positions J J^T is (A A^T) * (S S^T), element by element, with inputs A and
/// output gradients S by unit. With positions the cheaper of two methods is used: all pairs of positions, or
/// the per-sample gradients of a few outputs at a time. Other layers form their per-sample gradients.
///
/// Of processes that share a batch each keeps what its units have; see ``summed(by:)``.
public struct PerSampleGradients: Summable {
    /// The largest memory that pairs of positions, or some outputs' gradients, may take at a time, in bytes.
    private static let workingByteCount = 64 << 20

    let passes: [BackwardPass]
    let estimator: CurvatureEstimator
    private let layout: ParameterLayout
    private let dtype: DType
    /// The number of rows of this process.
    private let ownUnits: Int
    /// The processes with the other rows.
    private let shared: UnitShares?
    /// The number of rows.
    public var units: Int { shared?.total ?? ownUnits }
    /// The number N of observations.
    public let observationCount: Int
    /// |d(-log p_n) / d outputs|^2 at the data's labels, [units]; nil for drawn ones, and if the likelihood does
    /// not expose its outputs.
    public let outputSquares: Tensor?

    init(_ run: PassRun, by estimator: CurvatureEstimator) throws {
        self.init(
            run.passes, by: estimator, units: run.units, observationCount: run.observationCount,
            outputSquares: run.source == .empirical
                ? run.passes.first?.outputGradient?.flattened(from: 1).squared().sum(along: 1) : nil)
    }

    init(
        _ passes: [BackwardPass], by estimator: CurvatureEstimator, units: Int, observationCount: Int,
        outputSquares: Tensor?, shared: UnitShares? = nil
    ) {
        self.passes = passes
        self.estimator = estimator
        let tensors = estimator.parameters.map(\.parameter.wrappedValue)
        layout = ParameterLayout(of: tensors)
        dtype = tensors[0].dtype.accumulator
        ownUnits = units
        self.shared = shared
        self.observationCount = observationCount
        self.outputSquares = outputSquares
    }

    /// Appends further units. Throws `mismatched` if their layers were used in another way.
    public func adding(_ other: PerSampleGradients) throws(CurvatureError) -> PerSampleGradients {
        guard passes.count == other.passes.count else {
            throw .mismatched(reason: "they are of other numbers of draws")
        }
        var joined: [BackwardPass] = []
        for (own, other) in zip(passes, other.passes) {
            var uses = own.uses
            for (path, new) in other.uses {
                let old = uses[path] ?? []
                guard old.count == new.count else {
                    throw .mismatched(reason: "the layer \(path) was used another number of times")
                }
                uses[path] = zip(old, new).map { a, b in
                    LayerActivation(
                        input: .concatenated([a.input, b.input]),
                        outputGradient: .concatenated([a.outputGradient, b.outputGradient]))
                }
            }
            joined.append(
                BackwardPass(
                    uses: uses, rows: own.rows.merging(other.rows) { .concatenated([$0, $1]) },
                    weight: own.weight))
        }
        var squares = outputSquares
        if let own = outputSquares, let new = other.outputSquares { squares = .concatenated([own, new]) }
        return PerSampleGradients(
            joined, by: estimator, units: ownUnits + other.ownUnits,
            observationCount: observationCount + other.observationCount, outputSquares: squares)
    }

    /// The rows of all processes, in the order of the ranks, of which each keeps its own: no gradient of a sample is sent.
    ///
    /// Every process must take the same products from then on: J v and J^T c are one message each, and for J J^T each process
    /// shows the others its layers' inputs and output gradients, in turn.
    public func summed(by sum: ProcessSum) throws -> PerSampleGradients {
        let (rank, size) = (sum.group.rank, sum.group.size)
        let counts = (0..<size).map { sum($0 == rank ? ownUnits : 0) }
        let observations = sum(observationCount)
        if sum.isCounting { return self }
        let shares = UnitShares(sum.group, counts)
        return PerSampleGradients(
            passes, by: estimator, units: ownUnits, observationCount: observations,
            outputSquares: try outputSquares.map { try shares.collected($0) }, shared: shares)
    }
}

extension PerSampleGradients {
    /// J v for one tensor per parameter of the group, [units]; of the first draw where labels were drawn.
    public func product(_ v: [Tensor]) throws -> Tensor {
        let own = estimator.unitProducts(passes[0], units: ownUnits, with: v)
        return try shared?.collected(own) ?? own
    }

    /// J^T c: the per-sample gradients summed with the weights c [units], one tensor per parameter of the
    /// group.
    public func combined(_ c: Tensor) throws -> [Tensor] {
        func own() -> [Tensor] {
            let weights = shared.map { c.narrowed(0, from: $0.first, length: ownUnits) } ?? c
            return zip(estimator.weightedSums(passes[0], weights: weights), layout.shapes).map {
                $0.reshaped($1)
            }
        }
        guard let shared else { return own() }
        return try ProcessSum.of(own, over: shared.processes, as: "a sum of the samples' gradients") {
            own, sum in try own.map { try sum($0) }
        }
    }

    /// J J^T, [units, units]; of the first draw where labels were drawn.
    ///
    /// Of several processes each makes the blocks of its own rows, and half of those with others' rows; then all have all.
    public func gram() throws -> Tensor {
        guard let shared else { return ownGram() }
        return try shared.gram(own: ownGram(), passes[0], of: estimator) { other, units in
            let others = PerSampleGradients(
                [other], by: estimator, units: units, observationCount: units, outputSquares: nil)
            let mine = PerSampleGradients(
                [passes[0]], by: estimator, units: ownUnits, observationCount: ownUnits, outputSquares: nil)
            return try mine.adding(others).ownGram()
                .narrowed(0, from: 0, length: ownUnits).narrowed(1, from: ownUnits, length: units)
        }
    }

    /// The products of this process's rows.
    private func ownGram() -> Tensor {
        let units = ownUnits
        let own = Set(estimator.parameters.map { ObjectIdentifier($0.parameter) })
        let layers = Dictionary(uniqueKeysWithValues: estimator.kroneckerLayers.map { ($0.path, $0.layer) })
        var sum = Tensor.zeros([units, units], dtype: dtype)
        func add(_ gradient: Tensor) {
            let rows = gradient.flattened(from: 1)
            sum = sum + rows.matmul(rows.transposed())
        }
        for cluster in estimator.clusters {
            if let layer = layers[cluster.layers[0].path] {
                sum = sum + gram(of: layer, passes[0].uses[cluster.layers[0].path] ?? [])
                continue
            }
            for (gradient, parameter) in zip(
                cluster.unitGradients(passes[0].uses, units: 0..<units), cluster.parameters)
            {
                if let gradient, own.contains(ObjectIdentifier(parameter)) { add(gradient) }
            }
        }
        for rows in passes[0].rows.values { add(rows) }
        return sum
    }

    /// The contribution of a layer that shares no parameters; its uses are concatenated as positions.
    private func gram(of layer: any KroneckerLayer, _ uses: [LayerActivation]) -> Tensor {
        let rows = uses.map { layer.kroneckerRows(of: $0) }
        guard let first = rows.first else { return .zeros([ownUnits, ownUnits], dtype: dtype) }
        let isOne = rows.count == 1
        let a = isOne ? first.inputs : .concatenated(rows.map(\.inputs), along: 1)
        let s = isOne ? first.outputGradients : .concatenated(rows.map(\.outputGradients), along: 1)
        let weight = PerSampleGradients.gram(a, s)
        guard first.hasBias else { return weight }
        let bias = s.sum(along: 1)
        return weight + bias.matmul(bias.transposed())
    }

    /// sum over positions of units m and n of (a_mt . a_nu) (s_mt . s_nu).
    static func gram(_ a: Tensor, _ s: Tensor) -> Tensor {
        if let failure = a.failure ?? s.failure { return Tensor(failed: failure) }
        let (units, positions, inputs, outputs) = (a.shape[0], a.shape[1], a.shape[2], s.shape[2])
        let pairs = units * positions * units * positions
        let direct = units * (units + positions) * inputs * outputs
        let isSmall = pairs * a.dtype.byteCount <= workingByteCount
        if positions == 1 || (isSmall && pairs * (inputs + outputs) < direct) {
            let (a, s) = (a.flattened(to: 1), s.flattened(to: 1))
            let product = a.matmul(a.transposed()) * s.matmul(s.transposed())
            if positions == 1 { return product }
            return product.reshaped([units, positions, units, positions]).sum(along: 1, 3)
        }
        let chunk = max(1, workingByteCount / max(units * inputs * a.dtype.byteCount, 1))
        var sum = Tensor.zeros([units, units], dtype: a.dtype)
        for start in stride(from: 0, to: outputs, by: chunk) {
            let part = s.narrowed(2, from: start, length: min(chunk, outputs - start))
            let rows = part.transposed(1, 2).matmul(a).flattened(from: 1)
            sum = sum + rows.matmul(rows.transposed())
        }
        return sum
    }
}
