import NeuralNet
import Torch

/// A layer's gradient as a product of few rows, G = sum over rows of s a^T, if products with them are cheaper
/// than with G: M^T G L = (s M)^T (a L) costs rows (outputs^2 + inputs^2 + outputs inputs) in place of outputs
/// inputs (outputs + inputs).
public struct GradientRows {
    /// a, with a trailing 1 if the layer has a bias, [rows, inputs (+ 1)].
    let inputs: Tensor
    /// s at the data's labels, [rows, outputs].
    let outputs: Tensor

    /// The rows of a layer in one backward pass; nil if there are too many to be worth it.
    init?(of layer: any KroneckerLayer, uses: [LayerActivation]) {
        var parts: [(inputs: Tensor, outputs: Tensor)] = []
        for use in uses {
            let positions =
                use.outputGradient.count / max(1, layer.informativeParameters[0].wrappedValue.shape[0])
            guard GradientRows.isWorth(positions, of: layer) else { return nil }
            let (a, s) = layer.kroneckerRows(of: use).everyPosition
            parts.append((a, s))
        }
        guard let first = parts.first else { return nil }
        inputs = parts.count == 1 ? first.inputs : .concatenated(parts.map(\.inputs))
        outputs = parts.count == 1 ? first.outputs : .concatenated(parts.map(\.outputs))
        if inputs.failure != nil || outputs.failure != nil || !isWorth { return nil }
    }

    private init(inputs: Tensor, outputs: Tensor) {
        self.inputs = inputs
        self.outputs = outputs
    }

    private static func isWorth(_ rows: Int, of layer: any KroneckerLayer) -> Bool {
        let shape = layer.informativeParameters[0].wrappedValue.shape
        return isWorth(rows, outputs: shape[0], inputs: shape.dropFirst().reduce(1, *))
    }

    private static func isWorth(_ rows: Int, outputs: Int, inputs: Int) -> Bool {
        rows * (outputs * outputs + inputs * inputs + outputs * inputs) < outputs * inputs
            * (outputs + inputs)
    }

    private var isWorth: Bool {
        GradientRows.isWorth(inputs.shape[0], outputs: outputs.shape[1], inputs: inputs.shape[1])
    }

    /// Both; nil if they are too many together.
    func joined(_ other: GradientRows) -> GradientRows? {
        let sum = GradientRows(
            inputs: .concatenated([inputs, other.inputs]), outputs: .concatenated([outputs, other.outputs]))
        return sum.isWorth ? sum : nil
    }

    /// M^T G L for the factors M of the outputs and L of the inputs, if the rows' product times `scale` is the given
    /// gradient; nil if it is not, because of an auxiliary objective or a use of the weight that no layer recorded.
    package func product(
        _ factors: KroneckerMatrix, scale: Double, checking gradient: ProbedGradient
    ) throws(TorchError) -> Tensor? {
        guard factors.inputs.dtype == inputs.dtype else { return nil }
        let made = outputs.transposed(0, 1).matmul(inputs.matmul(gradient.vector)) * scale
        guard try gradient.isProduct(made) else { return nil }
        return transposedProduct(
            transposedProduct(outputs.transposed(0, 1), factors.outputs),
            transposedProduct(inputs.transposed(0, 1), factors.inputs, scale: scale))
    }
}

/// A layer's gradient G times a vector v, by which what is said to be the same gradient in another form is recognized.
package struct ProbedGradient {
    /// v: ones with irregular signs, as long as G has columns.
    let vector: Tensor
    private let product: Tensor

    /// Multiplies a layer's weight [outputs, ...] and its bias, which is the last column if there is one.
    package init(weight: Tensor, bias: Tensor?) {
        let matrix = weight.flattened(from: 1)
        let width = matrix.failure == nil ? matrix.shape[1] : 0
        let v = SafeEigen.probe(width + (bias == nil ? 0 : 1), like: weight)
        let own = matrix.matmul(v.narrowed(0, from: 0, length: width))
        product = bias.map { own + $0 * v.narrowed(0, from: width, length: 1) } ?? own
        vector = v
    }

    /// Whether a sum over units times `scale` is this gradient, in a basis: Q_S^T G Q_A.
    package func isGradient(
        turned sum: Tensor, in basis: KroneckerEigenbasis, scale: Double
    ) throws(TorchError) -> Bool {
        if sum.dtype != product.dtype { return false }
        let turned = sum.matmul(basis.inputs.transposed(0, 1).matmul(vector))
        return try isProduct(basis.outputs.matmul(turned) * scale)
    }

    /// Whether a vector is G v up to rounding.
    func isProduct(_ made: Tensor) throws(TorchError) -> Bool {
        let (difference, size) = (try (product - made).norm().item(), try product.norm().item())
        return difference <= (product.dtype == .float64 ? 1e-10 : 1e-4) * size
    }
}

/// The rows of every layer's gradient, if they are few.
struct LayerGradientRows: Summable {
    let layers: [ParameterPath: GradientRows]

    /// The rows of both, for layers whose rows are few together.
    func adding(_ other: LayerGradientRows) -> LayerGradientRows {
        LayerGradientRows(
            layers: layers.reduce(into: [:]) { found, entry in
                found[entry.key] = other.layers[entry.key].flatMap { entry.value.joined($0) }
            })
    }

    /// None: the rows of all processes are not in one place.
    func summed(by sum: ProcessSum) -> LayerGradientRows { LayerGradientRows(layers: [:]) }
}

/// Takes the rows of the one pass at the data's labels.
struct GradientRowsAccumulator: CurvatureAccumulator {
    private let layers: [(path: ParameterPath, layer: any KroneckerLayer)]
    private var found: [ParameterPath: GradientRows] = [:]

    init(_ estimator: CurvatureEstimator) { layers = estimator.kroneckerLayers }

    mutating func add(_ pass: BackwardPass) {
        for (path, layer) in layers { found[path] = GradientRows(of: layer, uses: pass.uses[path] ?? []) }
    }

    func finished() -> any Summable { LayerGradientRows(layers: found) }
}
