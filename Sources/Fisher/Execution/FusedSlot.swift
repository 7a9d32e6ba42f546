import Torch

/// A slot whose step takes the fused path.
struct FusedSlot {
    /// The slot's number.
    let number: Int
    let parameter: Tensor
    let step: FusedStep
    /// The rule's state; the tensors are changed in place.
    let state: TensorState
    /// The memory that the job points to.
    let gradient: Tensor
    /// The elements that are moved here, of which alone there is state, where several processes share the tensor.
    let part: Range<Int>?
}
