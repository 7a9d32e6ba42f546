import CKernels
import FisherInformation
import NeuralNet
import Torch

/// A slot whose step takes the fused path.
struct FusedSlot {
    /// The slot's number among all.
    let number: Int
    /// The slot's group, and its place in it.
    let group: Int
    let position: Int
    let parameter: Tensor
    let step: FusedStep
    /// What the rule remembers; the tensors move in place.
    let state: TensorState
    /// The memory that the job points to.
    let gradient: Tensor
}

extension Optimizer {
    /// Why a rule's parameters take the formula path; nothing where they may take the fused one.
    func fusedObstacle(of rule: any OptimizationRule) -> String? {
        if execution == .formula { return "execution formula" }
        if let rule = rule as? any FusedCurvatureRule { return rule.fusedObstacle }
        guard let rule = rule as? any FusedRule else { return "the only one" }
        if statePrecision != .full { return "state in bfloat16" }
        return rule.fusedObstacle
    }

    /// Why one parameter takes the formula path where its rule has a fused one.
    static func fusedObstacle(of parameter: Tensor) -> String? {
        if parameter.device != .cpu { return "on \(parameter.device)" }
        guard parameter.dtype == .float32 || parameter.dtype == .bfloat16 else { return "\(parameter.dtype)" }
        return parameter.isContiguous ? nil : "not contiguous"
    }

    /// The step of one slot on the fused path; nothing where it takes the formula path.
    func fusedSlot(
        number: Int, group: Int, position: Int, rule: any FusedRule, score: Tensor
    ) throws(TorchError) -> FusedSlot? {
        let slot = groups[group].slots[position]
        let parameter = slot.parameter.wrappedValue
        guard score.failure == nil, score.dtype == parameter.dtype, score.device == .cpu,
            Optimizer.fusedObstacle(of: parameter) == nil
        else { return nil }
        let gradient = score.isContiguous ? score : score.contiguous()
        try gradient.check()
        var state = slot.state
        let step = try rule.fusedStep(
            FusedInput(parameter: parameter, step: slot.step + 1, decays: slot.decays), state: &state)
        state.isExclusive = true
        return FusedSlot(
            number: number, group: group, position: position, parameter: parameter, step: step, state: state,
            gradient: gradient)
    }

    /// The steps of a group whose rule works on the whole of it; nothing where the formula makes this update.
    func fusedSlots(
        ofGroup group: Int, first: Int, rule: any FusedCurvatureRule, _ gradients: GradientList
    ) throws(TorchError) -> [FusedSlot] {
        guard fusedObstacle(of: rule) == nil, let estimator = estimators[group] else { return [] }
        let slots = groups[group].slots
        var inputs: [FusedInput?] = []
        for (position, slot) in slots.enumerated() {
            let parameter = slot.parameter.wrappedValue
            guard let score = gradients.scores[first + position] else {
                inputs.append(nil)
                continue
            }
            // One that cannot takes the others with it: the rule sees its group as a whole.
            guard gradients.auxiliaries[first + position] == nil, score.failure == nil,
                score.dtype == parameter.dtype, score.device == .cpu,
                Optimizer.fusedObstacle(of: parameter) == nil
            else { return [] }
            inputs.append(FusedInput(parameter: parameter, step: slot.step + 1, decays: slot.decays))
        }
        let step = (slots.lazy.map(\.step).max() ?? 0) + 1
        guard
            let steps = try rule.fusedSteps(
                estimator.structure, inputs, at: step, state: slots.map(\.state))
        else { return [] }
        var found: [FusedSlot] = []
        for (position, made) in steps.enumerated() {
            guard let made, let score = gradients.scores[first + position] else { continue }
            let gradient = score.isContiguous ? score : score.contiguous()
            try gradient.check()
            var state = made.state
            state.isExclusive = true
            found.append(
                FusedSlot(
                    number: first + position, group: group, position: position,
                    parameter: slots[position].parameter.wrappedValue, step: made.step, state: state,
                    gradient: gradient))
        }
        return found
    }

    /// The slot's part of the update, as addresses.
    func fusedJob(_ slot: FusedSlot) -> FusedJob {
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
            job.epsilonFraction = step.epsilonFraction
            job.reportsEpsilon = step.reportsEpsilon
            switch step.information {
            case .full(let f):
                job.loop = .metric(step.constants)
                job.square = f.floats
            case .factored(let rows, let columns, let inside, let outside):
                job.loop = .factored(step.constants)
                job.factors = FactorMemory(
                    rows: rows.count, columns: columns.count, rowSums: rows.floats,
                    columnSums: columns.floats, inside: inside, outside: outside)
            }
        }
        return job
    }

    /// What a job that has moved its parameter reports.
    func fusedOutcome(_ job: FusedJob, of slot: FusedSlot) -> FusedOutcome {
        var decay: FusedDecay?
        if case .metric(let step) = slot.step, step.constants.of_decay != 0 {
            decay = FusedDecay(
                parameter: slot.parameter, information: step.information,
                epsilon: job.epsilon ?? 0)
        }
        return FusedOutcome(
            count: job.count, changeSquares: job.changeSquares, clipFactor: job.clipFactor,
            epsilon: job.epsilon, decay: decay)
    }
}

extension Tensor {
    /// The address of a contiguous tensor's first element, for as long as the tensor lives.
    fileprivate var address: UnsafeMutableRawPointer {
        // An empty tensor has no address; nothing is ever read or written there.
        UnsafeMutableRawPointer(mutating: withUnsafeBytes { $0.baseAddress })
            ?? UnsafeMutableRawPointer(bitPattern: 64)!
    }

    /// The same of a float32 tensor.
    fileprivate var floats: UnsafeMutablePointer<Float> {
        precondition(dtype == .float32, "states of the fused path are float32, not \(dtype)")
        return address.assumingMemoryBound(to: Float.self)
    }
}
