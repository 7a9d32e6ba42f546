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
                let (a, s) = layer.kroneckerRows(of: use, sharing: sharing)
                let part = s.squared().sum(along: 0)
                let weighed = pass.weight == 1 ? part : part * pass.weight
                outputs = outputs.map { $0 + weighed } ?? weighed
                // The inputs are the same in every pass.
                guard number == 0 else { continue }
                let squares = a.squared().sum(along: 0)
                let count = a.failure == nil ? a.shape[0] : 0
                found = found.map { ($0.inputs + squares, $0.count + count) } ?? (squares, count)
            }
        }
        guard let found, let outputs else { return nil }
        inputs = found.inputs
        inputCount = found.count
        self.outputs = outputs
        self.observationCount = observationCount
    }

    /// Adds the sums of independent data.
    mutating func add(_ other: KroneckerDiagonals) {
        inputs = inputs + other.inputs
        outputs = outputs + other.outputs
        inputCount += other.inputCount
        observationCount += other.observationCount
    }
}
