import CTorch

extension Tensor {
    /// Whether operations on this tensor are recorded, so that gradients with respect to it exist.
    public var requiresGradient: Bool { ct_tensor_requires_gradient(handle) }

    /// Whether the tensor is no result of a recorded operation.
    package var isLeaf: Bool { ct_tensor_is_leaf(handle) }

    /// Requires gradients with respect to this tensor; throws if it is not a leaf of a floating-point type.
    ///
    /// - Returns: the tensor itself.
    @discardableResult
    public func requiringGradient(_ required: Bool = true) throws(TorchError) -> Tensor {
        try check()
        guard ct_tensor_set_requires_gradient(handle, required) == CT_OK else { throw .kept() }
        return self
    }
}

/// The gradients of a scalar with respect to any tensors from which it was computed, in their order.
///
/// Throws the failure of the scalar if it could not be computed, and if a tensor requires no gradients, the
/// graph has been released, or a tensor in it has been changed in place since.
///
/// - Parameters:
///   - scalar: the value to differentiate.
///   - tensors: what to differentiate with respect to; each must require gradients.
///   - keepGraph: whether the graph is kept for another call.
///   - createGraph: whether the gradients can be differentiated again.
/// - Returns: a gradient for each tensor; nil if the scalar does not depend on it.
public func gradients(
    of scalar: Tensor, withRespectTo tensors: [Tensor], keepGraph: Bool = false, createGraph: Bool = false
) throws(TorchError) -> [Tensor?] {
    try gradients(
        of: [scalar], seeds: [nil], withRespectTo: tensors, keepGraph: keepGraph, createGraph: createGraph)
}

/// The vector-Jacobian products of several outputs: sum over outputs of seed^T d output / d tensor.
///
/// A seed may be nil if its output is a scalar, and counts as one. Throws as for a scalar.
public func gradients(
    of outputs: [Tensor], seeds: [Tensor?], withRespectTo tensors: [Tensor], keepGraph: Bool = false,
    createGraph: Bool = false
) throws(TorchError) -> [Tensor?] {
    precondition(outputs.count == seeds.count, "\(outputs.count) outputs have \(seeds.count) seeds")
    for tensor in outputs + tensors + seeds.compactMap({ $0 }) { try tensor.check() }
    if tensors.isEmpty { return [] }
    var found = [ct_tensor?](repeating: nil, count: tensors.count)
    let status = ct_gradients(
        outputs.map(\.handle), seeds.map { $0?.handle }, Int64(outputs.count), tensors.map(\.handle),
        Int64(tensors.count), keepGraph || createGraph, createGraph, 0, nil, nil, &found)
    guard status == CT_OK else { throw .kept(during: "gradients") }
    return found.map { $0.map { Tensor(owning: $0) } }
}

/// The gradients of a scalar, the first of which are received one by one while the others are computed.
///
/// Throws what `receive` throws, and as without it.
///
/// - Parameters:
///   - receivedCount: the number of tensors, the first ones, whose gradients are received; they are leaves and on the CPU.
///   - receive: is given the number of a tensor and its gradient, in the order in which they become known, and returns
///     what stands in its place. It is not called for a tensor on which the scalar does not depend.
package func gradients(
    of scalar: Tensor, withRespectTo tensors: [Tensor], keepGraph: Bool, receivedCount: Int,
    by receive: (Int, Tensor) throws -> Tensor
) throws -> [Tensor?] {
    for tensor in [scalar] + tensors { try tensor.check() }
    if tensors.isEmpty { return [] }
    var found = [ct_tensor?](repeating: nil, count: tensors.count)
    let receiver = GradientReceiver()
    let status = withoutActuallyEscaping(receive) { receive in
        receiver.receive = receive
        defer { receiver.receive = nil }
        return ct_gradients(
            [scalar.handle], [nil], 1, tensors.map(\.handle), Int64(tensors.count), keepGraph, false,
            Int64(receivedCount),
            { context, input, gradient in
                let receiver = Unmanaged<GradientReceiver>.fromOpaque(context!).takeUnretainedValue()
                return receiver.take(Tensor(owning: gradient!), of: Int(input))
            }, Unmanaged.passUnretained(receiver).toOpaque(), &found)
    }
    if let error = receiver.error { throw error }
    guard status == CT_OK else { throw TorchError.kept(during: "gradients") }
    return found.map { $0.map { Tensor(owning: $0) } }
}

/// A closure with an address, and its error.
private final class GradientReceiver {
    var receive: ((Int, Tensor) throws -> Tensor)?
    private(set) var error: (any Error)?

    /// A reference to what stands in a gradient's place; nil if there is an error.
    func take(_ gradient: Tensor, of input: Int) -> ct_tensor? {
        guard error == nil, let receive else {
            ct_fail(CT_FAILED, "a gradient was not received")
            return nil
        }
        do {
            let found = try receive(input, gradient)
            try found.check()
            return ct_tensor_retain(found.handle)
        } catch {
            self.error = error
            ct_fail(CT_FAILED, "\(error)")
            return nil
        }
    }
}

/// Runs `body` without recording its operations for gradients, and throws what it throws. The mode belongs
/// to the thread, so the body cannot suspend.
public func withoutGradients<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    let before = ct_gradients_enabled()
    ct_set_gradients_enabled(false)
    defer { ct_set_gradients_enabled(before) }
    return try body()
}

/// Whether operations are chosen such that their gradients can be differentiated again.
enum SecondDerivatives {
    @TaskLocal static var areWanted = false
}

/// Runs `body` with operations whose gradients can be differentiated again; some are slower that way.
public func withSecondDerivatives<Result>(_ body: () throws -> Result) rethrows -> Result {
    try SecondDerivatives.$areWanted.withValue(true, operation: body)
}
