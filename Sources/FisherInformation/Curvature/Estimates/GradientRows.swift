import NeuralNet
import Torch

/// A layer's gradient as a product of few rows, G = sum over rows of s a^T, if products with them are cheaper
/// than with G: M G L = (s M)^T (a L) costs rows (outputs^2 + inputs^2 + outputs inputs) in place of outputs
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

    /// M G L for symmetric M and L, if the rows' product times `scale` is the given gradient; nil if it is
    /// not, because of an auxiliary objective or a use of the weight that no layer recorded.
    package func product(
        _ left: Tensor, _ right: Tensor, scale: Double, checking gradient: [Tensor]
    ) throws(TorchError) -> Tensor? {
        guard left.dtype == inputs.dtype else { return nil }
        let width = inputs.shape[1]
        let v = SafeEigen.probe(width, like: inputs)
        var told = gradient[0].flattened(from: 1).matmul(
            v.narrowed(0, from: 0, length: gradient[0].count / outputs.shape[1]))
        if gradient.count > 1 { told = told + gradient[1] * v.narrowed(0, from: width - 1, length: 1) }
        let made = outputs.transposed(0, 1).matmul(inputs.matmul(v)) * scale
        let (difference, size) = (try (told - made).norm().item(), try told.norm().item())
        guard difference <= (inputs.dtype == .float64 ? 1e-10 : 1e-4) * size else { return nil }
        return transposedProduct(
            transposedProduct(outputs.transposed(0, 1), left),
            transposedProduct(inputs.transposed(0, 1), right) * scale)
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
