import NeuralNet
import Torch

/// A forward pass with the uses of its layers.
public struct CapturedPass<Outcome> {
    /// What the forward pass gave.
    public let outcome: Outcome
    /// The length of the first axis.
    package let units: Int
    /// Every use of every layer.
    package let uses: [(path: ParameterPath, input: Tensor, output: Tensor)]
    /// Parameters whose gradients by unit take a backward pass each.
    package let generic: [Parameter]

    /// Makes the forward pass and notes the uses that are kept; throws one whose first axis is not that of the units.
    package init(
        of model: any Module, units: Int, generic: [Parameter] = [],
        keeping isKept: (ParameterPath, Tensor) -> Bool = { _, _ in true }, _ forward: () throws -> Outcome
    ) throws {
        let recorder = ActivationRecorder()
        let outcome = try model.capturing(by: recorder) { () throws -> Outcome in try forward() }
        let uses = recorder.uses.filter { isKept($0.path, $0.output) }
        for use in uses {
            try use.output.check()
            guard use.output.rank > 0, use.output.shape[0] == units, use.input.shape.first == units else {
                throw CurvatureError.notByUnit(layer: use.path, units: units, shape: use.output.shape)
            }
        }
        self.outcome = outcome
        self.units = units
        self.uses = uses
        self.generic = generic
    }

    /// What came back to the uses from a scalar, or from outputs with seeds.
    ///
    /// Parameters of the generic route need seeds whose first axis is that of the units.
    package func backward(
        from outputs: [Tensor], seeds: [Tensor?], weight: Double = 1, keepGraph: Bool
    ) throws -> BackwardPass {
        let returned = try gradients(
            of: outputs, seeds: seeds, withRespectTo: uses.map(\.output),
            keepGraph: keepGraph || !generic.isEmpty)
        return BackwardPass(
            uses: uses(with: returned), generic: try byUnit(outputs, seeds, keepGraph: keepGraph),
            weight: weight)
    }

    /// The gradients of the generic route, a backward pass a unit: [units] and the parameter's shape.
    private func byUnit(
        _ outputs: [Tensor], _ seeds: [Tensor?], keepGraph: Bool
    ) throws -> [ObjectIdentifier: Tensor] {
        guard !generic.isEmpty else { return [:] }
        guard outputs.count == 1, let seed = seeds[0], seed.rank > 0, seed.shape[0] == units else {
            throw CurvatureError.notByUnit(
                layer: .root, units: units, shape: seeds.first.flatMap { $0?.shape } ?? [])
        }
        let tensors = generic.map(\.wrappedValue)
        var rows = [[Tensor]](repeating: [], count: generic.count)
        for unit in 0..<units {
            let own = Tensor.zeros(like: seed.detached())
            try own.narrowed(0, from: unit, length: 1).assign(seed.narrowed(0, from: unit, length: 1))
            let found = try gradients(
                of: outputs, seeds: [own], withRespectTo: tensors,
                keepGraph: keepGraph || unit + 1 < units)
            for (k, gradient) in found.enumerated() {
                rows[k].append(gradient ?? .zeros(like: tensors[k].detached()))
            }
        }
        return Dictionary(
            uniqueKeysWithValues: zip(generic, rows).map { (ObjectIdentifier($0), .stacked($1)) })
    }
}

/// The gradients that came back in one backward pass, by layer, and how much the pass counts.
package struct BackwardPass {
    package let uses: [ParameterPath: [LayerActivation]]
    /// Units' gradients of parameters that belong to no layer that tells them.
    package let generic: [ObjectIdentifier: Tensor]
    package let weight: Double

    package init(
        uses: [ParameterPath: [LayerActivation]], generic: [ObjectIdentifier: Tensor], weight: Double
    ) {
        self.uses = uses
        self.generic = generic
        self.weight = weight
    }
}

extension BackwardPass {
    /// The pass with each unit's gradients over the length of its gradient in the outputs; zero where that is zero.
    package func improved(by outputGradient: Tensor?) -> BackwardPass {
        guard let outputGradient else { return self }
        let lengths = outputGradient.flattened(from: 1).squared().sum(along: 1).squareRoot()
        let scale = quotient(.ones(like: lengths), lengths)
        func scaled(_ x: Tensor) -> Tensor {
            x.failure == nil ? x * scale.reshaped([-1] + [Int](repeating: 1, count: max(x.rank - 1, 0))) : x
        }
        return BackwardPass(
            uses: uses.mapValues { uses in
                uses.map { LayerActivation(input: $0.input, outputGradient: scaled($0.outputGradient)) }
            }, generic: generic.mapValues(scaled), weight: weight)
    }
}

/// Backward passes that can be made, one after another, and the number of observations that they count.
package struct PassRun {
    package let source: CurvatureSource
    package let units: Int
    package let observationCount: Int
    /// Makes the passes; each may be forgotten before the next.
    let forEach: (_ take: (BackwardPass) throws -> Void) throws -> Void

    package init(
        source: CurvatureSource, units: Int, observationCount: Int,
        forEach: @escaping (_ take: (BackwardPass) throws -> Void) throws -> Void
    ) {
        self.source = source
        self.units = units
        self.observationCount = observationCount
        self.forEach = forEach
    }

    /// Whether a pass's gradient is that of the loss.
    var isAtLabels: Bool { source == .empirical || source == .minibatch }
}
