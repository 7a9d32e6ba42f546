import FisherInformation
import FisherOptions
import NeuralNet
import Torch

/// FAdam with two kinds of correlations: the diagonal is kept in the eigenbasis of K-FAC's factors, and a low-rank part
/// adds the correlations that are left.
///
///     A = average of a a^T,  S = average of s s^T     (as in K-FAC)
///     Q_A, Q_S: their eigenvectors, every b updates
///     G'  = Q_S^T G Q_A,   theta' = Q_S^T theta Q_A
///     f  <- b2hat f + (1 - b2hat) G'^2,   U U^T ~ b2hat U U^T + (1 - b2hat) G' G'^T in rank k + b
///     D'  = FAdam's step for theta' and G', divided by M in place of f^rho + eh^(2 rho)
///     theta <- theta + Q_S D' Q_A^T
///
/// with M the power rho of D + kappa U U^T, whose diagonal is f; with rank 0 it is f^rho + eh^(2 rho), FAdam's own. In
/// K-FAC's basis the information is nearly diagonal by the statistics of activations and output gradients, where
/// ``KroneckerFAdam`` takes those of the mini-batch gradient, as Shampoo does. G is the layer's matrix with its bias as the
/// last column. f is kept when the basis changes, momentum and U are turned. Parameters outside layers keep the identity, as
/// all do with `basis` `none`, which needs gradients only.
public struct CorrelatedFAdam: FisherMetricRule, CurvatureRule {
    /// In which basis the diagonal is kept.
    public enum Basis: String, CaseIterable, Codable, OptionValue {
        /// The eigenvectors of K-FAC's factors, by layer.
        case kfac
        /// The parameters themselves.
        case none
    }

    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// How the information divides the step in the basis: FAdam's options.
    public var metric = FisherMetric()
    /// In which basis the diagonal is kept.
    @Configurable("basis", "kfac or none") public var basis = Basis.kfac
    /// Whose labels the output gradients of the factors are of: exact, sampled or empirical.
    @Configurable(
        "labels", .among([.exact, .empirical, .sampled(1)]), "whose labels: exact, sampled or empirical")
    public var labels = CurvatureSource.sampled(1)
    /// How positions that share weights enter the factors.
    @Configurable("weight_sharing", "how shared positions enter: expand or reduce")
    public var weightSharing = WeightSharing.expand
    /// Decay by which the factors are averaged, in [0, 1).
    @Configurable("factor_decay", .decay, "decay of the factors") public var factorDecay: Schedule = 0.95
    /// Number of updates between statistics of the factors.
    @Configurable("statistics_interval", .atLeast(1), "updates between statistics")
    public var statisticsInterval = 1
    /// Number b of updates from one change of the basis to the next, and between decompositions of the low-rank part.
    @Configurable("basis_interval", .atLeast(1), "updates between changes of the basis")
    public var basisInterval = 10
    /// Number k of eigenvectors that the low-rank part keeps; 0 for none.
    @Configurable("rank", .atLeast(0), "eigenvectors of the low-rank part; 0 for none") public var rank = 0
    /// Share kappa of the low-rank part's off-diagonal elements, in [0, 1).
    @Configurable("correlation", .decay, "share of the low-rank part's off-diagonals")
    public var correlation: Schedule = 0.5

    public init() {}

    public static let summary = RuleSummary(
        name: "correlated_fadam", title: "CorrelatedFAdam",
        source: "mini-batch gradient; draws, exact or labels",
        structure: "diagonal in K-FAC's basis, and low rank", power: "1/2 (rho)",
        momentum: "of the natural gradient", stateBytes: "8, and 8 per element of A and S, 4 (k + b)",
        cost: "8 m n (m + n), 4 (k + b) P; bases 10 (m^3 + n^3) / b",
        neglects: "units, layers' correlations, what is left in the basis",
        reference: "ours, after Hwang 2024")

    public var needsBatch: Bool { basis == .kfac }

    public func requests(at step: Int) -> [CurvatureRequest] {
        needsBatch && isDue(step, every: statisticsInterval) ? [.kronecker(labels, weightSharing)] : []
    }

    /// The updates by gradients alone.
    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        group.indices.map { moved(group[$0], state: &state[$0]) }
    }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        var updates = group.inputs.map { ParameterUpdate(change: .zeros(like: $0.parameter)) }
        let blocks = group.structure.layers.filter { group.hasGradient[$0.weight] }
        // All that can throw comes before the first sketch is written in place.
        let fallbacks = try blocks.map { try updateBasis(of: $0, group, state: &state[$0.weight]) }
        for (block, fallbacks) in zip(blocks, fallbacks) {
            let bases = [state[block.weight]["outputbasis"], state[block.weight]["inputbasis"]]
            let update = TrackedEigenbasis.step(
                for: layerInput(block, group), in: bases, state: &state[block.weight], inBasis: moved)
            for (position, part) in block.parts(of: update.change) {
                updates[position] = ParameterUpdate(
                    change: part, clipFactor: update.clipFactor, epsilon: update.epsilon)
            }
            updates[block.weight].decay = update.decay
            updates[block.weight].fallbackCount = fallbacks
        }
        for position in group.structure.others where group.hasGradient[position] {
            updates[position] = moved(group.inputs[position], state: &state[position])
        }
        return updates
    }

    /// FAdam's step for one tensor, divided by M.
    private func moved(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        var division: ((Tensor, Tensor) -> (Tensor) -> Tensor)?
        if rank > 0 {
            do {
                let average = try sketch.update(
                    with: input.gradient(metric.auxiliary), at: input.step, in: &state)
                division =
                    CorrelatedMetric(
                        factor: average.factor, correlation: correlation(input.step), power: metric.power
                    ).division
            } catch {
                return ParameterUpdate(change: Tensor(failed: error))
            }
        }
        return metric.update(
            for: input, learningRate: learningRate, diagonal: nil, state: &state, division: division
        ) { g, b2hat, addend, state in
            FisherMetric.fullSquare(g, decay: b2hat, addend: addend, state: &state)
        }
    }

    private var sketch: GradientSketch {
        let beta2 = metric.beta2
        return GradientSketch(rank: rank, interval: basisInterval) { correctedDecay(beta2($0), $0) }
    }

    /// The matrices of a layer: parameter, gradient and auxiliary gradient. A part that does not decay enters the
    /// parameter, of which only the decay depends, as zeros.
    private func layerInput(_ block: LayerBlock, _ group: RuleGroup) -> RuleInput {
        let own = [block.weight] + (block.bias.map { [$0] } ?? [])
        let parameters = group.inputs.map { $0.decays ? $0.parameter : .zeros(like: $0.parameter) }
        let hasAuxiliary = own.contains { group.inputs[$0].auxiliary != nil }
        let auxiliaries = group.inputs.map { $0.auxiliary ?? .zeros(like: $0.gradient) }
        return RuleInput(
            parameter: block.matrix(parameters), gradient: block.matrix(group.inputs.map(\.gradient)),
            auxiliary: hasAuxiliary ? block.matrix(auxiliaries) : nil, step: group.inputs[block.weight].step,
            decays: own.contains { group.inputs[$0].decays })
    }

    /// Averages the factors and changes the basis if it is time; returns the number of decompositions that failed.
    private func updateBasis(
        of block: LayerBlock, _ group: RuleGroup, state: inout TensorState
    ) throws -> Int {
        let t = group.inputs[block.weight].step
        let isNew = state["age"] == nil
        let theta = group.inputs[block.weight].parameter
        if let found = group.statistics.kronecker(labels, weightSharing)?.layers[block.path] {
            let average = RunningAverage(weight: try state["age"]?.item() ?? 0, decay: factorDecay(t))
            state["inputs"] = try average.updated(
                isNew ? nil : state["inputs"], with: found.inputs.to(dtype: theta.dtype).bounded,
                over: Double(max(found.inputCount, 1)))
            state["outputs"] = try average.updated(
                isNew ? nil : state["outputs"], with: found.outputs.to(dtype: theta.dtype).bounded,
                over: Double(max(found.observationCount, 1)))
            state["age"] = .full([], average.weight, dtype: theta.dtype)
        } else if isNew {
            // First reached between two updates of the statistics: FAdam until the next.
            for (name, size) in [("inputs", block.inputCount), ("outputs", block.outputCount)] {
                state[name] = .zeros([size, size], dtype: theta.dtype, device: theta.device)
            }
            state["age"] = .full([], 0, dtype: theta.dtype)
        }
        guard isNew || isDue(t, every: basisInterval), let a = state["inputs"], let s = state["outputs"]
        else {
            return 0
        }
        let (left, right) = (try SafeEigen(s), try SafeEigen(a))
        // f is measured in these bases and kept over steps, so that the null space's must not be rounding's choice.
        let (new, old) = (
            [try left.canonicalVectors, try right.canonicalVectors],
            [state["outputbasis"], state["inputbasis"]]
        )
        (state["outputbasis"], state["inputbasis"]) = (new[0], new[1])
        if let l = old[0], let r = old[1] {
            let turns = [transposedProduct(l, new[0]), transposedProduct(r, new[1])]
            state["momentum"] = state["momentum"].map {
                TrackedEigenbasis.withoutNoise(multiplied($0, by: turns))
            }
            GradientSketch.turned(&state, by: turns)
        }
        return left.fallbackCount + right.fallbackCount
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        func shapes(_ shape: [Int]) -> [String: [Int]] {
            var own = ["momentum": shape, "fisher": shape]
            if rank > 0 {
                let rows = sketch.rowCount
                own["rows"] = [rows] + shape
                own["products"] = [rows, rows]
            }
            return own
        }
        var all = structure.shapes.map { _ in [:] as [String: [Int]] }
        for position in structure.others { all[position] = shapes(structure.shapes[position]) }
        for block in structure.layers {
            let (outputs, inputs) = (block.outputCount, block.inputCount)
            all[block.weight] = shapes([outputs, inputs]).merging([
                "inputs": [inputs, inputs], "outputs": [outputs, outputs], "age": [],
                "inputbasis": [inputs, inputs], "outputbasis": [outputs, outputs],
            ]) { own, _ in own }
        }
        return all
    }

    public func notes(_ structure: GroupStructure) -> [String?] {
        let others = Set(structure.others)
        return structure.paths.indices.map { needsBatch && others.contains($0) ? "by its own basis" : nil }
    }
}

extension Tensor {
    /// The elements with infinities and NaN replaced by large numbers that can still be averaged.
    fileprivate var bounded: Tensor {
        failure == nil ? replacingNonFinite(with: dtype.greatestFiniteMagnitude / 1e6) : self
    }
}
