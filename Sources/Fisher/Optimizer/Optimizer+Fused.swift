import CKernels
import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// Why a rule's parameters use the formula path; nil if they may use the fused one.
    func fusedObstacle(of rule: any OptimizationRule) -> String? {
        if execution == .formula { return "execution formula" }
        if let rule = rule as? any FusedCurvatureRule {
            return device == .cpu ? rule.fusedObstacle : "on \(device)"
        }
        guard let rule = rule as? any FusedRule else { return "the only one" }
        if device != .cpu, !rule.hasCardLoops { return "on \(device)" }
        // The kernels for cards move whole tensors.
        if device != .cpu, division != nil { return "divided among processes, on \(device)" }
        if statePrecision != .full { return "state in bfloat16" }
        return rule.fusedObstacle
    }

    /// Why one parameter takes the formula path where its rule has a fused one.
    static func fusedObstacle(of parameter: Tensor) -> String? {
        if parameter.device != .cpu, let obstacle = CardKernels.obstacle(on: parameter.device) {
            return obstacle
        }
        guard parameter.dtype == .float32 || parameter.dtype == .bfloat16 else { return "\(parameter.dtype)" }
        return parameter.isContiguous ? nil : "not contiguous"
    }

    /// Whether each slot takes the fused path, here or on the process that keeps it; those with auxiliary gradients do not.
    func fusedPath(_ gradients: GradientList) -> [Bool] {
        var isFused = [Bool](repeating: false, count: slots.count)
        for (number, group) in groups.enumerated() where fusedObstacle(of: group.rule) == nil {
            if group.rule is any FusedCurvatureRule {
                let reached = group.slots.filter { gradients.likelihood[$0] != nil }
                // Before its first update a parameter has no statistics, of which the formula has to make some.
                guard !questions.contains(where: { $0.group == number }),
                    reached.allSatisfy({ takesFusedPath($0, gradients) && slots[$0].step > 0 })
                else { continue }
                for slot in reached { isFused[slot] = true }
            } else {
                for slot in group.slots { isFused[slot] = takesFusedPath(slot, gradients) }
            }
        }
        return isFused
    }

    /// The slots, or parts of them, that take the fused path on this process.
    func fusedSlots(_ gradients: GradientList) throws(TorchError) -> [FusedSlot] {
        var found: [FusedSlot] = []
        for (number, group) in groups.enumerated() where fusedObstacle(of: group.rule) == nil {
            if let rule = group.rule as? any FusedCurvatureRule {
                found += try fusedSlots(ofGroup: number, rule: rule, gradients)
            } else if let rule = group.rule as? any FusedRule {
                for slot in group.slots where takesFusedPath(slot, gradients) && hasWork(on: slot) {
                    var state = slots[slot].state
                    let step = try rule.fusedStep(fusedInput(slot), state: &state)
                    try found.append(fusedSlot(slot, step, state, gradients))
                }
            }
        }
        return found
    }

    /// The steps of a group whose rule works on the whole of it; nil if the formula makes this update.
    private func fusedSlots(
        ofGroup number: Int, rule: any FusedCurvatureRule, _ gradients: GradientList
    ) throws(TorchError) -> [FusedSlot] {
        let group = groups[number].slots
        // One that cannot excludes the others: the rule works on its group as a whole.
        guard let estimator = estimators[number],
            group.allSatisfy({ gradients.likelihood[$0] == nil || takesFusedPath($0, gradients) })
        else { return [] }
        let inputs = group.map { slot in
            gradients.likelihood[slot] == nil || !hasWork(on: slot) ? nil : fusedInput(slot)
        }
        let steps = try rule.fusedSteps(
            estimator.structure, inputs, at: nextStep(ofGroup: number), state: slots[group].map(\.state))
        guard let steps else { return [] }
        var found: [FusedSlot] = []
        for (slot, made) in zip(group, steps) {
            guard let made, gradients.likelihood[slot] != nil, hasWork(on: slot) else { continue }
            try found.append(fusedSlot(slot, made.step, made.state, gradients))
        }
        return found
    }

    /// Whether the loops support a slot's gradient and parameter.
    private func takesFusedPath(_ slot: Int, _ gradients: GradientList) -> Bool {
        let parameter = slots[slot].parameter.wrappedValue
        guard let gradient = gradients.likelihood[slot], gradients.auxiliary[slot] == nil else {
            return false
        }
        return gradient.failure == nil && gradient.dtype == parameter.dtype
            && gradient.device == parameter.device && parameter.device == device
            && Optimizer.fusedObstacle(of: parameter) == nil
    }

    private func fusedInput(_ slot: Int) -> FusedInput {
        let parameter = slots[slot].parameter.wrappedValue
        return FusedInput(
            parameter: parameter, step: slots[slot].step + 1, decays: slots[slot].decays,
            stateShape: division?.part(of: slot).map { [$0.count] } ?? parameter.shape)
    }

    /// A slot with its step, the state that it moves and the memory of its gradient.
    private func fusedSlot(
        _ slot: Int, _ step: FusedStep, _ state: TensorState, _ gradients: GradientList
    ) throws(TorchError) -> FusedSlot {
        guard let given = gradients.likelihood[slot] else {
            preconditionFailure("a slot on the fused path has a gradient")
        }
        let gradient = given.isContiguous ? given : given.contiguous()
        try gradient.check()
        var state = state
        state.isExclusive = true
        return FusedSlot(
            number: slot, parameter: slots[slot].parameter.wrappedValue, step: step, state: state,
            gradient: gradient, part: division?.part(of: slot))
    }

    /// A job that sums the squares of a slot's whole gradient, and moves nothing.
    ///
    /// - Parameter gradient: contiguous; it lives as long as the job.
    func surveyJob(_ slot: Int, _ gradient: Tensor) -> FusedJob {
        let parameter = slots[slot].parameter.wrappedValue
        return FusedJob(
            loops: instructionSet.loops(bfloat16: parameter.dtype == .bfloat16),
            elementByteCount: parameter.dtype.byteCount, count: parameter.count,
            parameter: parameter.address, gradient: UnsafeRawPointer(gradient.address),
            loop: .plain(ck_plain()))
    }

    /// The fused part of a step, where the parameters lie.
    func fusedWork(_ slots: [FusedSlot]) throws -> any FusedWork {
        guard device != .cpu, let kernels = CardKernels.of(device) else {
            return FusedUpdate(
                slots.map { fusedJob($0).job }, threadLimit: threadLimit,
                exchange: division.map { $0.cellSums })
        }
        return try CardUpdate(slots.map { fusedJob($0, onCard: true) }, on: device, with: kernels)
    }

    /// The slot's part of the update, as addresses; on a card with the row and column sums of a factored information.
    private func fusedJob(_ slot: FusedSlot, onCard: Bool = false) -> (job: FusedJob, factors: CardFactors?) {
        var factors: CardFactors?
        var job = FusedJob(
            loops: instructionSet.loops(bfloat16: slot.parameter.dtype == .bfloat16),
            elementByteCount: slot.parameter.dtype.byteCount, count: slot.parameter.count,
            parameter: slot.parameter.address, gradient: UnsafeRawPointer(slot.gradient.address),
            loop: .plain(ck_plain()))
        switch slot.step {
        case .plain(let k, let momentum):
            job.loop = .plain(k)
            job.momentum = momentum?.floats
        case .adaptive(let k, let momentum, let square):
            job.loop = .adaptive(k)
            job.momentum = momentum?.floats
            job.square = square.floats
        case .divided(let k, let momentum, let rows, let columns):
            job.loop = .divided(k)
            job.momentum = momentum.floats
            job.divisor = FusedJob.Divisor(
                rows: rows.floats, columns: columns.floats, rowCount: rows.count, columnCount: columns.count)
        case .metric(let step):
            job.momentum = step.momentum.floats
            job.clip = step.clip
            job.hasUnitLength = step.hasUnitLength
            job.power = step.power
            job.epsilonHat = step.epsilon
            job.epsilonFraction = step.epsilonFraction
            job.reportsEpsilon = step.reportsEpsilon
            switch step.information {
            case .full(let f):
                job.loop = .metric(step.constants)
                job.square = f.floats
            case .factored(let rows, let columns, let inside, let outside):
                job.loop = .factored(step.constants)
                if onCard {
                    factors = CardFactors(
                        rows: rows.count, columns: columns.count, rowSums: rows.floats,
                        columnSums: columns.floats, inside: inside, outside: outside)
                } else {
                    job.factors = FactorMemory(
                        rows: rows.count, columns: columns.count, rowSums: rows.floats,
                        columnSums: columns.floats, inside: inside, outside: outside)
                }
            }
        }
        if let part = slot.part {
            job.momentum = job.momentum.map { $0 - part.lowerBound }
            job.square = job.square.map { $0 - part.lowerBound }
            let cell = FusedJob.cellCount
            job.ownCells = part.lowerBound / cell..<(part.upperBound + cell - 1) / cell
        }
        return (job, factors)
    }

    /// The report of a job that has moved its parameter.
    func fusedOutcome(_ job: FusedJob, of slot: FusedSlot) -> FusedOutcome {
        var decay: FusedDecay?
        if case .metric(let step) = slot.step, step.constants.of_decay != 0 {
            decay = FusedDecay(
                parameter: slot.part.map {
                    slot.parameter.detached().flattened().narrowed(0, from: $0.lowerBound, length: $0.count)
                } ?? slot.parameter, information: step.information, power: step.power,
                epsilon: job.epsilon ?? 0)
        }
        return FusedOutcome(
            count: slot.part?.count ?? job.count, changeSquares: job.changeSquares,
            clipFactor: job.clipFactor,
            epsilon: job.epsilon, decay: decay)
    }
}

extension Tensor {
    /// The address of a contiguous tensor's first element, for as long as the tensor lives.
    fileprivate var address: UnsafeMutableRawPointer {
        // An empty tensor has no address; nothing is read or written there.
        deviceAddress ?? UnsafeMutableRawPointer(bitPattern: 64)!
    }

    /// The same of a float32 tensor.
    fileprivate var floats: UnsafeMutablePointer<Float> {
        precondition(dtype == .float32, "states of the fused path are float32, not \(dtype)")
        return address.assumingMemoryBound(to: Float.self)
    }
}
