import Testing

@testable import Torch

/// The elementwise passes of the package's own loops against the engine's operations, with every instruction set.
@Suite struct CombinedLoopsTests {
    /// A scalar, less than a vector, whole vectors with and without a rest, and enough for several threads.
    static let shapes: [[Int]] = [[], [1], [7], [16], [33, 3], [300, 301]]

    @Test(arguments: InstructionSet.supported, [DType.float32, .float64])
    func sumsOfTwo(_ set: InstructionSet, _ dtype: DType) throws {
        for shape in Self.shapes {
            let x = try normalNumbers(shape, dtype, seed: 1)
            let y = try normalNumbers(shape, dtype, seed: 2)
            let expected = x.to(dtype: .float64) * 0.75 + y.to(dtype: .float64) * -2.5
            #expect(try CombinedLoops.combine(x, taking: 0.75, y, keeping: -2.5, with: set))
            try expectClose(x, expected, "\(shape)")
        }
    }

    @Test(arguments: InstructionSet.supported, [DType.float32, .float64])
    func dampedQuotients(_ set: InstructionSet, _ dtype: DType) throws {
        for shape in Self.shapes {
            let x = try normalNumbers(shape, dtype, seed: 3)
            let d = try normalNumbers(shape, dtype, seed: 4).squared()
            let found = try #require(CombinedLoops.quotient(x, over: d, damping: 0.5, with: set))
            try expectClose(found, x.to(dtype: .float64) / (d.to(dtype: .float64) + 0.5), "\(shape)")
        }
        // Matrices that lie by columns, or are parts of larger ones.
        let x = try normalNumbers([9, 40], dtype, seed: 5).transposed()
        let d = try normalNumbers([40, 20], dtype, seed: 6).squared().narrowed(1, from: 2, length: 9)
        let found = try #require(CombinedLoops.quotient(x, over: d, damping: 1, with: set))
        try expectClose(found, x.to(dtype: .float64) / (d.to(dtype: .float64) + 1), "strided")
    }

    @Test(arguments: InstructionSet.supported, [DType.float32, .float64])
    func quotientsAreGuarded(_ set: InstructionSet, _ dtype: DType) throws {
        let (greatest, least) = (dtype.greatestFiniteMagnitude, dtype.leastNormalMagnitude)
        let x = Tensor([1, 0, -1, greatest, -greatest, .nan, 1, -3]).to(dtype: dtype)
        let d = Tensor([0, 0, 0, 0.5, 0.5, 2, .nan, least / 4]).to(dtype: dtype)
        let found = try #require(CombinedLoops.quotient(x, over: d, damping: 0, with: set))
            .scalars(as: Double.self)
        #expect(Array(found.prefix(5)) == [0, 0, 0, greatest, -greatest])
        #expect(found[5].isNaN && found[6].isNaN)
        #expect(abs(found[7] * least / -3 - 1) < 1e-6)
        // Exactly zero with its damping.
        let zero = try #require(
            CombinedLoops.quotient(
                Tensor([2.0, 2]).to(dtype: dtype), over: Tensor([-0.5, 0.5]).to(dtype: dtype), damping: 0.5,
                with: set))
        #expect(try zero.scalars(as: Double.self) == [0, 2])
    }

    @Test func othersAreLeftToTheEngine() throws {
        let x = try normalNumbers([4, 5], .float32, seed: 7)
        let d = try normalNumbers([5], .float32, seed: 8).squared()
        #expect(CombinedLoops.quotient(x, over: d, damping: 1) == nil)
        try expectClose(
            guardedQuotient(x, over: d, damping: 1), x.to(dtype: .float64) / (d.to(dtype: .float64) + 1),
            "broadcast")
        let (turned, former) = (x.transposed(), x.transposed().copy())
        let y = try normalNumbers([5, 4], .float32, seed: 9)
        #expect(try !CombinedLoops.combine(turned, taking: 2, y, keeping: 3))
        try turned.combine(taking: 2, with: y, keeping: 3)
        try expectClose(turned, former.to(dtype: .float64) * 2 + y.to(dtype: .float64) * 3, "by columns")
        let empty = Tensor.zeros([0, 3])
        try empty.combine(taking: 2, with: empty.copy(), keeping: 3)
        #expect(guardedQuotient(empty, over: empty).shape == [0, 3])
        #expect(throws: TorchError.self) { try x.copy().combine(taking: 1, with: y, keeping: 1) }
    }

    @Test func threadsChangeNothing() throws {
        let x = try normalNumbers([500, 500], .float32, seed: 10)
        let d = try normalNumbers([500, 500], .float32, seed: 11).squared()
        let before = Engine.threadCount
        defer { Engine.threadCount = before }
        var found: [[Float]] = []
        for threads in [1, min(3, Processors.count)] {
            Engine.threadCount = threads
            let quotient = try #require(CombinedLoops.quotient(x, over: d, damping: 0.1))
            #expect(try CombinedLoops.combine(quotient, taking: 0.3, x, keeping: 0.7))
            found.append(try quotient.scalars())
        }
        #expect(found[0] == found[1])
    }
}
