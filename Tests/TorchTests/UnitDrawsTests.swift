import Testing
import Torch

/// Draws of which every unit has its own.
@Suite struct UnitDrawsTests {
    private static let kinds: [(name: String, draw: @Sendable (Tensor, RandomGenerator) -> Tensor)] = [
        ("classes", { ($0.squared() + 0.1).sampledCategories(using: $1) }),
        ("bits", { $0.sigmoid().sampledBernoulli(using: $1) }),
        ("normal", { Tensor.normal(like: $0, using: $1) }),
        ("exponential", { Tensor.exponential(like: $0, using: $1) }),
        ("uniform", { Tensor.uniform($0.shape, from: -1, to: 3, dtype: .float64, using: $1) }),
        ("normal of a shape", { Tensor.normal($0.shape, mean: 2, dtype: .float64, using: $1) }),
        ("two draws", { .normal(like: $0, using: $1) - .normal(like: $0, using: $1) }),
    ]

    /// However a batch is cut, each unit draws what it draws in the whole, a unit being one or three rows.
    @Test(arguments: kinds.map(\.name), [1, 3])
    func partsDrawWhatTheWholeDraws(_ name: String, _ rows: Int) throws {
        let draw = try #require(Self.kinds.first { $0.name == name }).draw
        let x = Tensor.normal([12 * rows, 4], dtype: .float64, using: try RandomGenerator(seed: 1))
        let draws = try UnitDraws(from: try RandomGenerator(seed: 2))
        let whole = try draw(x, draws.generator(units: 12)).to(dtype: .float64).scalars(as: Double.self)
        var parts: [Double] = []
        for range in [0..<5, 5..<6, 6..<12] {
            let part = x.narrowed(0, from: range.lowerBound * rows, length: range.count * rows)
            let own = try draws.starting(at: range.lowerBound).generator(units: range.count)
            parts += try draw(part, own).to(dtype: .float64).scalars(as: Double.self)
        }
        #expect(parts == whole)
        #expect(Set(whole).count > 1)
    }

    /// Units, draws, and keys are apart from each other; the generator of the key moves by one draw.
    @Test func drawsAreApart() throws {
        let generator = try RandomGenerator(seed: 3)
        let like = Tensor.zeros([2, 3], dtype: .float64)
        func numbers(_ draws: UnitDraws, _ draw: Int = 0, of count: Int = 1) throws -> [Double] {
            try Tensor.normal(like: like, using: try draws.generator(draw: draw, of: count, units: 2))
                .scalars(as: Double.self)
        }
        let (one, two) = (try UnitDraws(from: generator), try UnitDraws(from: generator))
        let all =
            try numbers(one) + numbers(two) + numbers(one, 1, of: 2) + numbers(one, 0, of: 2)
            + numbers(one.starting(at: 2))
        #expect(Set(all).count == all.count)
        #expect(try numbers(one) == numbers(one))
    }

    /// No number is 0 or 1, and no class without a probability is drawn.
    @Test func extremesAreLeftOut() throws {
        let draws = try UnitDraws(from: try RandomGenerator(seed: 4))
        let numbers = Tensor.uniform([100_000], using: try draws.generator(units: 10))
        #expect(try numbers.min().item() >= 0 && numbers.max().item() < 1)
        let rows = Tensor.zeros([10_000, 5]) + Tensor([0, 1e-30, 1, 1e-30, 0] as [Float])
        let drawn = try rows.sampledCategories(using: draws.generator(units: 10)).scalars(as: Int64.self)
        #expect(drawn.allSatisfy { $0 == 2 })
    }
}
