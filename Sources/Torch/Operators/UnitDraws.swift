/// Draws for the units of a batch, such as its samples, that do not depend on how the batch is cut: every unit has random
/// numbers of its own, which follow from a key and from the unit's number in the batch.
///
///     let draws = try UnitDraws(from: generator)
///     // The draws of the whole batch, and of its last four units.
///     let all = likelihood.sample(using: try draws.generator(units: 12))
///     let last = part.sample(using: try draws.starting(at: 8).generator(units: 4))
///
/// Processes that share a batch, and micro-batches, draw what one process draws for the whole.
public struct UnitDraws: Sendable {
    private let key: UInt64
    private let device: Device
    /// The number of the first unit.
    public let firstUnit: Int

    /// Takes a key from a generator, which moves on by one draw, however many units there are.
    public init(from generator: RandomGenerator) throws(TorchError) {
        let one = Tensor.zeros([1], dtype: .float64, device: generator.device)
        key = try Tensor.exponential(like: one, using: generator).item().bitPattern
        device = generator.device
        firstUnit = 0
    }

    private init(_ key: UInt64, _ device: Device, _ firstUnit: Int) {
        (self.key, self.device, self.firstUnit) = (key, device, firstUnit)
    }

    /// The draws of a part of the batch, which begins at a unit.
    public func starting(at unit: Int) -> UnitDraws { UnitDraws(key, device, unit) }

    /// A generator of the numbers of some units in one of several independent draws.
    ///
    /// What is drawn in the shape of a tensor belongs to the units in order, equally many elements to each; so do the
    /// rows from which classes are drawn. Numbers of other shapes, and those of ``Tensor/bernoulli(like:probability:using:)``,
    /// belong to no unit: they are independent draws that depend on the part.
    ///
    /// - Parameters:
    ///   - draw: which of the draws, from 0.
    ///   - draws: how many there are; other numbers of them are other draws.
    ///   - units: the number of units, from ``firstUnit`` on.
    public func generator(
        draw: Int = 0, of draws: Int = 1, units: Int
    ) throws(TorchError) -> RandomGenerator {
        let number = UInt64(bitPattern: Int64(draws)) << 32 | UInt64(bitPattern: Int64(draw))
        var mixer = SplitMix64(seed: key ^ (number &* SplitMix64.increment))
        let own = mixer.next()
        var other = SplitMix64(seed: own ^ UInt64(bitPattern: Int64(firstUnit)))
        return try RandomGenerator(
            seed: other.next(), device: device, units: UnitNumbers(key: own, first: firstUnit, count: units))
    }
}

extension RandomGenerator {
    /// Runs a body that draws rows, each of one of the units: which is asked only of a generator that draws by unit.
    ///
    /// - Parameters:
    ///   - owners: the unit of each row, 0 being the first; nil where they are not known.
    ///   - body: draws the rows.
    package func drawing<Result>(
        forUnits owners: (_ units: Int) throws -> [Int]?, _ body: () throws -> Result
    ) rethrows -> Result {
        guard let units, let known = try owners(units.unitCount) else { return try body() }
        return try units.owned(by: known, body)
    }

    /// Uniform numbers within (0, 1), in float64, for the units of something in a shape; nil if it does not draw by unit.
    func unitUniforms(_ shape: [Int], device: Device = .cpu) -> Tensor? {
        guard let units else { return nil }
        let rows = shape.first ?? 1
        let numbers = units.uniforms(rows: rows, width: shape.dropFirst().reduce(1, *))
        return Tensor(numbers, shape: shape).to(device: device)
    }
}
