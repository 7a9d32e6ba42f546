// Draws from distributions whose parameters, or whose shape, come from a tensor. A generator of another device draws there,
// and the draws are moved to the tensor's; no gradient flows through a draw.

private let categoricalDraws = Operation("multinomial")
private let bernoulliDraws = Operation("bernoulli")
private let exponentialInPlace = Operation("exponential_")
private let standardNormalInPlace = Operation("normal_")
private let emptyLike = Operation("empty_like")
private let viewedAs = Operation("view.dtype")
private let maskedBits = Operation("bitwise_and.Scalar")
private let inverseErrorFunction = Operation("special_erfinv")
private let cumulativeSum = Operation("cumsum")
private let placeInOrder = Operation("searchsorted.Tensor")

extension Tensor {
    /// For each row of this matrix of probabilities [samples, classes] the int64 number of a class drawn with
    /// them, shape [samples].
    public func sampledCategories(using generator: RandomGenerator) -> Tensor {
        if failure == nil, rank == 2, let numbers = generator.unitUniforms([shape[0]], device: device) {
            return categories(at: numbers)
        }
        return generator.drawing(like: self) {
            categoricalDraws(.tensor($0), .integer(1), .boolean(false), .generator(generator)).flattened()
        }
    }

    /// The class of each row in which a number within (0, 1) falls when the classes lie side by side on it.
    private func categories(at numbers: Tensor) -> Tensor {
        let (rows, classes) = (shape[0], shape[1])
        if rows == 0 || classes == 0 { return .zeros([rows], dtype: .int64, device: device) }
        // In float64, where rounding moves no class; some rows at a time, because that doubles their memory.
        let chunk = Swift.max(1, Self.categoryElementCount / classes)
        var parts: [Tensor] = []
        for start in stride(from: 0, to: rows, by: chunk) {
            let length = Swift.min(chunk, rows - start)
            let sums = cumulativeSum(
                .tensor(detached().narrowed(0, from: start, length: length)), .integer(-1), .dtype(.float64))
            let whole = sums.narrowed(-1, from: classes - 1, length: 1)
            do {
                try whole.check()
                guard try ((whole .> 0).equals(0) .| whole.isFinite().equals(0)).sum().item() == 0 else {
                    return Tensor(
                        failed: TorchError(message: "probabilities must be finite, and not all be zero"))
                }
            } catch { return Tensor(failed: error) }
            let own = numbers.narrowed(0, from: start, length: length).unsqueezed(1)
            parts.append(
                placeInOrder(
                    .tensor(sums), .tensor((own * whole).contiguous()), .boolean(false), .boolean(true)))
        }
        return Tensor.concatenated(parts).flattened()
    }

    /// The most elements whose sums are kept at a time.
    private static let categoryElementCount = 8 << 20

    /// For each element, a probability, a draw that is 1 with it and else 0, in the elements' type.
    public func sampledBernoulli(using generator: RandomGenerator) -> Tensor {
        if failure == nil, let numbers = generator.unitUniforms(shape, device: device) {
            let probabilities = detached()
            do {
                guard try (probabilities .>= 0 .& probabilities .<= 1).equals(0).sum().item() == 0 else {
                    return Tensor(failed: TorchError(message: "probabilities must lie between 0 and 1"))
                }
            } catch { return Tensor(failed: error) }
            return (numbers .< probabilities.to(dtype: .float64)).to(dtype: dtype)
        }
        return generator.drawing(like: self) { bernoulliDraws(.tensor($0), .generator(generator)) }
    }

    /// Independent draws from the standard normal distribution in the shape, type and device of another
    /// tensor.
    public static func normal(like other: Tensor, using generator: RandomGenerator) -> Tensor {
        if other.failure == nil, let numbers = generator.unitUniforms(other.shape, device: other.device) {
            return normalQuantile(numbers).to(dtype: other.dtype)
        }
        return generator.drawing(like: other) {
            standardNormalInPlace(.tensor(emptyLike(.tensor($0))), .real(0), .real(1), .generator(generator))
        }
    }

    /// Independent draws from the exponential distribution of mean 1 in the shape, type and device of another
    /// tensor.
    public static func exponential(like other: Tensor, using generator: RandomGenerator) -> Tensor {
        if other.failure == nil, let numbers = generator.unitUniforms(other.shape, device: other.device) {
            return (-numbers.log()).to(dtype: other.dtype)
        }
        return generator.drawing(like: other) {
            exponentialInPlace(.tensor(emptyLike(.tensor($0))), .real(1), .generator(generator))
        }
    }

    /// The standard normal numbers below which uniform ones are the probability.
    static func normalQuantile(_ numbers: Tensor) -> Tensor {
        inverseErrorFunction(.tensor(numbers * 2 - 1)) * 2.0.squareRoot()
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
