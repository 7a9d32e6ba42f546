// What K-FAC and EKFAC share: averaged factors, intervals, momentum, clip, adapted damping, the rest by another rule.

import FisherInformation
import Foundation
import NeuralNet
import Torch

/// A rule that divides the gradient of a layer, a matrix [outputs, inputs (+ 1)], by its Kronecker-factored information.
public protocol KroneckerRule: CurvatureRule {
    /// gamma.
    var damping: Schedule { get set }
    /// d, by which statistics are averaged, in [0, 1).
    var decay: Schedule { get set }
    /// mu, in [0, 1).
    var momentum: Schedule { get set }
    /// Whose labels the output gradients are of.
    var labels: LabelSource { get set }
    /// How positions that share weights enter.
    var weightSharing: WeightSharing { get set }
    /// Updates from one gathering of statistics to the next.
    var statisticsInterval: Int { get set }
    /// Updates from one renewal of what is made of the factors to the next.
    var inverseInterval: Int { get set }
    /// kappa; no clip where it is missing.
    var klClip: Double? { get set }
    /// Whether gamma is adapted to how well the model of the loss predicts.
    var adaptsDamping: Bool { get set }
    /// lambda: decoupled decay of the layers' weights, scaled by eta.
    var weightDecay: Schedule { get set }
    /// The rule of parameters outside layers with factors.
    var fallback: FallbackRule { get set }
    /// Its step size, where it is not eta.
    var fallbackLearningRate: Double? { get set }

    /// What is asked of every batch.
    var perStepRequests: [CurvatureRequest] { get }

    /// What is asked of a batch besides the factors at an update that gathers statistics.
    var extraRequests: [CurvatureRequest] { get }

    /// Renews what is made of the factors in a layer's memory; the number of decompositions that failed their check.
    func renew(_ state: inout TensorState, damping: Double) throws -> Int

    /// Takes in what else is averaged, once the factors of all layers and what is made of them are those of this
    /// update.
    func gather(
        _ updated: [(block: LayerBlock, average: RunningAverage)], _ statistics: CurvatureEstimates,
        _ state: inout [TensorState]
    ) throws

    /// V: the layer's gradient divided by its information.
    func divided(_ gradient: Tensor, _ state: TensorState, damping: Double) -> Tensor

    /// V from the rows of the layer's gradient, where that is possible.
    func divided(_ rows: GradientRows, _ group: RuleGroup, _ block: LayerBlock, _ state: TensorState)
        throws -> Tensor?

    /// The shapes of what is made of the factors, by name.
    func renewedShapes(outputs: Int, inputs: Int) -> [String: [Int]]
}

extension KroneckerRule {
    public var perStepRequests: [CurvatureRequest] { [] }

    public var extraRequests: [CurvatureRequest] { [] }

    public func divided(
        _ rows: GradientRows, _ group: RuleGroup, _ block: LayerBlock, _ state: TensorState
    )
        throws -> Tensor?
    { nil }

    public func gather(
        _ updated: [(block: LayerBlock, average: RunningAverage)], _ statistics: CurvatureEstimates,
        _ state: inout [TensorState]
    ) throws {}

    public func requests(at step: Int) -> [CurvatureRequest] {
        guard isDue(step, every: statisticsInterval) else { return perStepRequests }
        return [.kronecker(labels.source, weightSharing)] + extraRequests + perStepRequests
    }

    public func movements(_ group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        let t = group.step
        let gradients = group.gradients
        let blocks = group.structure.layers.filter { group.hasGradient[$0.weight] }
        let gamma = try currentDamping(blocks, state, t)

        let updates = try blocks.map { block in
            try updateInformation(block, of: group, damping: gamma, state: &state[block.weight])
        }
        try gather(
            zip(blocks, updates).compactMap { block, update in update.average.map { (block, $0) } },
            group.statistics, &state)
        var divided: [(block: LayerBlock, step: Tensor, fallbacks: Int)] = []
        for (block, update) in zip(blocks, updates) {
            let quick = try group.statistics.gradientRows(of: block.path).flatMap {
                try self.divided($0, group, block, state[block.weight])
            }
            let v = try finite(
                quick ?? self.divided(block.matrix(gradients), state[block.weight], damping: gamma))
            divided.append((block, v.value, update.fallbacks + v.fallbacks))
        }
        let nu = try clip(divided.lazy.map { ($0.block.matrix(gradients), $0.step) }, learningRate(t))

        var moves = [ParameterUpdate?](repeating: nil, count: group.inputs.count)
        for (block, v, fallbacks) in divided {
            for (position, part) in block.parts(of: nu == 1 ? v : v * nu) {
                moves[position] = movement(part, group.inputs[position], t, &state[position])
            }
            moves[block.weight]?.fallbackCount = fallbacks
        }
        for (position, movement) in group.movements(
            of: group.structure.others, by: fallbackRule, state: &state)
        {
            moves[position] = movement
        }
        let made = moves.enumerated().map { position, movement in
            movement ?? ParameterUpdate(change: .zeros(like: group.inputs[position].parameter))
        }
        if adaptsDamping, t % DampingAdaptation.interval == 0, let first = blocks.first {
            let adapted = try DampingAdaptation.damping(after: gamma, group, blocks, made, state)
            state[first.weight]["damping"] = .full(like: state[first.weight]["age"] ?? group.loss, adapted)
        }
        return made
    }

    /// Averages the statistics and renews what is made of them, where this update does; the average's weights, and the
    /// failed checks.
    private func updateInformation(
        _ block: LayerBlock, of group: RuleGroup, damping: Double, state: inout TensorState
    ) throws -> (average: RunningAverage?, fallbacks: Int) {
        let t = group.step
        let isNew = state["age"] == nil
        var average: RunningAverage?
        var failures = 0
        if isDue(t, every: statisticsInterval),
            let found = group.statistics.kronecker(labels.source, weightSharing)?.layers[block.path]
        {
            let update = RunningAverage(weight: try state["age"]?.item() ?? 0, decay: decay(t))
            let dtype = group.inputs[block.weight].parameter.dtype
            let (a, s) = (try usable(found.inputs, dtype), try usable(found.outputs, dtype))
            failures += a.fallbacks + s.fallbacks
            state["inputs"] = try update.updated(
                isNew ? nil : state["inputs"], with: a.value, over: Double(max(found.inputCount, 1)))
            state["outputs"] = try update.updated(
                isNew ? nil : state["outputs"], with: s.value, over: Double(max(found.observationCount, 1)))
            state["age"] = .full([], update.weight, dtype: dtype, device: a.value.device)
            average = update
        } else if isNew {
            // First reached between two gatherings: it stands still until the next.
            let theta = group.inputs[block.weight].parameter
            for (name, shape) in layerShapes(block) {
                state[name] = .zeros(shape, dtype: theta.dtype, device: theta.device)
            }
            return (nil, 0)
        }
        if isNew || isDue(t, every: inverseInterval) { failures += try renew(&state, damping: damping) }
        return (average, failures)
    }

    /// A sum of products in the precision of the rule; bounded, and counted, where it overflowed.
    private func usable(_ sum: Tensor, _ dtype: DType) throws -> (value: Tensor, fallbacks: Int) {
        // An overflow anywhere in a sum of x x^T is one on its diagonal too.
        if try sum.diagonal().sum(dtype: .float64).item().isFinite { return (sum.to(dtype: dtype), 0) }
        return (sum.to(dtype: dtype).replacingNonFinite(with: dtype.greatestFiniteMagnitude / 1e6), 1)
    }

    /// A step without infinities and NaN; counted where there were any.
    private func finite(_ step: Tensor) throws -> (value: Tensor, fallbacks: Int) {
        if try step.sum().item().isFinite { return (step, 0) }
        let bound = step.dtype.greatestFiniteMagnitude / 1e6
        let repaired = step.replacingNonFinite(with: bound).clamped(to: -bound...bound)
        return (repaired, try step.isFinite().all().item() == 1 ? 0 : 1)
    }

    /// nu = min(1, sqrt(kappa / |eta^2 sum <V, gradient>|)) over the group's layers.
    private func clip(
        _ steps: some Sequence<(gradient: Tensor, step: Tensor)>, _ eta: Double
    ) throws -> Double {
        guard let klClip else { return 1 }
        let products = steps.map { ($0.gradient * $0.step).sum(dtype: .float64) }
        let length = try products.reduce(0.0) { $0 + (try $1.item()) } * eta * eta
        return length == 0 ? 1 : min(1, (klClip / abs(length)).squareRoot())
    }

    /// m <- mu m + V, and theta <- theta - eta (m + lambda theta).
    private func movement(
        _ step: Tensor, _ input: RuleInput, _ t: Int, _ state: inout TensorState
    ) -> ParameterUpdate {
        var m = step
        if hasMomentum {
            if let former = state["momentum"] { m = former * momentum(t) + step }
            state["momentum"] = m
        }
        let lambda = input.decays ? weightDecay(t) : 0
        return ParameterUpdate(change: (lambda == 0 ? m : m + input.parameter * lambda) * -learningRate(t))
    }

    private var hasMomentum: Bool { momentum != 0 }

    private var fallbackRule: any OptimizationRule {
        fallback.rule(learningRate: fallbackLearningRate.map { .constant($0) } ?? learningRate)
    }

    private func currentDamping(_ blocks: [LayerBlock], _ state: [TensorState], _ t: Int) throws -> Double {
        guard adaptsDamping, let first = blocks.first, let adapted = state[first.weight]["damping"] else {
            return damping(t)
        }
        return try adapted.item()
    }

    private func layerShapes(_ block: LayerBlock) -> [String: [Int]] {
        let (outputs, inputs) = (block.outputCount, block.inputCount)
        return ["inputs": [inputs, inputs], "outputs": [outputs, outputs], "age": []]
            .merging(renewedShapes(outputs: outputs, inputs: inputs)) { first, _ in first }
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        var shapes = structure.shapes.map { hasMomentum ? ["momentum": $0] : [:] }
        for block in structure.layers {
            shapes[block.weight].merge(layerShapes(block)) { first, _ in first }
        }
        for position in structure.others {
            shapes[position] = fallbackRule.stateShapes(like: .zeros(structure.shapes[position]))
        }
        if adaptsDamping, step >= DampingAdaptation.interval, let first = structure.layers.first {
            shapes[first.weight]["damping"] = []
        }
        return shapes
    }

    public func notes(_ structure: GroupStructure) -> [String?] {
        let others = Set(structure.others)
        return structure.paths.indices.map { others.contains($0) ? fallback.note : nil }
    }

    static func kroneckerOptions(_ own: [RuleOption<Self>]) -> [RuleOption<Self>] {
        [
            .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
            .schedule("damping", \.damping, .nonNegative, "added to the information"),
            .schedule("decay", \.decay, .decay, "decay of the averages"),
            .schedule("momentum", \.momentum, .decay, "decay of the momentum"),
        ] + own + [
            .choice("labels", \.labels, "whose labels: exact, sampled or empirical"),
            .choice("weight_sharing", \.weightSharing, "how shared positions enter: expand or reduce"),
            .integer(
                "statistics_interval", \.statisticsInterval, in: 1 ... .max,
                "updates from statistics to statistics"),
            .integer(
                "inverse_interval", \.inverseInterval, in: 1 ... .max, "updates from one renewal to the next"),
            .optional("kl_clip", \.klClip, .positive, "largest squared length of a step in the information"),
            .flag("adapts_damping", \.adaptsDamping, "adapt the damping by Levenberg and Marquardt"),
            .schedule("weight_decay", \.weightDecay, .nonNegative, "decay of the layers' weights"),
            .choice("fallback", \.fallback, "the rule of parameters outside layers"),
            .optional("fallback_learning_rate", \.fallbackLearningRate, .nonNegative, "its step size"),
        ]
    }
}
