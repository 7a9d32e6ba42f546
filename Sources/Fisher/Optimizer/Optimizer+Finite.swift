// What keeps infinities and NaN out of the weights and the state: both are checked before they are written.

import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// The first slot whose parameter or state the formula path's plan would make infinite or NaN; nil if there is none.
    /// What is computed by tensor operations is read together, and in the ordinary case nothing else. The norms of the
    /// changes are noted in the plan.
    func nonFiniteUpdate(in plan: inout StepPlan) throws(TorchError) -> Int? {
        var (measures, moving): ([Tensor], [Int]) = ([], [])
        for (number, update) in plan.updates.enumerated() {
            guard let update else { continue }
            try update.change.check()
            moving.append(number)
            measures.append(update.change.norm())
            for tensor in floatingState(of: plan.slots[number]) {
                try tensor.check()
                measures.append(tensor.sum().to(dtype: .float64).reshaped([]))
            }
        }
        if measures.isEmpty { return nil }
        let device = measures[0].device
        var values = try Tensor.stacked(measures.map { $0.to(device: device) }).scalars(as: Double.self)[...]
        for number in moving {
            let slot = plan.slots[number]
            let state = floatingState(of: slot)
            let (norm, sums) = (values.removeFirst(), values.prefix(state.count))
            values.removeFirst(state.count)
            plan.changeNorms[number] = norm
            guard let update = plan.updates[number] else { continue }
            // Less than half of the last place of the greatest number leaves every finite number finite.
            let dtype = slot.parameter.wrappedValue.dtype
            if norm >= dtype.greatestFiniteMagnitude * dtype.ulpOfOne / 8 || norm.isNaN {
                let moved = (slot.parameter.wrappedValue.detached() + update.change).to(dtype: dtype)
                if try !isFinite(moved) { return number }
            }
            // A sum of finite numbers can overflow; one with an infinity or NaN in it is never finite.
            for (tensor, sum) in zip(state, sums) where !sum.isFinite {
                if try !isFinite(tensor) { return number }
            }
        }
        return nil
    }

    private func floatingState(of slot: Slot) -> [Tensor] {
        slot.state.tensors.sorted { $0.key < $1.key }.map(\.value).filter {
            $0.failure != nil || $0.dtype.isFloatingPoint
        }
    }

    private func isFinite(_ tensor: Tensor) throws(TorchError) -> Bool {
        if tensor.count == 0 { return true }
        return try tensor.isFinite().all().item() == 1
    }

    /// Moves the fused slots. Nothing is changed if a parameter or a state would not be finite afterwards: then the
    /// first such slot is returned.
    ///
    /// A step that the bounds show to be harmless costs nothing more; any other is made with copies at hand.
    ///
    /// - Parameter failed: a slot that is not finite already: then nothing is moved, here and on the other processes.
    func moveFused(
        _ jobs: any FusedWork, _ fused: [FusedSlot], scale: Double, in plan: inout StepPlan,
        unless failed: Int?
    ) throws -> Int? {
        if failed != nil, division == nil { return failed }
        var before: [FusedBounds] = []
        var after: [FusedBounds?] = []
        for (job, slot) in zip(jobs.jobs, fused) {
            var known = slots[slot.number].bounds
            if let former = known, !former.hold(for: slot.parameter) {
                known = try former.renewed(for: slot, job)
            }
            var made = known.flatMap { job.bounds(after: $0, scale: scale) }
            if made == nil {
                // Bounds grow looser from step to step; those of a measurement are tight.
                let measured = try FusedBounds(of: slot)
                made = job.bounds(after: measured, scale: scale)
                known = measured
            }
            before.append(known!)
            after.append(made)
        }
        var mayOverflow = after.contains { $0 == nil }
        if let division {
            let agreed = try division.agreed(failed: failed, mayOverflow: mayOverflow)
            if let failed = agreed.failed { return failed }
            mayOverflow = agreed.mayOverflow
        }
        let rescue = mayOverflow ? try FusedRescue(of: fused) : nil
        try jobs.move(scale: scale)
        if let rescue {
            var failed = try rescue.firstNonFinite()?.number
            if let division { failed = try division.agreed(failed: failed, mayOverflow: false).failed }
            if let failed {
                try rescue.restore()
                return failed
            }
        }
        for (number, (job, slot)) in zip(jobs.jobs, fused).enumerated() {
            // Graphs of the former elements must be invalidated.
            slot.parameter.noteChange()
            plan.slots[slot.number].state = slot.state
            plan.slots[slot.number].step += 1
            plan.slots[slot.number].bounds = after[number]?.settled(
                for: slot.parameter, before: before[number], changeSquares: job.changeSquares)
            plan.outcomes[slot.number] = fusedOutcome(job, of: slot)
        }
        return nil
    }
}
