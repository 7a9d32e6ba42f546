import Testing
import Torch

/// Parts of tensors and comparisons.
@Suite struct TensorSubscriptTests {
    /// 0 ... 23 as [2, 3, 4].
    let x = Tensor((0..<24).map { Int64($0) }, shape: [2, 3, 4])

    func expect(_ part: Tensor, _ shape: [Int], _ values: [Int64]) throws {
        #expect(part.failure == nil)
        if part.failure == nil { #expect(part.shape == shape) }
        #expect(try part.scalars(as: Int64.self) == values)
    }

    @Test func positionsAndRanges() throws {
        try expect(x[1, 2, 3], [], [23])
        try expect(x[-1, -1, -1], [], [23])
        try expect(x[0, 1], [4], [4, 5, 6, 7])
        try expect(x[0, 1..<3, 0], [2], [4, 8])
        try expect(x[0, 0...1, -1], [2], [3, 7])
        try expect(x[1, 2, (-2)...], [2], [22, 23])
        try expect(x[1, 2, ..<(-2)], [2], [20, 21])
        try expect(x[1, 2, ...1], [2], [20, 21])
        try expect(x[1, 2, (-3) ... -1], [3], [21, 22, 23])
        try expect(x[..., 0], [2, 3], [0, 4, 8, 12, 16, 20])
        try expect(x[1, ..., 0], [3], [12, 16, 20])
        try expect(x[0..., 1, 2], [2], [6, 18])
        try expect(x[0, 1..<1], [0, 4], [])
        try expect(x[...], [2, 3, 4], (0..<24).map { $0 })
    }

    @Test func masksAndTensorsOfPositions() throws {
        let places = Tensor([1, 0] as [Int64])
        try expect(x[places, 0, 0], [2], [12, 0])
        try expect(x[0, Tensor([2, -1] as [Int32]), 1...2], [2, 2], [9, 10, 9, 10])
        try expect(x[0, Tensor([0, 2] as [Int64]), Tensor([3, 1] as [Int64])], [2], [3, 9])
        try expect(x[x .> 21], [2], [22, 23])
        try expect(x[1, Tensor([false, true, false])], [1, 4], [16, 17, 18, 19])
        try expect(x[..., Tensor([true, false, false, true])][0, 0], [2], [0, 3])
    }

    static var outside: [((Tensor) -> Tensor, String)] {
        [
            ({ $0[2] }, "the position 2 lies outside of dimension 0 of a tensor of shape [2, 3, 4]"),
            ({ $0[0, -4] }, "the position -4 lies outside of dimension 0 of a tensor of shape [3, 4]"),
            ({ $0[0..<3] }, "the bound 3 lies outside of dimension 0 of a tensor of shape [2, 3, 4]"),
            ({ $0[0, 0, 0, 0] }, "a tensor of shape [2, 3, 4] has no 4 dimensions to index"),
            ({ $0[(-1)..<0] }, "a range from 1 to 0 of dimension 0 runs backwards"),
            ({ $0[Tensor([1.5])] }, "a tensor is indexed by truth values, int32 or int64, not by float64"),
            ({ $0[Tensor([9] as [Int64])] }, "index: "),
        ]
    }

    @Test(arguments: outside.indices) func whatIsOutsideIsAFailure(_ number: Int) throws {
        let (part, reason) = Self.outside[number]
        #expect(part(x).failure?.message.hasPrefix(reason) == true, "\(part(x))")
        #expect((Tensor(failed: TorchError(message: "before"))[0]).failure?.message == "before")
    }

    @Test func partsAreAssigned() throws {
        let y = Tensor.zeros([2, 3], dtype: .int64)
        try y.assign(Tensor([1, 2, 3] as [Int64]), at: 0)
        try y.assign(7, at: -1, 1...)
        try y.assign(9, at: y .== 2)
        try y.assign(Tensor([5.0]), at: Tensor([1] as [Int64]), 0)
        try expect(y, [2, 3], [1, 9, 3, 5, 7, 7])
        #expect(throws: TorchError.self) { try y.assign(Tensor.ones([4]), at: 0) }
        #expect(throws: TorchError.self) { try y.assign(1, at: 2) }
        try expect(y, [2, 3], [1, 9, 3, 5, 7, 7])
        // A view shares its elements.
        try y[0].fill(4)
        try expect(y[..., 0], [2], [4, 5])
    }

    @Test func gradientsFlowThroughParts() throws {
        let w = try Tensor([1, 2, 3] as [Double]).requiringGradient()
        let slope = try gradients(
            of: (w[w .> 1.5] * 2).sum() + w[0] * 5 + w[Tensor([0, 0] as [Int64])].sum(), withRespectTo: [w])
        #expect(try slope[0]?.scalars(as: Double.self) == [7, 2, 2])
    }

    @Test func comparisons() throws {
        let (a, b) = (Tensor([1, 2, .nan]), Tensor([2, 2, 1] as [Double]))
        func flags(_ tensor: Tensor) throws -> [Bool] { try tensor.scalars() }
        #expect(try flags(a .< b) == [true, false, false])
        #expect(try flags(a .<= b) == [true, true, false])
        #expect(try flags(a .> b) == [false, false, false])
        #expect(try flags(a .>= b) == [false, true, false])
        #expect(try flags(a .== b) == [false, true, false])
        #expect(try flags(a .!= b) == [true, false, true])
        #expect(try flags(b .< 2) == [false, false, true] && flags(2 .> b) == [false, false, true])
        #expect(try flags(b .>= 2) == [true, true, false] && flags(2 .<= b) == [true, true, false])
        #expect(try flags(b .== 2) == [true, true, false] && flags(b .!= 2) == [false, false, true])
        #expect(try flags((a .< b) .| (a .== b)) == [true, true, false])
        #expect(try flags(.!(a .< b) .& (b .> 1)) == [false, true, false])
        #expect(try flags((b .> 1) .^ (b .< 2)) == [true, true, true])
        #expect(try (b .> 1).any().item() == 1 && (b .> 2).any().item() == 0)
        #expect(try b.isEqual(to: Tensor([2, 2, 1] as [Float])) && !b.isEqual(to: b.reshaped([3, 1])))
        #expect(try !a.isEqual(to: a))
        #expect(try flags(b.isClose(to: b + 1e-6)) == [true, true, true])
        #expect(try b.isAllClose(to: b + 1e-6) && !b.isAllClose(to: b + 1e-3))
        #expect(try b.isAllClose(to: b + 1e-3, relative: 0, absolute: 1e-2))
        #expect(throws: TorchError.self) { try b.isEqual(to: Tensor(failed: TorchError(message: "no"))) }
    }
}
