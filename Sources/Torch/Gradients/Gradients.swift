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
        Int64(tensors.count), keepGraph || createGraph, createGraph, &found)
    guard status == CT_OK else { throw .kept(during: "gradients") }
    return found.map { $0.map { Tensor(owning: $0) } }
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
