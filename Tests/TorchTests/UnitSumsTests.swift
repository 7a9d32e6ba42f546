import Testing
import Torch

/// The loops that sum outer products and squares against their definition, with every instruction set.
@Suite struct UnitSumsTests {
    /// Sizes that leave something over in every direction.
    static let shapes: [(terms: Int, depth: Int, rows: Int, columns: Int)] = [
        (1, 1, 1, 1), (6, 3, 5, 7), (12, 4, 97, 65), (130, 65, 10, 33), (200, 1, 13, 130),
    ]

    @Test(arguments: InstructionSet.supported, [DType.float32, .float64])
    func outerProducts(_ set: InstructionSet, _ dtype: DType) throws {
        for (terms, depth, rows, columns) in Self.shapes {
            let s = try normalNumbers([terms, rows], dtype, seed: 1)
            let a = try normalNumbers([terms, columns], dtype, seed: 2)
            let (left, right) = (s.to(dtype: .float64), a.to(dtype: .float64))
            let each = left.unsqueezed(2) * right.unsqueezed(1)
            let groups = each.unflattened(0, into: [-1, depth]).sum(along: 1)
            let what = "\(terms) \(depth) \(rows) \(columns)"
            let byGroup = try #require(
                UnitSums.outer(s, a, depth: depth, squares: .eachGroup, with: set))
            try expectClose(byGroup.sum, each.sum(along: 0), what)
            try expectClose(byGroup.squares, groups.squared().sum(along: 0), what)
            let byTerm = try #require(UnitSums.outer(s, a, depth: 1, squares: .eachTerm, with: set))
            try expectClose(byTerm.sum, each.sum(along: 0), what)
            try expectClose(byTerm.squares, each.squared().sum(along: 0), what)
        }
    }

    @Test(arguments: InstructionSet.supported, [DType.float32, .float64])
    func columnsAndLookups(_ set: InstructionSet, _ dtype: DType) throws {
        for (terms, depth, _, columns) in Self.shapes {
            let (s, x) = (
                try normalNumbers([terms, columns], dtype, seed: 4),
                try normalNumbers([terms, columns], dtype, seed: 5)
            )
            let product = s.to(dtype: .float64) * x.to(dtype: .float64)
            let groups = product.unflattened(0, into: [-1, depth]).sum(along: 1)
            let found = try #require(UnitSums.columns(s, times: x, depth: depth, with: set))
            try expectClose(found.gradient, product.sum(along: 0), "\(terms) \(columns)")
            try expectClose(found.squares, groups.squared().sum(along: 0), "\(terms) \(columns)")

            // Three entries, so that units meet one twice and leave one out.
            let units = terms / depth
            let entries = Tensor((0..<terms).map { Int64($0 * $0 % 5 % 3) }, shape: [units, depth])
            let rows = s.unflattened(0, into: [units, depth])
            let table = try #require(UnitSums.lookups(entries, rows, entries: 4, with: set))
            let numbers = try entries.scalars(as: Int64.self)
            let chosen = Tensor(
                numbers.flatMap { number in (0..<4).map { Int64($0) == number ? 1.0 : 0 } },
                shape: [units, depth, 4])
            let byUnit = chosen.transposed(1, 2).matmul(rows.to(dtype: .float64))
            try expectClose(table.gradient, byUnit.sum(along: 0), "\(terms) \(columns)")
            try expectClose(table.squares, byUnit.squared().sum(along: 0), "\(terms) \(columns)")
        }
    }

    /// The same bits with one thread and with several.
    @Test func threadsChangeNothing() throws {
        let s = try normalNumbers([256, 300], .float32, seed: 6)
        let a = try normalNumbers([256, 200], .float32, seed: 7)
        let before = Engine.threadCount
        defer { Engine.threadCount = before }
        var found: [[Float]] = []
        for threads in [1, min(3, Processors.count)] {
            Engine.threadCount = threads
            let sums = try #require(UnitSums.outer(s, a, depth: 8, squares: .eachGroup))
            found.append(try sums.sum.scalars() + sums.squares.scalars())
        }
        #expect(found[0] == found[1])
    }

    /// What the loops do not read is left to tensor operations.
    @Test func otherTypesAreLeft() throws {
        let s = try normalNumbers([4, 3], .float32, seed: 8).to(dtype: .bfloat16)
        #expect(UnitSums.outer(s, s, depth: 1, squares: .eachTerm) == nil)
        #expect(UnitSums.columns(s, depth: 1) == nil)
    }
}
