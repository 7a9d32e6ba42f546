import Foundation
import Testing

@testable import Torch

/// Memory that cannot be had is an error that names the bytes, before or when it is asked for.
@Suite struct MemoryTests {
    @Test(arguments: [[1 << 44], [1 << 40, 1 << 40], [1 << 62, 2], [3_037_000_500, 3_037_000_500]])
    func refusedAllocationsAreOutOfMemory(_ shape: [Int]) {
        for made in [
            Tensor.zeros(shape), .empty(shape), .uninitialized(shape), .full(shape, 1, dtype: .float64),
        ] {
            #expect(made.failure?.kind == .outOfMemory, "\(made)")
        }
    }

    @Test func theBytesAreNamed() {
        let failure = Tensor.zeros([1 << 44]).failure
        #expect(failure?.message.hasSuffix("memory ran out: 70368744177664 bytes were asked for") == true)
    }

    /// The package's own sums, whose results are as large as the square of a row.
    @Test func sumsThatDoNotFitFail() {
        let wide = Tensor.zeros([1, 1 << 21])
        #expect(gram(wide).failure?.kind == .outOfMemory)
        #expect(gram(wide, withOnes: true).failure?.kind == .outOfMemory)
        #expect(
            UnitSums.outer(wide, wide, depth: 1, squares: .eachTerm)?.squares.failure?.kind == .outOfMemory)
        #expect(transposedProduct(wide, wide).failure?.kind == .outOfMemory)
    }

    @Test func thereIsSomeMemory() throws {
        let available = AvailableMemory.byteCount
        #expect(available > 1e6 && available <= Double(ProcessInfo.processInfo.physicalMemory))
        try requireMemory(1000, for: "a test")
        for bytes in [1e17, 1e40, .infinity, .nan] {
            let error = #expect(throws: TorchError.self) { try requireMemory(bytes, for: "a test") }
            #expect(error?.kind == .outOfMemory)
            #expect(error?.message.hasPrefix("a test needs ") == true)
        }
    }

    @Test func bytesAreReadable() {
        #expect(byteText(12) == "12 bytes")
        #expect(byteText(1_570_000_000_000) == "1570000000000 bytes (1.6 TB)")
        #expect(byteText(.infinity) == "inf bytes of memory")
    }

    @Test func elementsThatAreNotFiniteAreNamed() throws {
        #expect(try Tensor([1.0, 2]).nonFiniteElement() == nil)
        #expect(try Tensor([1 as Int64]).nonFiniteElement() == nil)
        #expect(try Tensor.zeros([0]).nonFiniteElement() == nil)
        #expect(try Tensor([1.0, 2, .nan, .infinity]).nonFiniteElement() == "holds NaN at element 2")
        let narrow = Tensor([1.0, -.infinity]).to(dtype: .bfloat16)
        #expect(try narrow.nonFiniteElement() == "holds an infinite number at element 1")
        #expect(try Tensor([-7.0, 2]).largestMagnitude() == 7)
        #expect(try Tensor([1.0, .nan]).largestMagnitude().isNaN)
    }

    @Test func changesAreCounted() throws {
        let tensor = Tensor([1.0, 2])
        let first = try #require(tensor.version)
        try tensor.narrowed(0, from: 0, length: 1).fill(3)
        #expect(try #require(tensor.version) > first)
    }
}
