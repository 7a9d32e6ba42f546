import NeuralNet
import Torch

/// The gradients of one backward pass, by layer, and the weight of the pass.
struct BackwardPass {
    /// The uses of each layer with the gradients of their outputs.
    let uses: [ParameterPath: [LayerActivation]]
    /// Per-sample gradients of parameters of the fallback, [units] and the parameter's shape.
    let rows: [ObjectIdentifier: Tensor]
    /// The factor of the squares of its gradients.
    let weight: Double
    /// The gradient of -log p in the outputs at the data's labels, if it was requested.
    var outputGradient: Tensor?

    /// The pass with each unit's gradients divided by the norm of its gradient in the outputs; zero if that
    /// is zero.
    func improved() -> BackwardPass {
        guard let outputGradient else { return self }
        let lengths = outputGradient.flattened(from: 1).squared().sum(along: 1).squareRoot()
        let scale = quotient(.ones(like: lengths), lengths)
        func scaled(_ x: Tensor) -> Tensor {
            x.failure == nil ? x * scale.reshaped([-1] + [Int](repeating: 1, count: max(x.rank - 1, 0))) : x
        }
        return BackwardPass(
            uses: uses.mapValues { uses in
                uses.map {
                    LayerActivation(
                        input: $0.input, outputGradient: scaled($0.outputGradient),
                        participants: $0.participants, dependsOnLabels: $0.dependsOnLabels)
                }
            }, rows: rows.mapValues(scaled), weight: weight)
    }
}

/// The backward passes of one source after one forward pass, and their weights.
struct PassRun {
    let source: CurvatureSource
    let units: Int
    let observationCount: Int
    /// Recomputes the passes, each of which may be released before the next; nil if they are kept.
    let repeated: ((_ take: (BackwardPass) throws -> Void) throws -> Void)?
    private(set) var passes: [BackwardPass] = []

    init(
        source: CurvatureSource, units: Int, observationCount: Int,
        repeated: ((_ take: (BackwardPass) throws -> Void) throws -> Void)? = nil
    ) {
        self.source = source
        self.units = units
        self.observationCount = observationCount
        self.repeated = repeated
    }

    /// Keeps a pass for another traversal if it cannot be recomputed.
    mutating func keep(_ pass: BackwardPass) {
        if repeated == nil { passes.append(pass) }
    }

    /// Traverses all passes again.
    func forEach(_ take: (BackwardPass) throws -> Void) throws {
        if let repeated { return try repeated(take) }
        for pass in passes { try take(pass) }
    }

    /// Whether a pass's gradient is that of the loss.
    var hasLossGradient: Bool { source == .empirical || source == .minibatch }
}
