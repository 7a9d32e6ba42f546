// Tensors of constants and of random numbers.

private let emptyOf = Operation("empty.memory_format")
private let fullOf = Operation("full")
private let eyeOf = Operation("eye")
private let zerosLike = Operation("zeros_like")
private let onesLike = Operation("ones_like")
private let fullLike = Operation("full_like")
private let arangeTo = Operation("arange")
private let normalInPlace = Operation("normal_")
private let uniformInPlace = Operation("uniform_")
private let bernoulliInPlace = Operation("bernoulli_.float")

extension Tensor {
    /// A tensor filled with one number.
    public static func full(
        _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .current
    ) -> Tensor {
        if device != .cpu {
            do { try device.requireAvailable() } catch { return Tensor(.failure(error)) }
        }
        return fullOf(.integers(shape), .real(value), .dtype(dtype), .none, .device(device))
    }
    /// A tensor on the CPU whose elements are whatever the memory held: for those who write all of them.
    package static func uninitialized(_ shape: [Int], dtype: DType = .float32) -> Tensor {
        emptyOf(.integers(shape), .dtype(dtype))
    }
    /// A tensor of zeros.
    public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .current) -> Tensor {
        full(shape, 0, dtype: dtype, device: device)
    }
    /// A tensor of ones.
    public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .current) -> Tensor {
        full(shape, 1, dtype: dtype, device: device)
    }
    /// The identity matrix.
    public static func identity(_ size: Int, dtype: DType = .float32, device: Device = .current) -> Tensor {
        eyeOf(.integer(size), .dtype(dtype), .none, .device(device))
    }
    /// Zeros in the shape and on the device of another tensor, and of its type unless another is given.
    public static func zeros(like other: Tensor, dtype: DType? = nil) -> Tensor {
        zerosLike(.tensor(other), dtype.map { .dtype($0) } ?? .none)
    }
    /// Ones in the shape and on the device of another tensor, and of its type unless another is given.
    public static func ones(like other: Tensor, dtype: DType? = nil) -> Tensor {
        onesLike(.tensor(other), dtype.map { .dtype($0) } ?? .none)
    }
    /// One number in the shape, type and device of another tensor.
    public static func full(like other: Tensor, _ value: Double) -> Tensor {
        fullLike(.tensor(other), .real(value))
    }
    /// The int64 numbers 0, 1, ... count - 1.
    public static func indices(_ count: Int, device: Device = .current) -> Tensor {
        arangeTo(.integer(count), .dtype(.int64), .none, .device(device))
    }

    /// Independent draws from a normal distribution, drawn on the generator's device and moved to another one.
    public static func normal(
        _ shape: [Int], mean: Double = 0, standardDeviation: Double = 1, dtype: DType = .float32,
        using generator: RandomGenerator, device: Device = .current
    ) -> Tensor {
        if let numbers = generator.unitUniforms(shape) {
            return (normalQuantile(numbers) * standardDeviation + mean).to(dtype: dtype).to(device: device)
        }
        let made = Tensor.empty(shape, dtype: dtype, device: generator.device)
        return normalInPlace(.tensor(made), .real(mean), .real(standardDeviation), .generator(generator))
            .to(device: device)
    }
    /// Independent draws from the uniform distribution on [low, high), drawn on the generator's device and moved to another.
    public static func uniform(
        _ shape: [Int], from low: Double = 0, to high: Double = 1, dtype: DType = .float32,
        using generator: RandomGenerator, device: Device = .current
    ) -> Tensor {
        if let numbers = generator.unitUniforms(shape) {
            // The number below 1 that is left of the type's digits.
            let below = numbers.clamped(to: 0...(1 - dtype.ulpOfOne / 2))
            return (below * (high - low) + low).to(dtype: dtype).to(device: device)
        }
        let made = Tensor.empty(shape, dtype: dtype, device: generator.device)
        return uniformInPlace(.tensor(made), .real(low), .real(high), .generator(generator))
            .to(device: device)
    }
    /// Independent draws in the shape, type and device of another tensor: 1 with a probability, else 0.
    public static func bernoulli(
        like other: Tensor, probability: Double, using generator: RandomGenerator
    ) -> Tensor {
        generator.drawing(like: other) { other in
            bernoulliInPlace(.tensor(zerosLike(.tensor(other))), .real(probability), .generator(generator))
        }
    }
}
