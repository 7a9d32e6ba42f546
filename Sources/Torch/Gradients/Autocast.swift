import CTorch

/// The precision of matrix products, convolutions and attention: what PyTorch calls autocast.
public enum ComputePrecision: String, CaseIterable, Codable, Sendable {
    /// That of the operands, which is float32 for most models.
    case float32
    /// Float32 operands are rounded to bfloat16 and the terms of each sum added in float32; the result is bfloat16.
    case bfloat16

    /// The precision in force in this thread.
    public static var current: ComputePrecision {
        ct_autocast_type() == DType.bfloat16.rawValue ? .bfloat16 : .float32
    }
}

/// Runs `body` with the matrix products, convolutions and attention in it in a precision, and throws what it throws.
///
///     let objective = try withAutocast(to: .bfloat16) {
///         try Objective(Categorical(logits: model(inputs)), observing: targets)
///     }
///     // Gradients are computed outside; each product's has the type of that product.
///
/// Weights stay as they are: a trainable one is cast once in the outermost call, so `body` must not move it, and its
/// gradient has its own type. Sums of bfloat16 and float32 tensors are float32, so a residual stream that begins with an
/// embedding stays float32. Normalizations, softmax and losses widen a bfloat16 input to float32 first. float64 tensors are
/// not cast. The mode belongs to the thread, so the body cannot suspend; calls may be nested, and `.float32` inside of
/// `.bfloat16` computes in the operands' type again.
public func withAutocast<Result, Failure: Error>(
    to precision: ComputePrecision, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    if precision == .float32, ComputePrecision.current == .float32 { return try body() }
    let before = ct_autocast_begin(precision == .bfloat16 ? DType.bfloat16.rawValue : -1)
    defer { ct_autocast_end(before) }
    return try body()
}

extension Tensor {
    /// Where products are computed in a narrower type, the numbers in the type that accumulates them: for what loses too
    /// much with 8 significant bits. Elsewhere the tensor itself.
    package var widenedInAutocast: Tensor { ComputePrecision.current == .float32 ? self : widened }
}
