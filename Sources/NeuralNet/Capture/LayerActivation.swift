import Torch

/// One use of a layer in a forward pass: its input, and the gradient of its output.
public struct LayerActivation {
    /// The layer's input as it captures it (``InformativeLayer/captured(_:)``), [units, ...].
    public let input: Tensor
    /// The gradient of the summed negative log-likelihood with respect to the layer's output, [units, ...].
    public let outputGradient: Tensor

    /// Which positions take part in Kronecker factors, Booleans [units, positions]; nil if all do.
    package let participants: Tensor?
    /// Whether the layer was used for these labels only: its input is another one for other labels.
    package let dependsOnLabels: Bool

    /// Pairs a layer's input with the gradient of its output.
    public init(input: Tensor, outputGradient: Tensor) {
        self.init(input: input, outputGradient: outputGradient, participants: nil)
    }

    /// Pairs them, and says which positions take part in Kronecker factors.
    package init(
        input: Tensor, outputGradient: Tensor, participants: Tensor?, dependsOnLabels: Bool = false
    ) {
        self.input = input
        self.outputGradient = outputGradient
        self.participants = participants
        self.dependsOnLabels = dependsOnLabels
    }

    /// The part of the use that belongs to some units.
    package func narrowed(_ units: Range<Int>) -> LayerActivation {
        func part(_ x: Tensor) -> Tensor { x.narrowed(0, from: units.lowerBound, length: units.count) }
        return LayerActivation(
            input: part(input), outputGradient: part(outputGradient),
            participants: participants.map(part), dependsOnLabels: dependsOnLabels)
    }
}

extension LayerActivation {
    /// Each unit's gradients of w and b for y = w x^ + b by channel, the second axis, with x^ the normalized input:
    /// the sums over positions of s x^, and of s.
    func channelGradients(normalized: Tensor) -> [Tensor?] {
        func summed(_ x: Tensor) -> Tensor { x.rank > 2 ? x.flattened(from: 2).sum(along: 2) : x }
        if let failure = normalized.failure ?? outputGradient.failure {
            return [Tensor(failed: failure), Tensor(failed: failure)]
        }
        return [summed(outputGradient * normalized), summed(outputGradient)]
    }
}

/// Records every use of every layer during a forward pass.
package final class ActivationRecorder: CaptureRecorder {
    /// The uses in the order in which they happened.
    package private(set) var uses: [Use] = []

    /// A use, and which positions of its output are no padding, if its layer knows.
    package typealias Use = (path: ParameterPath, input: Tensor, output: Tensor, present: Tensor?)

    /// Creates a recorder without uses.
    package init() {}

    package func record(layer path: ParameterPath, input: Tensor, output: Tensor) {
        record(layer: path, input: input, output: output, present: nil)
    }

    package func record(layer path: ParameterPath, input: Tensor, output: Tensor, present: Tensor?) {
        uses.append((path, input.detached(), output, present))
    }
}

/// The sums of s a^T and of its squares by unit, for s [units, ..., outputs] and a [units, ..., inputs], and the
/// number of positions of a unit. Without positions sum_n G_n^2 = (s^2)^T (a^2).
package func weightSums(_ s: Tensor, _ a: Tensor) -> (
    sums: (gradient: Tensor, squares: Tensor), positions: Int
)? {
    guard s.failure == nil, a.failure == nil, s.rank > 1, s.rank == a.rank else { return nil }
    let positions = s.shape.dropFirst().dropLast().reduce(1, *)
    let found = UnitSums.outer(
        s.reshaped([-1, s.shape[s.rank - 1]]), a.reshaped([-1, a.shape[a.rank - 1]]), depth: positions,
        squares: positions == 1 ? .eachTerm : .eachGroup)
    guard let found else { return nil }
    return ((found.sum, found.squares), positions)
}
