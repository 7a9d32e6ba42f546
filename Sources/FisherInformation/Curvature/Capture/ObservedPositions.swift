import NeuralNet
import Torch

/// Which positions of a model's layers take part in Kronecker factors where some targets are masked.
///
/// A position takes no part if it is not observed and the loss does not depend on it, so that the same observations
/// give the same factors padded or packed. A position that is not observed but feeds others, such as a token of a
/// prompt, belongs to their gradients and takes part. The loss does not depend on a position if the gradient of
/// -log p at the data's labels is exactly zero in all outputs of the layer there: behind the end under a causal
/// attention, and everywhere in a unit without observations.
///
/// A layer's positions are those of one of the likelihood's kinds of position, in order, if they are equally many, or if
/// those of all its uses together are (a recurrent map, used once for each position); where two kinds are equally many,
/// a position takes part that both observe. A layer that knows which of its positions are
/// padding says so itself (``CaptureSite``). Other layers, such as convolutions before a change of resolution, have no
/// such correspondence: all positions of a unit count as observed there if one is.
struct ObservedPositions {
    /// Whether each position is observed, Booleans [units, positions], by kind of position.
    private let kinds: [Tensor]

    /// What is observed, by kind of position; nil if that is everything and no layer knows of padding, or if the
    /// positions are not ordered by unit.
    init?(_ found: [Tensor], units: Int, uses: [ActivationRecorder.Use]) {
        guard units > 0 else { return nil }
        let areByUnit = found.allSatisfy {
            $0.failure == nil && $0.rank > 0 && ($0.shape[0] % units == 0 || $0.count == units)
        }
        guard !found.isEmpty || uses.contains(where: { $0.present != nil }), areByUnit else { return nil }
        kinds = found.map { $0.reshaped([units, -1]) }
    }

    /// Which of `length` positions are observed, the first of which is `start` of `whole`; nil if all are.
    private func observed(_ length: Int, from start: Int, of whole: Int) -> Tensor? {
        func common(_ parts: [Tensor]) -> Tensor? {
            parts.dropFirst().reduce(parts.first) { $0?.masked($1.equals(0), with: 0) }
        }
        let candidates =
            kinds.filter { $0.shape[1] == length }
            + kinds.filter { $0.shape[1] == whole }.map { $0.narrowed(1, from: start, length: length) }
        return common(candidates)
            ?? kinds.first?.sum(along: 1, keepingDimensions: true).equals(0).equals(0)
    }

    /// The positions of each use that take part, Booleans [units, positions]; nil for a use in which all do.
    ///
    /// - Parameters:
    ///   - uses: the uses of all layers in the order of the forward pass.
    ///   - slopes: the gradients of -log p at the data's labels with respect to their outputs.
    ///   - layers: the layers that have factors.
    func participants(
        of uses: [ActivationRecorder.Use], _ slopes: [Tensor?],
        in layers: [ParameterPath: any KroneckerLayer]
    ) throws -> [Tensor?] {
        var silent = [Tensor?](repeating: nil, count: uses.count)
        for (k, (use, slope)) in zip(uses, slopes).enumerated() {
            guard let layer = layers[use.path], let slope else { continue }
            let rows = layer.kroneckerRows(of: LayerActivation(input: use.input, outputGradient: slope))
            let isSilent = rows.outputGradients.magnitude().sum(along: 2).equals(0)
            try isSilent.check()
            silent[k] = isSilent
        }
        var found = [Tensor?](repeating: nil, count: uses.count)
        for own in Dictionary(grouping: uses.indices, by: { uses[$0].path }).values {
            let whole = own.reduce(0) { $0 + (silent[$1]?.shape[1] ?? 0) }
            var start = 0
            for k in own {
                guard let silent = silent[k] else { continue }
                let length = silent.shape[1]
                let known = uses[k].present ?? observed(length, from: start, of: whole)
                start += length
                guard let counts = known else { continue }
                let absent = silent.masked(counts, with: 0)
                if try absent.sum().item() > 0 { found[k] = absent.equals(0) }
            }
        }
        return found
    }
}
