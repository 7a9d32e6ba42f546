// The second half of a step: from gradients to moved parameters.

import FisherInformation
import Foundation
import NeuralNet
import Torch

extension Optimizer {
    /// One step: nothing is written before all gradients are known to be finite and all movements are there.
    func apply(_ gradients: GradientList, loss: Tensor?, evidence: Evidence?) throws -> StepReport {
        var gradients = gradients
        let fused = try fusedSlots(gradients)
        let update = FusedUpdate(fused.map(fusedJob), threadLimit: threadLimit)
        var isFused = [Bool](repeating: false, count: gradients.scores.count)
        for slot in fused { isFused[slot.number] = true }
        for number in isFused.indices where !isFused[number] { gradients.divide(number) }

        let known = clipGradientNorm == nil ? 1 / gradients.count : nil
        let (norm, lossValue) = try norm(
            of: gradients, fusedSquares: update.survey(scale: known), isFused, loss: loss)
        let normTensor = Tensor.full([], norm, dtype: .float64)
        if let source = try nonFiniteCulprit(gradients, loss: lossValue, norm: norm) {
            return try skip(source, loss: loss, norm: normTensor)
        }
        let clip = clipGradientNorm.map { $0 / max(norm, $0) }
        var plan = try movements(gradients, scale: clip, isFused, evidence)
        for entry in plan.entries { try entry.movement?.change.check() }

        update.move(scale: (clip ?? 1) / gradients.count)
        for (job, slot) in zip(update.jobs, fused) { take(job, of: slot, into: &plan) }
        for entry in plan.entries {
            if let change = entry.movement?.change { try entry.parameter.wrappedValue.add(change) }
        }
        groups = plan.groups
        updateCount += 1
        skippedInARow = 0
        return StepReport(
            update: updateCount, lossTensor: loss, gradientNormTensor: normTensor, skipped: nil,
            withoutGradient: plan.missing,
            entries: plan.entries.map {
                StepReport.Entry(path: $0.path, movement: $0.movement, fused: $0.fused)
            })
    }

    /// The groups after a step, and what was done to each parameter that has a gradient, in order.
    private struct Plan {
        struct Entry {
            let path: ParameterPath
            let parameter: Parameter
            var movement: ParameterUpdate?
            var fused: FusedOutcome?
        }

        var groups: [BoundGroup]
        var entries: [Entry] = []
        var missing: [ParameterPath] = []
        /// The place of each slot's entry.
        var places: [Int?] = []
    }

    /// The slots that take the fused path; those with auxiliary gradients do not.
    private func fusedSlots(_ gradients: GradientList) throws(TorchError) -> [FusedSlot] {
        var found: [FusedSlot] = []
        var first = 0
        for (group, bound) in groups.enumerated() {
            if let rule = bound.group.rule as? any FusedCurvatureRule {
                found += try fusedSlots(ofGroup: group, first: first, rule: rule, gradients)
                first += bound.slots.count
                continue
            }
            if fusedObstacle(of: bound.group.rule) == nil, let rule = bound.group.rule as? any FusedRule {
                for position in bound.slots.indices {
                    let number = first + position
                    guard let score = gradients.scores[number], gradients.auxiliaries[number] == nil else {
                        continue
                    }
                    let slot = try fusedSlot(
                        number: number, group: group, position: position, rule: rule, score: score)
                    if let slot { found.append(slot) }
                }
            }
            first += bound.slots.count
        }
        return found
    }

    /// Notes what a job did to its parameter.
    private func take(_ job: FusedJob, of slot: FusedSlot, into plan: inout Plan) {
        // Whoever still holds a graph of the former elements must be told.
        slot.parameter.withUnsafeMutableBytes { _ in }
        plan.groups[slot.group].slots[slot.position].state = slot.state
        plan.groups[slot.group].slots[slot.position].step += 1
        if let place = plan.places[slot.number] { plan.entries[place].fused = fusedOutcome(job, of: slot) }
    }

    /// Asks every group's rule for the movements of the slots on the formula path; nothing is written.
    private func movements(
        _ gradients: GradientList, scale: Double?, _ isFused: [Bool], _ evidence: Evidence?
    ) throws -> Plan {
        var plan = Plan(groups: groups)
        var first = 0
        for (number, bound) in groups.enumerated() {
            let isMovedWhole = !isFused[first..<first + bound.slots.count].contains(true)
            if isMovedWhole, let rule = bound.group.rule.curvatureRule, let evidence {
                try move(number, by: rule, gradients, first: first, scale: scale, evidence, in: &plan)
                first += bound.slots.count
                continue
            }
            var inputs: [RuleInput] = []
            var positions: [Int] = []
            for (position, slot) in bound.slots.enumerated() {
                let k = first + position
                let (score, auxiliary) = (gradients.scores[k], gradients.auxiliaries[k])
                if score == nil && auxiliary == nil {
                    plan.missing.append(slot.path)
                    plan.places.append(nil)
                    continue
                }
                plan.places.append(plan.entries.count)
                plan.entries.append(Plan.Entry(path: slot.path, parameter: slot.parameter))
                if isFused[k] { continue }
                inputs.append(
                    ruleInput(slot, score: score, auxiliary: auxiliary, scale: scale))
                positions.append(position)
            }
            if inputs.isEmpty {
                first += bound.slots.count
                continue
            }
            var states = positions.map { position in
                let kept = bound.slots[position].state
                return roundingGenerator == nil ? kept : kept.widened
            }
            let moves = bound.group.rule.updates(for: inputs, state: &states)
            for (k, position) in positions.enumerated() {
                states[k].isExclusive = false
                if let roundingGenerator { states[k] = states[k].shortened(using: roundingGenerator) }
                plan.groups[number].slots[position].state = states[k]
                plan.groups[number].slots[position].step += 1
                if let place = plan.places[first + position] { plan.entries[place].movement = moves[k] }
            }
            first += bound.slots.count
        }
        return plan
    }

    /// Asks a rule that is told of its whole group for the movements.
    private func move(
        _ number: Int, by rule: any CurvatureRule, _ gradients: GradientList, first: Int, scale: Double?,
        _ evidence: Evidence, in plan: inout Plan
    ) throws {
        let slots = groups[number].slots
        let hasGradient = slots.indices.map { position in
            gradients.scores[first + position] != nil || gradients.auxiliaries[first + position] != nil
        }
        let inputs = slots.enumerated().map { position, slot in
            ruleInput(
                slot, score: gradients.scores[first + position],
                auxiliary: gradients.auxiliaries[first + position], scale: scale)
        }
        var states = slots.map(\.state)
        let moves = try rule.updates(
            for:
                try ruleGroup(
                    number, inputs, hasGradient, scale: (scale ?? 1) / gradients.count, evidence),
            state: &states)
        for (position, slot) in slots.enumerated() {
            guard hasGradient[position] else {
                plan.missing.append(slot.path)
                plan.places.append(nil)
                continue
            }
            plan.places.append(plan.entries.count)
            plan.entries.append(
                Plan.Entry(path: slot.path, parameter: slot.parameter, movement: moves[position]))
            states[position].isExclusive = false
            plan.groups[number].slots[position].state = states[position]
            plan.groups[number].slots[position].step += 1
        }
    }

    /// What a rule's formula is told about one slot.
    private func ruleInput(_ slot: Slot, score: Tensor?, auxiliary: Tensor?, scale: Double?) -> RuleInput {
        let tensor = slot.parameter.wrappedValue.detached()
        let precise = tensor.to(dtype: tensor.dtype.accumulator)
        func prepared(_ gradient: Tensor) -> Tensor {
            let gradient = gradient.detached().to(dtype: tensor.dtype.accumulator)
            return scale.map { gradient * $0 } ?? gradient
        }
        return RuleInput(
            parameter: precise, gradient: score.map(prepared) ?? .zeros(like: precise),
            auxiliary: auxiliary.map(prepared), step: slot.step + 1, decays: slot.decays)
    }

    /// The Euclidean norm of the whole gradient, and the loss; `fusedSquares` are those of the undivided sums.
    /// What is computed by tensor operations is read at once: a step waits for its device once.
    private func norm(
        of gradients: GradientList, fusedSquares: Double, _ isFused: [Bool], loss: Tensor?
    ) throws(TorchError) -> (norm: Double, loss: Double?) {
        var norms: [Tensor] = []
        for number in isFused.indices where !isFused[number] {
            norms += [gradients.scores[number], gradients.auxiliaries[number]].compactMap { $0?.norm() }
        }
        let rest = norms.isEmpty ? nil : Tensor.stacked(norms).norm()
        let loss = loss.map { $0.to(dtype: .float64).reshaped([]) }
        var read = [rest, loss].compactMap(\.self)
        if read.count == 2 { read = [Tensor.stacked(read)] }
        let values = try read.first?.scalars(as: Double.self) ?? []
        let fused = fusedSquares.squareRoot() / gradients.count
        return (
            rest == nil ? fused : hypot(values[0], fused), loss == nil ? nil : values[values.count - 1]
        )
    }

    /// The loss or the first parameter whose gradient is not finite.
    private func nonFiniteCulprit(_ gradients: GradientList, loss: Double?, norm: Double) throws -> String? {
        if norm.isFinite && loss?.isFinite ?? true { return nil }
        if let loss, !loss.isFinite { return "the loss" }
        for (k, slot) in slots.enumerated() {
            for gradient in [gradients.scores[k], gradients.auxiliaries[k]].compactMap({ $0 })
            where try gradient.isFinite().all().item() == 0 {
                return "the gradient of \(slot.path)"
            }
        }
        return nil
    }

    private func skip(_ source: String, loss: Tensor?, norm: Tensor) throws -> StepReport {
        let error = NonFiniteError(update: updateCount + 1, source: source, skippedInARow: skippedInARow)
        guard case .skip(let limit) = nonFinite, skippedInARow < limit else { throw error }
        skippedCount += 1
        skippedInARow += 1
        return StepReport(
            update: updateCount + 1, lossTensor: loss, gradientNormTensor: norm, skipped: error,
            withoutGradient: [], entries: [])
    }
}
