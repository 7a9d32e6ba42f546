import CTorch

extension Tensor {
    /// The numbers of this tensor, recorded as a function of another one whose gradient is computed here rather than by
    /// the engine. There are no second derivatives.
    ///
    /// What the closure refers to lives as long as the graph; it must not refer to the result.
    ///
    /// - Parameters:
    ///   - input: what the numbers were computed from.
    ///   - gradient: the gradient with respect to `input` for the gradient with respect to the result, and whether the
    ///     graph is kept for another call; a failed tensor fails the backward pass.
    package func recorded(
        asFunctionOf input: Tensor,
        gradient: @escaping (_ slope: Tensor, _ keepsGraph: Bool) -> Tensor
    ) -> Tensor {
        if let failure = failure ?? input.failure { return Tensor(.failure(failure)) }
        let function = Unmanaged.passRetained(GradientFunction(compute: gradient))
        let made = ct_recorded(
            handle, input.handle,
            { context, slope, keepsGraph in
                let function = Unmanaged<GradientFunction>.fromOpaque(context!).takeUnretainedValue()
                let slope = Tensor(owning: slope!)
                // The backward pass of a card runs on a thread of its own.
                let found = Device.$current.withValue(slope.device) { function.compute(slope, keepsGraph) }
                if let failure = found.failure {
                    ct_fail(failure.kind == .outOfMemory ? CT_OUT_OF_MEMORY : CT_FAILED, failure.message)
                    return nil
                }
                return ct_tensor_retain(found.handle)
            }, { Unmanaged<GradientFunction>.fromOpaque($0!).release() }, function.toOpaque())
        return made.map { Tensor(owning: $0) } ?? Tensor(.failure(.kept()))
    }
}

/// A closure with an address.
private final class GradientFunction {
    let compute: (Tensor, Bool) -> Tensor

    init(compute: @escaping (Tensor, Bool) -> Tensor) { self.compute = compute }
}
