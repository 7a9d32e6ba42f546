import FisherInformation
import NeuralNet
import Torch

/// Binds rules to a model's parameters and moves them.
///
///     let optimizer = try Optimizer(for: model, groups: [
///         .init(.matching("embedding|head"), try FAdam(learningRate: 3e-4)),
///         .init(.rest, try AdamW(learningRate: 3e-4)),
///     ])
///     let report = try optimizer.step(on: batch, microBatches: 4) { batch in
///         try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
///     }
///
/// A parameter belongs to the first matching group, and every trainable parameter must belong to one. Weight
/// decay does not apply to vectors and scalars unless their group includes them. A parameter that receives no
/// gradient, and its state, stay as they are.
public final class Optimizer {
    /// One parameter with its rule's state.
    struct Slot {
        let path: ParameterPath
        let parameter: Parameter
        let decays: Bool
        var step = 0
        var state = TensorState()
        /// What the fused path knows of the magnitudes, if it made the last step.
        var bounds: FusedBounds?
    }

    /// A group bound to parameters, whose slots are contiguous.
    struct BoundGroup {
        let group: ParameterGroup
        let slots: Range<Int>
        /// The learning rate that replaces the rule's own.
        var changedLearningRate: Schedule?
        /// The courses of the options that are reduced on plateaus of the loss.
        var plateaus: [Plateau] { didSet { reduced = reducedRule() } }
        /// The rule with these reductions, if there are plateaus.
        private var reduced: (any OptimizationRule)?

        init(group: ParameterGroup, slots: Range<Int>) throws(HyperparameterError) {
            (self.group, self.slots) = (group, slots)
            plateaus = try Self.plateaus(of: group.rule)
            reduced = reducedRule()
        }

        /// Puts another learning rate in the place of the rule's own, or that again; its plateau begins anew.
        mutating func setLearningRate(_ schedule: Schedule?) throws(HyperparameterError) {
            let kept = Dictionary(plateaus.map { ($0.option, $0) }, uniquingKeysWith: { $1 })
            changedLearningRate = schedule
            plateaus = try Self.plateaus(of: configuredRule).map { plateau in
                plateau.option == "learning_rate" ? plateau : kept[plateau.option] ?? plateau
            }
        }

        /// The rule as it was configured.
        var configuredRule: any OptimizationRule {
            guard let changedLearningRate else { return group.rule }
            var rule = group.rule
            rule.learningRate = changedLearningRate
            return rule
        }

        /// The rule in force.
        var rule: any OptimizationRule { reduced ?? configuredRule }
    }

    /// All parameters in the order of their groups.
    var slots: [Slot]
    var groups: [BoundGroup]
    /// The positions of the parameters among ``slots``, in the order in which they were given: for a model's, that of its
    /// layers.
    let modelOrder: [Int]
    /// The model, if the optimizer was bound to one.
    let model: (any Module)?
    /// The parameters that were frozen when the optimizer was bound, but for buffers.
    private let frozen: [NamedParameter]
    /// The estimators of the groups whose rules request statistics of a batch, by the number of the group.
    let estimators: [Int: CurvatureEstimator]
    /// The precision of the rules' state.
    public let statePrecision: StatePrecision
    /// Draws the directions in which states are rounded.
    let roundingGenerator: RandomGenerator?
    /// Draws the labels of sampled information, so that doing so changes nothing else that is random.
    let labelGenerator: RandomGenerator?
    /// Draws the directions of rules that need some; nil if none does.
    package let draws: RuleDraws?
    /// The largest norm of the whole gradient; a longer one is scaled down before the rules receive it.
    public let clipGradientNorm: Double?
    /// The largest norm sqrt(g^T F^-1 g) of the whole gradient in the information F that the rules keep; a longer one
    /// is scaled down before the rules receive it.
    public let clipFisherNorm: Double?
    /// What happens when a loss or gradient is not finite.
    public let nonFinite: NonFinitePolicy
    /// Which of the two executions of the rules is used.
    public let execution: Execution
    /// The instruction set of the fused path's loops.
    var instructionSet: InstructionSet
    /// The largest number of threads of the fused path, for tests with fewer than there are.
    var threadLimit: Int?
    /// The precision of the matrix products in the objectives of steps, and in their backward pass (`withAutocast`); it is
    /// not part of the ``state``.
    ///
    /// Weights, normalizations, losses, statistics and rules keep theirs. An objective of whose second derivatives a rule
    /// takes products is computed in float32 altogether: they are what rounding leaves least of.
    public var precision = ComputePrecision.float32
    /// The processes that train together; nil for this one alone. All of them must have the same parameters.
    ///
    /// A step on a batch, which all processes must have, takes this process's part of it; a step on an objective without a
    /// batch takes that as its part. The sums of all parts, their counts and the statistics that rules request are added
    /// before anything is divided, so that all make the same step, and the decisions to skip or to clip are the same.
    ///
    /// Where ``dividesState`` is true, each process keeps and moves its share of the parameters, and the shares are
    /// collected after the step. The processes are set before the first update, or after a complete state was restored.
    public var processes: ProcessGroup? { didSet { divide() } }
    /// Whether processes that train together divide the rules' state and work among themselves: by elements, tensors or
    /// layers, as each rule allows; see ``WorkDivision``. The weights are the same, bit for bit. If not, every process
    /// keeps all of it, and no exchange follows the step.
    public var dividesState = true { didSet { divide() } }
    /// Which process keeps what; nil if this one keeps everything.
    var division: StateDivision?
    /// Numbers of this process, equally many in all, that travel with the sums of a step: they cost no message. They are
    /// asked for when the gradients are known.
    package var carriedNumbers: () -> [Double] = { [] }
    /// Their sums over the processes in the last step, until the next; nil where it was not made.
    package var carriedSums: [Double]?
    /// The number of updates made.
    public internal(set) var updateCount = 0
    /// The number of updates skipped for a loss or gradient that was not finite.
    public internal(set) var skippedCount = 0
    /// The number of updates skipped since the last one that was made.
    public internal(set) var skippedInARow = 0

    /// Binds groups of rules to the trainable parameters of a model.
    ///
    /// Frozen parameters need no group and stay as they are. Throws `OptimizerError` if the groups do not fit the model,
    /// `HyperparameterError` for an option or a clip that is not allowed, and `ModuleError` for a model with parts to
    /// train that are not found.
    public convenience init(
        for model: any Module, groups: [ParameterGroup], clipGradientNorm: Double? = nil,
        clipFisherNorm: Double? = nil,
        nonFinite: NonFinitePolicy = .stop, execution: Execution = .automatic,
        statePrecision: StatePrecision = .full, labelSeed: UInt64 = 0
    ) throws {
        try self.init(
            parameters: model.parameters, of: model, groups: groups, clipGradientNorm: clipGradientNorm,
            clipFisherNorm: clipFisherNorm,
            nonFinite: nonFinite, execution: execution, statePrecision: statePrecision, labelSeed: labelSeed)
    }

    /// Binds one rule to all trainable parameters of a model. Throws as the initializer with groups does.
    public convenience init(
        for model: any Module, _ rule: any OptimizationRule, clipGradientNorm: Double? = nil,
        clipFisherNorm: Double? = nil,
        nonFinite: NonFinitePolicy = .stop, execution: Execution = .automatic,
        statePrecision: StatePrecision = .full, labelSeed: UInt64 = 0
    ) throws {
        try self.init(
            for: model, groups: [ParameterGroup(.rest, rule)], clipGradientNorm: clipGradientNorm,
            clipFisherNorm: clipFisherNorm,
            nonFinite: nonFinite, execution: execution, statePrecision: statePrecision, labelSeed: labelSeed)
    }

    /// Binds groups of rules that need gradients only to parameters; frozen ones are left out.
    ///
    /// Throws `OptimizerError` if the groups do not fit the parameters or one is given twice,
    /// `HyperparameterError` for an option or a clip that is not allowed, and `TorchError` for a parameter
    /// that could not be made.
    public convenience init(
        parameters: [NamedParameter], groups: [ParameterGroup], clipGradientNorm: Double? = nil,
        clipFisherNorm: Double? = nil,
        nonFinite: NonFinitePolicy = .stop, execution: Execution = .automatic,
        statePrecision: StatePrecision = .full
    ) throws {
        try self.init(
            parameters: parameters, of: nil, groups: groups, clipGradientNorm: clipGradientNorm,
            clipFisherNorm: clipFisherNorm,
            nonFinite: nonFinite, execution: execution, statePrecision: statePrecision, labelSeed: 0)
    }

    private init(
        parameters: [NamedParameter], of model: (any Module)?, groups: [ParameterGroup],
        clipGradientNorm: Double?, clipFisherNorm: Double?, nonFinite: NonFinitePolicy, execution: Execution,
        statePrecision: StatePrecision, labelSeed: UInt64
    ) throws {
        try model?.requireFound()
        for named in parameters { try named.parameter.wrappedValue.check() }
        frozen = parameters.filter { !$0.parameter.isTrainable && !$0.parameter.isBuffer }
        let parameters = parameters.filter(\.parameter.isTrainable)
        if parameters.isEmpty { throw OptimizerError.nothingToTrain }
        var seen: (paths: Set<ParameterPath>, parameters: Set<ObjectIdentifier>) = ([], [])
        for named in parameters {
            guard seen.paths.insert(named.path).inserted,
                seen.parameters.insert(ObjectIdentifier(named.parameter)).inserted
            else { throw OptimizerError.duplicate(named.path) }
        }
        for group in groups { try group.rule.checkOptions() }
        try Optimizer.checkClips(gradient: clipGradientNorm, fisher: clipFisherNorm, of: groups)
        let (slots, bound) = try Optimizer.route(parameters, to: groups)
        (self.slots, self.groups) = (slots, bound)
        let positions = Dictionary(uniqueKeysWithValues: slots.enumerated().map { ($1.path, $0) })
        modelOrder = parameters.compactMap { positions[$0.path] }
        for group in self.groups {
            guard let rule = group.rule as? any HistoryRule else { continue }
            let bytes = rule.stateByteCount(of: slots[group.slots].map(\.parameter.wrappedValue))
            let available = AvailableMemory.byteCount
            if bytes > available {
                throw OptimizerError.tooLarge(
                    rule: type(of: rule).summary.name, byteCount: bytes, available: available)
            }
        }
        self.model = model
        estimators = try Optimizer.estimators(for: self.groups, slots, of: model)
        labelGenerator =
            groups.contains { $0.rule.curvatureRule?.drawsLabels ?? false }
            ? try RandomGenerator(seed: labelSeed) : nil
        draws =
            groups.contains { $0.rule.curvatureRule?.drawsDirections ?? false }
            ? try RuleDraws(seed: labelSeed) : nil
        self.clipGradientNorm = clipGradientNorm
        self.clipFisherNorm = clipFisherNorm
        self.nonFinite = nonFinite
        self.execution = execution
        self.statePrecision = statePrecision
        if case .bfloat16(let seed) = statePrecision {
            roundingGenerator = try RandomGenerator(seed: seed)
        } else {
            roundingGenerator = nil
        }
        instructionSet = try .chosen()
    }

    private static func route(
        _ parameters: [NamedParameter], to groups: [ParameterGroup]
    ) throws -> ([Slot], [BoundGroup]) {
        let expressions = try groups.map { group -> Regex<AnyRegexOutput>? in
            guard case .matching(let pattern) = group.pattern else { return nil }
            do { return try Regex(pattern) } catch { throw OptimizerError.badPattern(pattern) }
        }
        var taken = groups.map { _ in [Slot]() }
        for named in parameters {
            let text = "\(named.path)"
            let taker = groups.indices.first { k in
                switch groups[k].pattern {
                case .matching: expressions[k].map { text.contains($0) } ?? false
                case .listed(let paths, _): paths.contains(named.path)
                case .rest: true
                }
            }
            guard let taker else { throw OptimizerError.unrouted(named.path) }
            let decays = groups[taker].decayScope == .all || named.parameter.wrappedValue.rank >= 2
            taken[taker].append(Slot(path: named.path, parameter: named.parameter, decays: decays))
        }
        var (slots, bound): ([Slot], [BoundGroup]) = ([], [])
        for (group, own) in zip(groups, taken) {
            if own.isEmpty { throw OptimizerError.emptyGroup(group.pattern) }
            bound.append(try BoundGroup(group: group, slots: slots.count..<slots.count + own.count))
            slots += own
        }
        return (slots, bound)
    }

    /// Changes the learning rate from the next update on: that of all groups, or of those with a pattern.
    ///
    /// Schedules are counted from the optimizer's first update, not from now. The rules' state is kept. The
    /// change is part of ``state``: ``restore(_:)`` restores it, and undoes a later one.
    ///
    /// Throws `HyperparameterError` for a learning rate that the rule rejects and `OptimizerError.emptyGroup`
    /// for a pattern that no group has; nothing is changed then.
    public func setLearningRate(_ learningRate: Schedule, of pattern: ParameterPattern? = nil) throws {
        var changed = groups
        let chosen = groups.indices.filter { pattern == nil || groups[$0].group.pattern == pattern }
        for number in chosen {
            try changed[number].setLearningRate(learningRate)
            try changed[number].configuredRule.checkOptions()
        }
        if let pattern, chosen.isEmpty { throw OptimizerError.emptyGroup(pattern) }
        groups = changed
    }

    /// Throws if a parameter was frozen or unfrozen since the optimizer was bound: its groups, and the structure of rules that
    /// work on whole layers, are those of other parameters.
    func requireSameParameters() throws(OptimizerError) {
        if let slot = slots.first(where: { !$0.parameter.isTrainable }) { throw .frozenLater(slot.path) }
        if let named = frozen.first(where: \.parameter.isTrainable) { throw .unfrozenLater(named.path) }
    }

    /// The number of elements that are trained.
    public var parameterCount: Int { slots.reduce(0) { $0 + $1.parameter.wrappedValue.count } }

    /// The bytes of the rules' present state that this process keeps.
    public var stateByteCount: Int {
        slots.reduce(0) { $0 + $1.state.tensors.values.reduce(0) { $0 + $1.byteCount } }
    }

    /// In which precision objectives are computed, if not in that of the weights; which rule moves which parameters, by which
    /// path of execution, which of them lose weight, and which parameters are frozen.
    public func describe() -> String {
        let still = frozen.map {
            "    \($0.path) \($0.parameter.wrappedValue.shape) \($0.parameter.wrappedValue.dtype)"
        }
        let shared = division.map { division in
            "rank \(division.rank) of \(division.group.size): the state is divided among the processes"
        }
        let groups = groups.enumerated().map { number, group in
            let rule = group.configuredRule
            let options = rule.settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
            let obstacle = fusedObstacle(of: rule)
            let notes = notes(ofGroup: number)
            let lines = slots[group.slots].enumerated().map { position, slot in
                let tensor = slot.parameter.wrappedValue
                var line =
                    "    \(slot.path) \(tensor.shape) \(tensor.dtype)" + (slot.decays ? "" : ", no decay")
                if let note = notes[position] { line += ", \(note)" }
                if obstacle == nil, let own = Optimizer.fusedObstacle(of: tensor) {
                    line += ", formula path (\(own))"
                }
                return line
            }
            let path =
                obstacle.map { "formula path (\($0))" }
                ?? "fused path (\(device == .cpu ? instructionSet.rawValue : "kernels of \(device)"))"
            let head = "\(group.group.pattern): \(type(of: rule).summary.title), \(path); \(options)"
            return ([head + reductions(ofGroup: number)] + lines).joined(separator: "\n")
        }
        let all = precisionLines + [shared].compactMap(\.self) + groups
        return (all + (still.isEmpty ? [] : ["frozen, moved by no rule"] + still)).joined(separator: "\n")
    }
}
