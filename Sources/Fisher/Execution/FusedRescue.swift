import Torch

/// Copies of what a fused step changes, taken before one that may overflow, so that nothing is left of it if it does.
struct FusedRescue {
    private let slots: [FusedSlot]
    private let copies: [[(original: Tensor, copy: Tensor)]]

    /// Copies the parameters and states of all slots: they move together. Throws where memory is missing.
    init(of slots: [FusedSlot]) throws(TorchError) {
        self.slots = slots
        var copies: [[(original: Tensor, copy: Tensor)]] = []
        for slot in slots {
            var own: [(original: Tensor, copy: Tensor)] = []
            for tensor in [slot.parameter.detached()]
                + slot.state.tensors.sorted(by: { $0.key < $1.key }).map(\.value)
            {
                let copy = tensor.copy()
                try copy.check()
                own.append((tensor, copy))
            }
            copies.append(own)
        }
        self.copies = copies
    }

    /// The first slot whose parameter or state is not finite now.
    func firstNonFinite() throws(TorchError) -> FusedSlot? {
        for (slot, own) in zip(slots, copies) {
            for (tensor, _) in own where tensor.dtype.isFloatingPoint {
                if try !tensor.largestMagnitude().isFinite { return slot }
            }
        }
        return nil
    }

    /// Puts everything back.
    func restore() throws(TorchError) {
        for (tensor, copy) in copies.joined() { try tensor.assign(copy) }
    }
}
