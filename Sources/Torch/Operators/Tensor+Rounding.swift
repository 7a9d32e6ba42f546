// Fewer bits without a bias.

private let viewedAs = Operation("view.dtype")
private let maskedBits = Operation("bitwise_and.Scalar")

extension Tensor {
    /// float32 numbers as bfloat16, each rounded up or down at random so that its expectation is the number itself:
    /// an average of many small changes goes on where rounding to the nearest would stop it.
    ///
    /// The sixteen bits that bfloat16 drops are added to by uniformly drawn ones before they are cut off.
    public func stochasticallyRounded(using generator: RandomGenerator) -> Tensor {
        if failure != nil { return self }
        precondition(dtype == .float32, "only float32 is rounded to bfloat16 at random, not \(dtype)")
        let draws = Tensor.uniform(shape, from: 0, to: 65536, using: generator).to(device: device).to(
            dtype: .int32)
        let bits = viewedAs(.tensor(self.contiguous()), .dtype(.int32)) + draws
        let kept = maskedBits(.tensor(bits), .integer(-65536))
        return viewedAs(.tensor(kept), .dtype(.float32)).to(dtype: .bfloat16)
    }
}
