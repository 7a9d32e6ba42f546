
import NeuralNet
import Torch

/// Every unit's gradient of -log p as the rows of a matrix J [units, parameters] that is never formed: J J^T, J v and
/// J^T c are made of what the layers were given and of what came back to them.
///
/// For a linear layer without positions J J^T is (A A^T) * (S S^T), element by element, with inputs A and output
/// gradients S by unit. Where there are positions the cheaper of two ways is taken: all pairs of positions, or the
/// units' gradients of a few outputs at a time. Other layers form their units' gradients.
public struct PerSampleGradients {
    /// The largest memory that pairs of positions, or some outputs' gradients, may take at a time, in bytes.
    private static let workingByteCount = 64 << 20

    private var passes: [BackwardPass]
    private let estimator: CurvatureEstimator
    /// The layers that are linear in parameters of their own.
    private let layers: [ParameterPath: any KroneckerLayer]
    private let layout: ParameterLayout
    private let dtype: DType
    /// The number of rows.
    public private(set) var units: Int
    /// N: the number of observations.
    public private(set) var observationCount: Int
    /// |d(-log p_n) / d outputs|^2, [units]; nothing where the likelihood does not tell its outputs.
    public private(set) var outputSquares: Tensor?

    init(
        _ passes: [BackwardPass], by estimator: CurvatureEstimator,
        layers: [ParameterPath: any KroneckerLayer],
        units: Int, observationCount: Int, outputGradient: Tensor?
    ) {
        self.passes = passes
        self.estimator = estimator
        self.layers = layers
        let tensors = estimator.parameters.map(\.parameter.wrappedValue)
        layout = ParameterLayout(of: tensors)
        dtype = tensors[0].dtype
        self.units = units
        self.observationCount = observationCount
        outputSquares = outputGradient?.flattened(from: 1).squared().sum(along: 1)
    }

    /// Appends further units; throws where their layers were used in another way.
    mutating func add(_ other: PerSampleGradients) throws(CurvatureError) {
        for (k, pass) in other.passes.enumerated() {
            var uses = passes[k].uses
            for (path, new) in pass.uses {
                let own = uses[path] ?? []
                guard own.count == new.count else {
                    throw .mismatched(reason: "the layer \(path) was used another number of times")
                }
                uses[path] = zip(own, new).map { a, b in
                    LayerActivation(
                        input: .concatenated([a.input, b.input]),
                        outputGradient: .concatenated([a.outputGradient, b.outputGradient]))
                }
            }
            passes[k] = BackwardPass(uses: uses, generic: [:], weight: pass.weight)
        }
        units += other.units
        observationCount += other.observationCount
        if let own = outputSquares, let new = other.outputSquares {
            outputSquares = .concatenated([own, new])
        }
    }
}

extension PerSampleGradients {
    /// J v for a tensor a parameter of the group, [units]; of the first draw where labels were drawn.
    public func product(_ v: [Tensor]) -> Tensor {
        estimator.unitProducts(passes[0], units: units, with: v)
    }

    /// J^T c: the units' gradients summed with the weights c [units], a tensor a parameter of the group.
    public func combined(_ c: Tensor) -> [Tensor] {
        zip(estimator.weightedSums(passes[0], weights: c), layout.shapes).map { $0.reshaped($1) }
    }

    /// v -> (1/N) J^T J v, the mean over draws where labels were drawn: the information by its products.
    public var information: SymmetricOperator {
        SymmetricOperator(size: layout.count, dtype: dtype) { vector in
            let v = layout.split(vector)
            var sum = Tensor.zeros(like: vector)
            for pass in passes {
                let products = estimator.unitProducts(pass, units: units, with: v)
                let part = layout.joined(estimator.weightedSums(pass, weights: products))
                sum = sum + part * (pass.weight / Double(max(observationCount, 1)))
            }
            return sum
        }
    }

    /// J J^T, [units, units]; of the first draw where labels were drawn.
    public func gram() -> Tensor {
        let own = Set(estimator.parameters.map { ObjectIdentifier($0.parameter) })
        var sum = Tensor.zeros([units, units], dtype: dtype)
        for cluster in estimator.clusters {
            if let layer = layers[cluster.layers[0].path] {
                sum = sum + gram(of: layer, passes[0].uses[cluster.layers[0].path] ?? [])
                continue
            }
            for (gradient, parameter) in zip(
                cluster.unitGradients(passes[0].uses, units: 0..<units), cluster.parameters)
            {
                guard let gradient, own.contains(ObjectIdentifier(parameter)) else { continue }
                let rows = gradient.flattened(from: 1)
                sum = sum + rows.matmul(rows.transposed())
            }
        }
        return sum
    }

    /// The share of a layer that has its parameters for itself; its uses stand one after the other as positions.
    private func gram(of layer: any KroneckerLayer, _ uses: [LayerActivation]) -> Tensor {
        let rows = uses.map { layer.kroneckerRows(of: $0) }
        guard let first = rows.first else { return .zeros([units, units], dtype: dtype) }
        let isOne = rows.count == 1
        let a = isOne ? first.inputs : .concatenated(rows.map(\.inputs), along: 1)
        let s = isOne ? first.outputGradients : .concatenated(rows.map(\.outputGradients), along: 1)
        let weight = PerSampleGradients.gram(a, s)
        guard first.hasBias else { return weight }
        let bias = s.sum(along: 1)
        return weight + bias.matmul(bias.transposed())
    }

    /// sum over positions of units m and n of (a_mt . a_nu) (s_mt . s_nu).
    private static func gram(_ a: Tensor, _ s: Tensor) -> Tensor {
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
