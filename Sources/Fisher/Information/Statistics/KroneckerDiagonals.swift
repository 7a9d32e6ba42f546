import NeuralNet
import Torch

/// The diagonals of a layer's Kronecker factors as sums with counts.
public struct KroneckerDiagonals {
    /// sum of a^2, [inputs (+ 1)].
    public private(set) var inputs: Tensor
    /// sum of s^2, [outputs].
    public private(set) var outputs: Tensor
    /// The number of terms in `inputs`.
    public private(set) var inputCount: Int
    /// N: the number of observations.
    public private(set) var observationCount: Int

    /// diag A.
    public var a: Tensor { inputs / Double(max(inputCount, 1)) }
    /// diag S.
    public var s: Tensor { outputs / Double(max(observationCount, 1)) }

    /// The sums of one layer over all its uses in a batch.
    init?(
        of layer: any KroneckerLayer, path: ParameterPath, passes: [BackwardPass], sharing: WeightSharing,
        observationCount: Int
    ) {
        var found: (inputs: Tensor, count: Int)?
        var outputs: Tensor?
        for (number, pass) in passes.enumerated() {
            for use in pass.uses[path] ?? [] {
                let sums = KroneckerDiagonals.sums(of: layer, use, sharing)
                let weighed = pass.weight == 1 ? sums.outputs : sums.outputs * pass.weight
                outputs = outputs.map { $0 + weighed } ?? weighed
                // The inputs are the same in every pass.
                guard number == 0 else { continue }
                found =
                    found.map { ($0.inputs + sums.inputs, $0.count + sums.count) } ?? (
                        sums.inputs, sums.count
                    )
            }
        }
        guard let found, let outputs else { return nil }
        inputs = found.inputs
        inputCount = found.count
        self.outputs = outputs
        self.observationCount = observationCount
    }

    /// sum of a^2 and of s^2 of one use, and the number of a's.
    private static func sums(
        of layer: any KroneckerLayer, _ use: LayerUse, _ sharing: WeightSharing
    ) -> (inputs: Tensor, outputs: Tensor, count: Int) {
        if let failure = use.input.failure ?? use.outputGradient.failure {
            return (Tensor(failed: failure), Tensor(failed: failure), 0)
        }
        let (x, g) = (precise(use.input), precise(use.outputGradient))
        if sharing == .expand, let layer = layer as? any ConvolutionInformation {
            // The squares of all patches add up to the patches of the added squares.
            let image = x.squared().sum(along: 0, keepingDimensions: true)
            let squares = layer.geometry.patches(of: image).flattened(from: 0, to: 2).sum(along: 1)
            let outputs = g.squared().sum(along: 0).flattened(from: 1).sum(along: 1)
            let count = g.count / g.shape[1]
            return (layer.bias == nil ? squares : appending(count, to: squares), outputs, count)
        }
        if sharing == .expand, let layer = layer as? Linear {
            let rows = { (t: Tensor) in t.reshaped([-1, t.shape[t.rank - 1]]) }
            let squares = rows(x).squared().sum(along: 0)
            let count = x.count / x.shape[x.rank - 1]
            return (
                layer.bias == nil ? squares : appending(count, to: squares), rows(g).squared().sum(along: 0),
                count
            )
        }
        let (a, s) = layer.kroneckerRows(of: use, sharing: sharing)
        if let failure = a.failure ?? s.failure {
            return (Tensor(failed: failure), Tensor(failed: failure), 0)
        }
        return (precise(a).squared().sum(along: 0), precise(s).squared().sum(along: 0), a.shape[0])
    }

    private static func precise(_ x: Tensor) -> Tensor { x.to(dtype: x.dtype.accumulator) }

    /// The squares of a trailing 1 as well.
    private static func appending(_ count: Int, to squares: Tensor) -> Tensor {
        .concatenated([squares, .full([1], Double(count), dtype: squares.dtype, device: squares.device)])
    }

    /// Adds the sums of independent data.
    mutating func add(_ other: KroneckerDiagonals) {
        inputs = inputs + other.inputs
        outputs = outputs + other.outputs
        inputCount += other.inputCount
        observationCount += other.observationCount
    }
}
