// The second half of a step: from gradients to moved parameters.

import FisherInformation
import Foundation
import NeuralNet
import Torch

/// The plan of a step, slot by slot, before anything is written.
struct StepPlan {
    /// The slots as they are after the step.
    var slots: [Optimizer.Slot]
    /// The formula path's update of each slot's parameter.
    var updates: [ParameterUpdate?]
    /// The fused path's outcome for each slot's parameter.
    var outcomes: [FusedOutcome?]
    /// The norms of the formula path's changes.
    var changeNorms: [Double]

    init(_ slots: [Optimizer.Slot]) {
        self.slots = slots
        updates = slots.map { _ in nil }
        outcomes = slots.map { _ in nil }
        changeNorms = slots.map { _ in 0 }
    }

    /// Stores an update of a slot with the state after it.
    mutating func take(_ update: ParameterUpdate, _ state: TensorState, of slot: Int) {
        updates[slot] = update
        slots[slot].state = state
        slots[slot].state.isExclusive = false
        slots[slot].step += 1
        slots[slot].bounds = nil
    }

    /// Puts back the elements of states that a rule has changed in place.
    func revert() throws(TorchError) {
        for slot in slots { try slot.state.revert() }
    }

    /// The report's entries of the slots that moved, and the paths of the others.
    var report: (entries: [StepReport.Entry], missing: [ParameterPath]) {
        var (entries, missing): ([StepReport.Entry], [ParameterPath]) = ([], [])
        for (number, slot) in slots.enumerated() {
            if updates[number] == nil && outcomes[number] == nil {
                missing.append(slot.path)
            } else {
                entries.append(
                    StepReport.Entry(path: slot.path, update: updates[number], fused: outcomes[number]))
            }
        }
        return (entries, missing)
    }
}

extension Optimizer {
    /// One step: nothing is written before all gradients are known to be finite and all updates are computed, and no
    /// parameter or state that is not finite ever is.
    ///
    /// - Parameters:
    ///   - gradients: sums over `count` observations.
    ///   - loss: the mean loss, if it is known; 0-dimensional.
    ///   - context: statistics and losses of the batch, if there is one.
    func apply(_ sums: GradientList, count: Double, loss: Tensor?, context: StepContext?) throws -> StepReport
    {
        var gradients = sums
        let sharedPath = division == nil ? nil : fusedPath(gradients)
        try keepWholeTensors(unless: sharedPath, gradients)
        let fused = try fusedSlots(gradients)
        let jobs = try fusedWork(fused)
        var isFused = [Bool](repeating: false, count: slots.count)
        for slot in fused { isFused[slot.number] = true }
        // What other processes move counts as they move it.
        if let sharedPath { isFused = sharedPath }
        for number in slots.indices where !isFused[number] { gradients.divide(number, by: count) }

        try jobs.survey(scale: clipGradientNorm == nil && clipFisherNorm == nil ? 1 / count : nil)
        let (norm, lossValue) = try norm(of: gradients, isFused, jobs, fused, count: count, loss: loss)
        if let source = try nonFiniteSource(gradients, loss: lossValue, norm: norm) {
            return try skip(source, loss: lossValue, norm: norm)
        }
        var clip = clipGradientNorm.map { $0 / max(norm, $0) }
        var fisherNorm: Double?
        if let clipFisherNorm {
            fisherNorm = try withoutGradients {
                try self.fisherNorm(of: gradients, isFused, count: count, scale: clip ?? 1)
            }
            if let fisherNorm { clip = (clip ?? 1) * clipFisherNorm / max(fisherNorm, clipFisherNorm) }
        }
        var plan = StepPlan(slots)
        let draws = try roundingGenerator?.state()
        do {
            var failed = try planTogether {
                for number in groups.indices {
                    try planUpdates(
                        ofGroup: number, gradients, isFused, clip: clip, count, context, in: &plan)
                }
                return try nonFiniteUpdate(in: &plan)
            }
            failed = try moveFused(jobs, fused, scale: (clip ?? 1) / count, in: &plan, unless: failed)
            if let failed {
                try revert(plan, draws)
                return try skip("the update of \(slots[failed].path)", loss: lossValue, norm: norm)
            }
        } catch let error as NonFiniteError {
            throw error
        } catch {
            try revert(plan, draws)
            throw error
        }
        for (number, update) in plan.updates.enumerated() {
            if let update { try slots[number].parameter.wrappedValue.add(update.change) }
        }
        slots = plan.slots
        for number in slots.indices { slots[number].state.forgetChanges() }
        updateCount += 1
        skippedInARow = 0
        try collect(gradients, &plan)
        let (entries, missing) = plan.report
        return StepReport(
            update: updateCount, loss: lossValue ?? .nan, gradientNorm: norm, fisherNorm: fisherNorm,
            skipped: nil,
            withoutGradient: missing, entries: entries)
    }

    /// Puts back what the plan of a step that is not made has overwritten and drawn.
    private func revert(_ plan: StepPlan, _ draws: [UInt8]?) throws {
        try plan.revert()
        if let draws { try roundingGenerator?.restore(draws) }
    }

    /// Computes the updates of a group's slots on the formula path; nothing is written.
    private func planUpdates(
        ofGroup number: Int, _ gradients: GradientList, _ isFused: [Bool], clip: Double?, _ count: Double,
        _ context: StepContext?, in plan: inout StepPlan
    ) throws {
        let group = groups[number]
        func input(_ slot: Int) -> RuleInput {
            ruleInput(
                slots[slot], gradient: gradients.likelihood[slot], auxiliary: gradients.auxiliary[slot],
                moments: gradients.moments[slot], scale: clip, isMoved: hasWork(on: slot))
        }
        if let rule = group.rule.curvatureRule, let context, !isFused[group.slots].contains(true) {
            var states = slots[group.slots].map(\.state)
            let moves = group.slots.map { gradients.reaches($0) && hasWork(on: $0) }
            let known = try ruleGroup(
                number, group.slots.map(input), hasGradient: moves,
                isReached: group.slots.map(gradients.reaches), scale: (clip ?? 1) / count, context)
            let updates: [ParameterUpdate]
            do {
                updates = try rule.updates(for: known, state: &states)
            } catch {
                try known.exchange.release(for: rule)
                throw error
            }
            for (position, slot) in group.slots.enumerated() where moves[position] {
                plan.take(updates[position], states[position], of: slot)
            }
            return
        }
        let moving = group.slots.filter { gradients.reaches($0) && !isFused[$0] && hasWork(on: $0) }
        if moving.isEmpty { return }
        var states = moving.map { roundingGenerator == nil ? slots[$0].state : slots[$0].state.widened }
        let updates = group.rule.updates(for: moving.map(input), state: &states)
        for (position, slot) in moving.enumerated() {
            let state = roundingGenerator.map { states[position].shortened(using: $0) } ?? states[position]
            plan.take(updates[position], state, of: slot)
        }
    }

    /// The input of a rule's formula for one slot.
    private func ruleInput(
        _ slot: Slot, gradient: Tensor?, auxiliary: Tensor?, moments: DrawnMoments?, scale: Double?,
        isMoved: Bool
    ) -> RuleInput {
        let tensor = slot.parameter.wrappedValue.detached()
        let precise = tensor.to(dtype: tensor.dtype.accumulator)
        func prepared(_ gradient: Tensor) -> Tensor {
            // Of what another process moves, the shape is enough.
            if !isMoved { return gradient }
            let gradient = gradient.detached().to(dtype: tensor.dtype.accumulator)
            return scale.map { gradient * $0 } ?? gradient
        }
        var input = RuleInput(
            parameter: precise, gradient: gradient.map(prepared) ?? .zeros(like: precise),
            auxiliary: auxiliary.map(prepared), step: slot.step + 1, decays: slot.decays)
        input.moments = scale.flatMap { moments?.scaled(by: $0) } ?? moments
        return input
    }

    /// The Euclidean norm of the whole gradient, and the loss. What is computed by tensor operations is read
    /// together: a step waits for its device once; and for the processes that divide the state once.
    ///
    /// - Parameters:
    ///   - jobs: what this process moves on the fused path, surveyed; the sums of shared tensors are completed.
    ///   - fused: the slots of the jobs.
    private func norm(
        of gradients: GradientList, _ isFused: [Bool], _ jobs: any FusedWork, _ fused: [FusedSlot],
        count: Double, loss: Tensor?
    ) throws -> (norm: Double, loss: Double?) {
        var read: [Tensor] = []
        var places: [Int] = []
        for number in slots.indices where !isFused[number] && hasWork(on: number) {
            for gradient in [gradients.likelihood[number], gradients.auxiliary[number]].compactMap(\.self) {
                read.append(gradient.norm())
                places.append(number)
            }
        }
        if let loss { read.append(loss.to(dtype: .float64).reshaped([])) }
        let values = read.isEmpty ? [] : try Tensor.stacked(read).scalars(as: Double.self)
        var norms = [Double](repeating: 0, count: slots.count)
        for (number, value) in zip(places, values) { norms[number] = hypot(norms[number], value) }
        func noteFused(where isNoted: (Int) -> Bool) {
            for (job, slot) in zip(jobs.jobs, fused) where isNoted(slot.number) {
                norms[slot.number] = job.gradientSquares.squareRoot() / count
            }
        }
        if let division {
            noteFused { !division.isCut($0) }
            let cells = try otherNorms(gradients, isFused, jobs, count: count, &norms)
            jobs.complete(
                try cells
                    ?? division.completedBySlot(&norms, with: jobs.sharedSums, as: "the norm of the gradient")
            )
            noteFused(where: division.isCut)
        } else {
            noteFused { _ in true }
        }
        return (combinedNorm(norms), loss == nil ? nil : values[values.count - 1])
    }

    /// The loss or the first parameter whose gradient is not finite.
    private func nonFiniteSource(_ gradients: GradientList, loss: Double?, norm: Double) throws -> String? {
        if norm.isFinite && loss?.isFinite ?? true { return nil }
        if let loss, !loss.isFinite { return "the loss" }
        for (number, slot) in slots.enumerated() {
            for gradient in [gradients.likelihood[number], gradients.auxiliary[number]].compactMap(\.self)
            where try gradient.isFinite().all().item() == 0 {
                return "the gradient of \(slot.path)"
            }
        }
        return nil
    }

    /// Skips an update, or throws, by the policy.
    func skip(_ source: String, loss: Double?, norm: Double) throws -> StepReport {
        let error = NonFiniteError(update: updateCount + 1, source: source, skippedInARow: skippedInARow)
        guard case .skip(let limit) = nonFinite, skippedInARow < limit else { throw error }
        skippedCount += 1
        skippedInARow += 1
        return StepReport(
            update: updateCount + 1, loss: loss ?? .nan, gradientNorm: norm, fisherNorm: nil, skipped: error,
            withoutGradient: [], entries: [])
    }
}
