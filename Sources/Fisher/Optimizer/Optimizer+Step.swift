import NeuralNet
import Torch

extension Optimizer {
    /// Makes one step on a batch.
    ///
    /// The closure computes the objective of a slice; with `microBatches` it runs once for each of so many
    /// nearly equal slices, and the step is that of the whole batch to rounding.
    ///
    /// Throws what went wrong in the model, `OptimizerError` for a batch that cannot be used, and
    /// `NonFiniteError` by the policy; no weight is changed then.
    @discardableResult
    public func step<Batch: SliceableBatch>(
        on batch: Batch, microBatches: Int = 1, _ objective: (Batch) throws -> Objective
    ) throws -> StepReport {
        let clock = ContinuousClock()
        let begin = clock.now
        let sum = try gradientSum(on: batch, microBatches: microBatches, objective)
        let middle = clock.now
        var report = try update(with: sum)
        report.gradientTime = begin.duration(to: middle)
        report.updateTime = middle.duration(to: clock.now)
        return report
    }

    /// The summed gradients of a batch: the first half of a step.
    func gradientSum<Batch: SliceableBatch>(
        on batch: Batch, microBatches: Int, _ objective: (Batch) throws -> Objective
    ) throws -> GradientSum {
        let units = batch.unitCount
        guard microBatches >= 1, microBatches == 1 || microBatches <= units else {
            throw OptimizerError.badMicroBatches(count: microBatches, units: units)
        }
        let tensors = slots.map(\.parameter.wrappedValue)
        var total: GradientSum?
        for part in 0..<microBatches {
            let range = units * part / microBatches..<units * (part + 1) / microBatches
            let slice = microBatches == 1 ? batch : batch.slice(range)
            let sum = try GradientSum(of: try objective(slice), withRespectTo: tensors)
            total = total.map { $0 + sum } ?? sum
        }
        guard let total, total.count > 0 else { throw OptimizerError.noObservations }
        return total
    }

    /// Divides the sums and lets the rules move the parameters: the second half of a step.
    func update(with sum: GradientSum) throws -> StepReport {
        try withoutGradients {
            try apply(
                scores: sum.scores.map { $0.map { $0 / Double(sum.count) } },
                auxiliaries: sum.auxiliaries.map { $0.map { $0 / Double(sum.count) } },
                loss: sum.negativeLogLikelihood / Double(sum.count))
        }
    }

    /// Makes one step with gradients by path, for those who computed them and vouch for them. Parameters
    /// without one are left as they are.
    ///
    /// Throws `OptimizerError.badGradient` for a path or a shape that is not a parameter's, and `NonFiniteError` by
    /// the policy; no weight is changed then.
    @discardableResult
    public func update(with gradients: [ParameterPath: Tensor]) throws -> StepReport {
        let slots = slots
        let known = Dictionary(uniqueKeysWithValues: slots.map { ($0.path, $0.parameter.wrappedValue) })
        for (path, gradient) in gradients.sorted(by: { $0.key < $1.key }) {
            try gradient.check()
            guard let tensor = known[path] else {
                throw OptimizerError.badGradient(path: path, reason: "belongs to no parameter")
            }
            guard tensor.shape == gradient.shape else {
                throw OptimizerError.badGradient(
                    path: path, reason: "has shape \(gradient.shape), the parameter \(tensor.shape)")
            }
        }
        return try withoutGradients {
            try apply(
                scores: slots.map { gradients[$0.path]?.detached() }, auxiliaries: slots.map { _ in nil },
                loss: nil)
        }
    }

    private func apply(scores: [Tensor?], auxiliaries: [Tensor?], loss: Tensor?) throws -> StepReport {
        let norms = (scores + auxiliaries).compactMap { $0?.norm() }
        let norm = norms.isEmpty ? Tensor.full([], 0, dtype: .float64) : Tensor.stacked(norms).norm()
        try norm.check()
        if let culprit = try nonFiniteCulprit(scores, auxiliaries, loss: loss, norm: norm) {
            return try skip(culprit, loss: loss, norm: norm)
        }
        var scale: Tensor?
        if let clipGradientNorm {
            scale = clipGradientNorm / norm.atLeast(clipGradientNorm)
        }
        let plan = movements(scores, auxiliaries, scale: scale)
        for entry in plan.entries { try entry.movement.change.check() }
        for entry in plan.entries { try entry.parameter.wrappedValue.add(entry.movement.change) }
        groups = plan.groups
        updateCount += 1
        skippedInARow = 0
        return StepReport(
            update: updateCount, lossTensor: loss, gradientNormTensor: norm, skipped: nil,
            withoutGradient: plan.missing,
            entries: plan.entries.map { StepReport.Entry(path: $0.path, movement: $0.movement) })
    }

    private struct Plan {
        var groups: [BoundGroup]
        var entries: [(path: ParameterPath, parameter: Parameter, movement: Movement)] = []
        var missing: [ParameterPath] = []
    }

    /// Asks every group's rule for its movements; nothing is written.
    private func movements(_ scores: [Tensor?], _ auxiliaries: [Tensor?], scale: Tensor?) -> Plan {
        var plan = Plan(groups: groups)
        var first = 0
        for (number, bound) in groups.enumerated() {
            var inputs: [RuleInput] = []
            var positions: [Int] = []
            for (position, slot) in bound.slots.enumerated() {
                let (score, auxiliary) = (scores[first + position], auxiliaries[first + position])
                if score == nil && auxiliary == nil {
                    plan.missing.append(slot.path)
                    continue
                }
                let tensor = slot.parameter.wrappedValue.detached()
                let precise = tensor.to(dtype: tensor.dtype.accumulator)
                func prepared(_ gradient: Tensor) -> Tensor {
                    let gradient = gradient.to(dtype: tensor.dtype.accumulator)
                    return scale.map { gradient * inPrecision(of: gradient, $0) } ?? gradient
                }
                inputs.append(
                    RuleInput(
                        parameter: precise, score: score.map(prepared) ?? .zeros(like: precise),
                        auxiliary: auxiliary.map(prepared), step: slot.step + 1, decays: slot.decays))
                positions.append(position)
            }
            var states = positions.map { bound.slots[$0].state }
            let moves = bound.group.rule.direction(inputs, state: &states)
            for (k, position) in positions.enumerated() {
                plan.groups[number].slots[position].state = states[k]
                plan.groups[number].slots[position].step += 1
                let slot = bound.slots[position]
                plan.entries.append((slot.path, slot.parameter, moves[k]))
            }
            first += bound.slots.count
        }
        return plan
    }

    /// The loss or the first parameter whose gradient is not finite. One number is read in the good case.
    private func nonFiniteCulprit(
        _ scores: [Tensor?], _ auxiliaries: [Tensor?], loss: Tensor?, norm: Tensor
    ) throws -> String? {
        let total = loss.map { norm + $0.to(dtype: .float64).magnitude() } ?? norm
        if try total.item().isFinite { return nil }
        if let loss, try !loss.item().isFinite { return "the loss" }
        for (k, slot) in slots.enumerated() {
            for gradient in [scores[k], auxiliaries[k]].compactMap({ $0 })
            where try gradient.isFinite().all().item() == 0 {
                return "the gradient of \(slot.path)"
            }
        }
        return nil
    }

    private func skip(_ culprit: String, loss: Tensor?, norm: Tensor) throws -> StepReport {
        let error = NonFiniteError(update: updateCount + 1, culprit: culprit, skippedInARow: skippedInARow)
        guard case .skip(let limit) = nonFinite, skippedInARow < limit else { throw error }
        skippedCount += 1
        skippedInARow += 1
        return StepReport(
            update: updateCount + 1, lossTensor: loss, gradientNormTensor: norm, skipped: error,
            withoutGradient: [], entries: [])
    }
}
