// Which share of the state this process keeps.

import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// Whether this process moves a slot or a part of it.
    func hasWork(on slot: Int) -> Bool { division?.keeps(slot) ?? true }

    /// Divides the state, which is complete here, as ``processes`` and ``dividesState`` say.
    func divide() {
        precondition(
            division == nil || updateCount == 0,
            "the processes of an optimizer cannot change between its updates")
        division = nil
        guard let processes, dividesState, processes.size > 1 else { return }
        // The norm in the information is one over whole tensors.
        take(division(among: processes, cuts: clipFisherNorm == nil))
    }

    /// Keeps the share of a division, of a state that is complete here.
    private func take(_ made: StateDivision) {
        guard made.holdings.contains(where: { $0 != .all }) else { return }
        division = made
        for slot in slots.indices { slots[slot].state = share(of: slots[slot].state, slot) }
        for slot in slots.indices { slots[slot].bounds = nil }
    }

    /// What this process keeps of a slot's complete state.
    func share(of state: TensorState, _ slot: Int) -> TensorState {
        guard let division else { return state }
        if let part = division.part(of: slot) {
            let count = slots[slot].parameter.wrappedValue.count
            var own = state
            for (name, tensor) in state.tensors where tensor.count == count {
                own[name] = tensor.flattened().narrowed(0, from: part.lowerBound, length: part.count).copy()
            }
            return own
        }
        return division.keeps(slot) ? state : TensorState()
    }

    /// Divides anew, by whole tensors, before a step in which a tensor that is cut does not take the fused path: a formula
    /// needs sums over the tensor.
    ///
    /// - Parameter isFused: the slots that take it, here or elsewhere; nil where the state is not divided.
    func keepWholeTensors(unless isFused: [Bool]?, _ gradients: GradientList) throws {
        guard let former = division, let isFused else { return }
        guard slots.indices.contains(where: { former.isCut($0) && gradients.reaches($0) && !isFused[$0] })
        else { return }
        let complete = try completeState()
        division = nil
        try restore(complete)
        take(division(among: former.group, cuts: false))
    }
}
