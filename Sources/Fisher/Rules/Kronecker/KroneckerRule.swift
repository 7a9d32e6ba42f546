import FisherInformation
import FisherOptions
import Foundation
import NeuralNet
import Torch

/// The options that K-FAC and EKFAC share: averaged factors, intervals, momentum, clip, adapted damping, the
/// rest by another rule.
public struct KroneckerOptions: ConfigurableOptions {
    /// Damping gamma that is added to the information.
    @Configurable("damping", .nonNegative, "added to the information") public var damping: Schedule = 1e-2
    /// Decay d by which statistics are averaged, in [0, 1).
    @Configurable("decay", .decay, "decay of the averages") public var decay: Schedule = 0.95
    /// Decay mu of the momentum, in [0, 1).
    @Configurable("momentum", .decay, "decay of the momentum") public var momentum: Schedule = 0
    /// Whose labels the output gradients are of: exact, sampled or empirical.
    @Configurable(
        "labels", .among([.exact, .empirical, .sampled(1)]), "whose labels: exact, sampled or empirical")
    public var labels = CurvatureSource.sampled(1)
    /// How positions that share weights enter the factors.
    @Configurable("weight_sharing", "how shared positions enter: expand or reduce")
    public var weightSharing = WeightSharing.expand
    /// Number of updates between statistics.
    @Configurable("statistics_interval", .atLeast(1), "updates between statistics")
    public var statisticsInterval = 1
    /// Number of updates between computations of the inverses or bases of the factors.
    @Configurable("inverse_interval", .atLeast(1), "updates between inverses or bases")
    public var inverseInterval = 1
    /// Largest squared length kappa of a step in the information; nil for no clip.
    @Configurable("kl_clip", .positive, "largest squared length of a step in the information; none: no clip")
    public var klClip: Double? = nil
    /// Whether gamma is adapted every fifth update; it then starts at the schedule's value.
    @Configurable(
        "adapts_damping", aliases: ["adaptive_damping"], "adapt the damping by Levenberg and Marquardt")
    public var adaptsDamping = false
    /// Decay lambda of the layers' weights, decoupled from the gradient, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the layers' weights")
    public var weightDecay: Schedule = 0
    /// Rule of the parameters outside layers with factors.
    @Configurable("fallback", .gradientRules, "the rule of parameters outside layers")
    public var fallback = BaseRule.fadam
    /// Step size of the fallback, if it is not eta.
    @Configurable("fallback_learning_rate", .nonNegative, "its step size; none: learning_rate")
    public var fallbackLearningRate: Double? = nil

    /// The defaults.
    public init() {}
}

/// A rule that divides the gradient of a layer, a matrix [outputs, inputs (+ 1)], by its Kronecker-factored information.
@dynamicMemberLookup
public protocol KroneckerRule: CurvatureRule {
    /// The common options; they are accessible as the rule's own.
    var kronecker: KroneckerOptions { get set }

    /// The requests for a batch besides the factors at an update with statistics.
    var extraRequests: [CurvatureRequest] { get }

    /// How the inverses or bases of a layer's factors are computed anew, each factor's by itself.
    func refreshes(_ state: TensorState, damping: Double) throws -> [CacheRefresh]

    /// Averages further statistics, once the factors of all layers and their inverses or bases are those of
    /// this update; returns the layers' M^T G L that came with them, by path.
    func gather(
        _ updated: [(block: LayerBlock, average: RunningAverage)], of group: RuleGroup,
        _ state: inout [TensorState]
    ) throws -> [ParameterPath: Tensor]

    /// The two matrices M and L by which a layer's gradient G is multiplied first, to M^T G L; nil if there are none yet.
    func factors(_ state: TensorState) -> KroneckerMatrix?

    /// V, the layer's gradient divided by its information, from M^T G L.
    func precondition(turned gradient: Tensor, _ state: TensorState, damping: Double) -> Tensor

    /// The shapes of the inverses or bases of the factors, by name.
    func cacheShapes(outputs: Int, inputs: Int) -> [String: [Int]]
}

extension KroneckerRule {
    /// An option that every such rule has.
    public subscript<Value>(dynamicMember path: WritableKeyPath<KroneckerOptions, Value>) -> Value {
        get { kronecker[keyPath: path] }
        set { kronecker[keyPath: path] = newValue }
    }

    /// An adapted damping is judged by the loss after all layers have moved, of which every process then moves all.
    public var division: WorkDivision { kronecker.adaptsDamping ? .whole : .layers }

    public func workload(of shape: [Int]) -> Double { matrixWorkload(of: shape) }

    public var extraRequests: [CurvatureRequest] { [] }

    public func gather(
        _ updated: [(block: LayerBlock, average: RunningAverage)], of group: RuleGroup,
        _ state: inout [TensorState]
    ) throws -> [ParameterPath: Tensor] { [:] }

    public func requests(at step: Int) -> [CurvatureRequest] {
        guard isDue(step, every: kronecker.statisticsInterval) else { return [.gradientRows] }
        return [.kronecker(kronecker.labels, kronecker.weightSharing)] + extraRequests + [.gradientRows]
    }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        let t = group.step
        let gradients = group.gradients
        let blocks = group.structure.layers.filter { group.hasGradient[$0.weight] }
        let gamma = try currentDamping(blocks, state, t)

        var informed = try blocks.map { block in
            try updateAverages(block, of: group, state: &state[block.weight])
        }
        for (place, failures) in try refreshCaches(
            blocks.indices.filter { informed[$0].isRefreshed }, of: blocks, damping: gamma, &state)
        {
            informed[place].fallbacks += failures
        }
        let gathered = try gather(
            zip(blocks, informed).compactMap { block, update in update.average.map { (block, $0) } },
            of: group, &state)
        var divided: [(block: LayerBlock, step: Tensor, fallbacks: Int)] = []
        for (block, update) in zip(blocks, informed) {
            let turned = try gathered[block.path] ?? self.turned(block, of: group, state[block.weight])
            let v = try finite(
                turned.map { precondition(turned: $0, state[block.weight], damping: gamma) }
                    ?? .zeros(like: block.matrix(gradients)))
            divided.append((block, v.value, update.fallbacks + v.fallbacks))
        }
        let nu = try clip(divided.map { ($0.block, $0.step) }, group, learningRate(t))

        var updates = [ParameterUpdate?](repeating: nil, count: group.inputs.count)
        for (block, v, fallbacks) in divided {
            for (position, part) in block.parts(of: nu == 1 ? v : v * nu) {
                updates[position] = update(part, group.inputs[position], t, &state[position])
            }
            updates[block.weight]?.fallbackCount = fallbacks
        }
        for (position, update) in group.updates(
            of: group.structure.others, by: fallbackRule, state: &state)
        {
            updates[position] = update
        }
        let made = updates.enumerated().map { position, update in
            update ?? ParameterUpdate(change: .zeros(like: group.inputs[position].parameter))
        }
        if kronecker.adaptsDamping, t % adaptationInterval == 0, let first = blocks.first {
            let adapted = try adaptedDamping(gamma, group, blocks, made, state)
            state[first.weight]["damping"] = .full(like: state[first.weight]["age"] ?? group.loss, adapted)
        }
        return made
    }

    /// Averages the statistics, if this update does; returns the average's weights, the number of failed checks, and whether
    /// the factors' inverses or bases are due.
    private func updateAverages(
        _ block: LayerBlock, of group: RuleGroup, state: inout TensorState
    ) throws -> (average: RunningAverage?, fallbacks: Int, isRefreshed: Bool) {
        let t = group.step
        let isNew = state["age"] == nil
        var average: RunningAverage?
        var failures = 0
        if isDue(t, every: kronecker.statisticsInterval),
            let found = group.statistics.kronecker(kronecker.labels, kronecker.weightSharing)?.layers[
                block.path]
        {
            let update = RunningAverage(weight: try state["age"]?.item() ?? 0, decay: kronecker.decay(t))
            let dtype = group.inputs[block.weight].parameter.dtype
            for (name, sum, count) in [
                ("inputs", found.inputSum, found.inputCount),
                ("outputs", found.outputSum, found.observationCount),
            ] {
                let made = try averaged(
                    isNew ? nil : state[name], with: sum, over: Double(max(count, 1)), by: update, dtype)
                state[name] = made.value
                failures += made.fallbacks
            }
            state["age"] = .full(
                [], update.weight, dtype: dtype, device: group.inputs[block.weight].parameter.device)
            average = update
        } else if isNew {
            // First reached between two updates of the statistics: it does not move until the next.
            let theta = group.inputs[block.weight].parameter
            for (name, shape) in layerShapes(block) {
                state[name] = .zeros(shape, dtype: theta.dtype, device: theta.device)
            }
            return (nil, 0, false)
        }
        return (average, failures, isNew || isDue(t, every: kronecker.inverseInterval))
    }

    /// Computes inverses or bases of some layers' factors anew, factors side by side; returns the number of decompositions that
    /// failed their check, by place.
    private func refreshCaches(
        _ places: [Int], of blocks: [LayerBlock], damping: Double, _ state: inout [TensorState]
    ) throws -> [(place: Int, failures: Int)] {
        let tasks = try places.flatMap { place in
            try refreshes(state[blocks[place].weight], damping: damping).map { (place, $0) }
        }
        let found = concurrently(costs: tasks.map { pow(Double($0.1.size), 3) }) { k in
            Result { try tasks[k].1.compute() }
        }
        return try zip(tasks, found).map { task, result in
            let made = try result.get()
            for (name, tensor) in made.entries { state[blocks[task.0].weight][name] = tensor }
            return (task.0, made.fallbackCount)
        }
    }

    /// M^T G L of a layer, from the rows of G where they are few; nil before there are factors.
    private func turned(
        _ block: LayerBlock, of group: RuleGroup, _ state: TensorState
    ) throws -> Tensor? {
        guard let factors = factors(state) else { return nil }
        let quick = try group.statistics.gradientRows(of: block.path)?.product(
            factors, scale: group.gradientScale, checking: group.probedGradient(of: block))
        return quick ?? factors.product(block.matrix(group.gradients))
    }

    /// The average after an update with a factor, in one product where the factor's rows are known and nothing overflows;
    /// counts overflows.
    private func averaged(
        _ average: Tensor?, with sum: RowSum, over count: Double, by update: RunningAverage, _ dtype: DType
    ) throws -> (value: Tensor, fallbacks: Int) {
        if let average, let quick = sum.averaged(into: average, by: update, over: count),
            try quick.diagonal().sum(dtype: .float64).item().isFinite
        {
            return (quick, 0)
        }
        let found = try usable(sum.tensor, dtype)
        return (try update.updated(average, with: found.value, over: count), found.fallbacks)
    }

    /// A sum of products in the precision of the rule; bounded, and counted, if it overflowed.
    private func usable(_ sum: Tensor, _ dtype: DType) throws -> (value: Tensor, fallbacks: Int) {
        // An overflow anywhere in a sum of x x^T is one on its diagonal too.
        if try sum.diagonal().sum(dtype: .float64).item().isFinite { return (sum.to(dtype: dtype), 0) }
        return (sum.to(dtype: dtype).replacingNonFinite(with: dtype.greatestFiniteMagnitude / 1e6), 1)
    }

    /// A step without infinities and NaN; counts those that were replaced.
    private func finite(_ step: Tensor) throws -> (value: Tensor, fallbacks: Int) {
        if try step.sum().item().isFinite { return (step, 0) }
        let bound = step.dtype.greatestFiniteMagnitude / 1e6
        let repaired = step.replacingNonFinite(with: bound).clamped(to: -bound...bound)
        return (repaired, try step.isFinite().all().item() == 1 ? 0 : 1)
    }

    /// nu = min(1, sqrt(kappa / |eta^2 sum <V, gradient>|)) over the group's layers, those of other processes included.
    private func clip(
        _ steps: [(block: LayerBlock, step: Tensor)], _ group: RuleGroup, _ eta: Double
    ) throws -> Double {
        guard let klClip = kronecker.klClip else { return 1 }
        let gradients = group.gradients
        var products = [Double](repeating: 0, count: group.inputs.count)
        for (block, step) in steps {
            products[block.weight] = try (block.matrix(gradients) * step).sum(dtype: .float64).item()
        }
        let length = try group.exchange.completed(products).reduce(0, +) * eta * eta
        return length == 0 ? 1 : min(1, (klClip / abs(length)).squareRoot())
    }

    /// m <- mu m + V, and theta <- theta - eta (m + lambda theta).
    private func update(
        _ step: Tensor, _ input: RuleInput, _ t: Int, _ state: inout TensorState
    ) -> ParameterUpdate {
        var m = step
        if hasMomentum {
            if let former = state["momentum"] { m = former * kronecker.momentum(t) + step }
            state["momentum"] = m
        }
        let lambda = input.decays ? kronecker.weightDecay(t) : 0
        return ParameterUpdate(change: (lambda == 0 ? m : m + input.parameter * lambda) * -learningRate(t))
    }

    private var hasMomentum: Bool { kronecker.momentum != 0 }

    private var fallbackRule: any OptimizationRule {
        kronecker.fallback.rule(
            learningRate: kronecker.fallbackLearningRate.map { .constant($0) } ?? learningRate)
    }

    private func currentDamping(_ blocks: [LayerBlock], _ state: [TensorState], _ t: Int) throws -> Double {
        guard kronecker.adaptsDamping, let first = blocks.first,
            let adapted = state[first.weight]["damping"]
        else {
            return kronecker.damping(t)
        }
        return try adapted.item()
    }

    /// The damping after some updates made with `damping`, by the layers' factors as the model of the loss:
    ///
    ///     M(d) = <g, d> + 1/2 (<d, S d A> + gamma |d|^2),   rho = (loss(theta + d) - loss(theta)) / M(d)
    private func adaptedDamping(
        _ damping: Double, _ group: RuleGroup, _ blocks: [LayerBlock], _ updates: [ParameterUpdate],
        _ state: [TensorState]
    ) throws -> Double {
        let changes = updates.map(\.change)
        var model = 0.0
        for (gradient, change) in zip(group.gradients, changes) {
            model += try (gradient * change).sum(dtype: .float64).item()
        }
        for block in blocks {
            guard let a = state[block.weight]["inputs"], let s = state[block.weight]["outputs"] else {
                continue
            }
            let d = block.matrix(changes)
            let (bent, length) = ((d * s.matmul(d).matmul(a)).sum(dtype: .float64), d.norm())
            model += try 0.5 * (bent.item() + damping * length.item() * length.item())
        }
        let decrease = try group.loss.item() - group.loss(after: updates)
        return LevenbergMarquardt(factor: adaptationFactor).damping(
            after: damping, decrease: decrease, promised: -model)
    }

    private func layerShapes(_ block: LayerBlock) -> [String: [Int]] {
        let (outputs, inputs) = (block.outputCount, block.inputCount)
        return ["inputs": [inputs, inputs], "outputs": [outputs, outputs], "age": []]
            .merging(cacheShapes(outputs: outputs, inputs: inputs)) { first, _ in first }
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        var shapes = structure.shapes.map { hasMomentum ? ["momentum": $0] : [:] }
        for block in structure.layers {
            shapes[block.weight].merge(layerShapes(block)) { first, _ in first }
        }
        for position in structure.others {
            shapes[position] = fallbackRule.stateShapes(like: .zeros(structure.shapes[position]))
        }
        if kronecker.adaptsDamping, step >= adaptationInterval, let first = structure.layers.first {
            shapes[first.weight]["damping"] = []
        }
        return shapes
    }

    public func notes(_ structure: GroupStructure) -> [String?] {
        let others = Set(structure.others)
        return structure.paths.indices.map { others.contains($0) ? kronecker.fallback.note : nil }
    }
}

extension RuleGroup {
    /// What the gradient of a layer is recognized by in another form.
    func probedGradient(of block: LayerBlock) -> ProbedGradient {
        ProbedGradient(
            weight: inputs[block.weight].gradient(.inGradient),
            bias: block.bias.map { inputs[$0].gradient(.inGradient) })
    }
}

/// Updates from one adaptation of the damping to the next, and the factor by which it then changes: the constants of
/// kfac-jax.
private let adaptationInterval = 5
private let adaptationFactor = 0.9 * 0.9 * 0.9 * 0.9 * 0.9
