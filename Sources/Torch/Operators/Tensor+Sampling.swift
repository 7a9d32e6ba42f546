// Draws from distributions whose parameters, or whose shape, come from a tensor. A generator of another device draws there,
// and the draws are moved to the tensor's; no gradient flows through a draw.

private let categoricalDraws = Operation("multinomial")
private let bernoulliDraws = Operation("bernoulli")
private let exponentialInPlace = Operation("exponential_")
private let standardNormalInPlace = Operation("normal_")
private let emptyLike = Operation("empty_like")
private let viewedAs = Operation("view.dtype")
private let maskedBits = Operation("bitwise_and.Scalar")

extension Tensor {
    /// For each row of this matrix of probabilities [samples, classes] the int64 number of a class drawn with
    /// them, shape [samples].
    public func sampledCategories(using generator: RandomGenerator) -> Tensor {
        generator.drawing(like: self) {
            categoricalDraws(.tensor($0), .integer(1), .boolean(false), .generator(generator)).flattened()
        }
    }

    /// For each element, a probability, a draw that is 1 with it and else 0, in the elements' type.
    public func sampledBernoulli(using generator: RandomGenerator) -> Tensor {
        generator.drawing(like: self) { bernoulliDraws(.tensor($0), .generator(generator)) }
    }

    /// Independent draws from the standard normal distribution in the shape, type and device of another
    /// tensor.
    public static func normal(like other: Tensor, using generator: RandomGenerator) -> Tensor {
        generator.drawing(like: other) {
            standardNormalInPlace(.tensor(emptyLike(.tensor($0))), .real(0), .real(1), .generator(generator))
        }
    }

    /// Independent draws from the exponential distribution of mean 1 in the shape, type and device of another
    /// tensor.
    public static func exponential(like other: Tensor, using generator: RandomGenerator) -> Tensor {
        generator.drawing(like: other) {
            exponentialInPlace(.tensor(emptyLike(.tensor($0))), .real(1), .generator(generator))
        }
    }

    /// float32 numbers as bfloat16, each rounded up or down at random so that its expectation is the number itself:
    /// an average of many small changes moves where rounding to the nearest would stop it.
    ///
    /// The sixteen bits that bfloat16 drops are added to by uniformly drawn ones before they are cut off.
    package func stochasticallyRounded(using generator: RandomGenerator) -> Tensor {
        if failure != nil { return self }
        precondition(dtype == .float32, "only float32 is rounded to bfloat16 at random, not \(dtype)")
        let draws = Tensor.uniform(shape, from: 0, to: 65536, using: generator, device: device).to(
            dtype: .int32)
        let bits = viewedAs(.tensor(self.contiguous()), .dtype(.int32)) + draws
        let kept = maskedBits(.tensor(bits), .integer(-65536))
        return viewedAs(.tensor(kept), .dtype(.float32)).to(dtype: .bfloat16)
    }
}

extension RandomGenerator {
    /// What `draw` draws for a tensor, without its gradients, on this generator's device, moved to the tensor's.
    func drawing(like tensor: Tensor, _ draw: (Tensor) -> Tensor) -> Tensor {
        if tensor.failure != nil { return tensor }
        let plain = tensor.detached()
        return draw(plain.to(device: device)).to(device: plain.device)
    }
}
