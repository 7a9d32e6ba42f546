import Testing

@testable import Torch

/// The products of the package's own loops against the engine's in float64, with every instruction set.
@Suite struct MatrixProductLoopsTests {
    /// Sizes that leave something over in every direction, and more terms than are copied at a time.
    static let shapes: [(terms: Int, rows: Int, columns: Int)] = [
        (1, 1, 1), (6, 5, 7), (12, 97, 65), (130, 10, 33), (600, 48, 64), (4100, 13, 21),
    ]

    /// The matrix, its transpose's transpose, which lies by columns, and a part of a larger one.
    private func layouts(_ x: Tensor) throws -> [(name: String, matrix: Tensor)] {
        let wide = Tensor.concatenated([x, x], along: 1)
        return [
            ("by rows", x), ("by columns", x.transposed().contiguous().transposed()),
            ("a part", wide.narrowed(1, from: 0, length: x.shape[1])),
        ]
    }

    @Test(arguments: InstructionSet.supported, [DType.float32, .float64])
    func productsOfAllLayouts(_ set: InstructionSet, _ dtype: DType) throws {
        for (terms, rows, columns) in Self.shapes {
            let x = try normalNumbers([terms, rows], dtype, seed: 1)
            let y = try normalNumbers([terms, columns], dtype, seed: 2)
            let added = try normalNumbers([rows, columns], dtype, seed: 3)
            let product = x.to(dtype: .float64).transposed().matmul(y.to(dtype: .float64))
            for (name, left) in try layouts(x) {
                for (other, right) in try layouts(y) {
                    let what = "\(terms) \(rows) \(columns), \(name), \(other)"
                    let plain = try #require(MatrixProductLoops.product(left, right, with: set))
                    try expectClose(plain, product, what)
                    let sum = try #require(
                        MatrixProductLoops.product(
                            left, right, scale: -0.5, keeping: 2, added: added, with: set))
                    try expectClose(sum, added.to(dtype: .float64) * 2 - product * 0.5, what)
                }
            }
        }
    }

    @Test(arguments: InstructionSet.supported, [DType.float32, .float64])
    func symmetricProductsAreMirrored(_ set: InstructionSet, _ dtype: DType) throws {
        for (terms, rows, _) in Self.shapes {
            let x = try normalNumbers([terms, rows], dtype, seed: 4)
            let wide = x.to(dtype: .float64)
            let square = wide.transposed().matmul(wide)
            for (name, matrix) in try layouts(x) {
                let found = gram(matrix, with: set)
                try expectClose(found, square, "\(terms) \(rows), \(name)")
                #expect(try (found - found.transposed()).magnitude().largest().item() == 0)
            }
            // M and M^2 commute: their product is symmetric.
            let (m, squared) = (square.to(dtype: dtype), square.matmul(square).to(dtype: dtype))
            let found = try #require(
                MatrixProductLoops.product(
                    m, squared, scale: 0.25, keeping: 3, added: m, isSymmetric: true, with: set))
            let cube = square.matmul(square).matmul(square)
            try expectClose(found, square * 3 + cube * 0.25, "\(terms) \(rows)")
            #expect(try (found - found.transposed()).magnitude().largest().item() == 0)
        }
    }

    @Test(arguments: InstructionSet.supported, [DType.float32, .float64])
    func gramsWithOnes(_ set: InstructionSet, _ dtype: DType) throws {
        for (terms, rows, _) in Self.shapes {
            let a = try normalNumbers([terms, rows], dtype, seed: 5)
            let ones = Tensor.concatenated(
                [a.to(dtype: .float64), .ones([terms, 1], dtype: .float64)], along: 1)
            let longer = gram(a, withOnes: true, with: set)
            try expectClose(longer, ones.transposed().matmul(ones), "\(terms) \(rows)")
            #expect(try (longer - longer.transposed()).magnitude().largest().item() == 0)
            let former = gram(try normalNumbers([3, rows + 1], dtype, seed: 10))
            let average = gram(a, withOnes: true, scale: 0.25, keeping: 0.5, added: former, with: set)
            try expectClose(
                average, former.to(dtype: .float64) * 0.5 + ones.transposed().matmul(ones) * 0.25,
                "\(terms) \(rows)")
            #expect(try (average - average.transposed()).magnitude().largest().item() == 0)
        }
    }

    @Test func threadsChangeNothing() throws {
        let x = try normalNumbers([300, 290], .float32, seed: 6)
        let y = try normalNumbers([300, 200], .float32, seed: 7)
        let before = Engine.threadCount
        defer { Engine.threadCount = before }
        var found: [[Float]] = []
        for threads in [1, min(3, Processors.count)] {
            Engine.threadCount = threads
            found.append(try transposedProduct(x, y).scalars() + gram(x).scalars())
        }
        #expect(found[0] == found[1])
    }

    /// What the loops do not read is left to the engine; what is not a number stays none, and what does not fit fails.
    @Test func otherMatrices() throws {
        let x = try normalNumbers([4, 3], .float32, seed: 8).to(dtype: .bfloat16)
        #expect(MatrixProductLoops.product(x, x) == nil)
        #expect(gram(x).shape == [3, 3] && transposedProduct(x, x).dtype == .bfloat16)
        let unequal = try normalNumbers([5, 3], .bfloat16, seed: 9)
        #expect(transposedProduct(x, unequal).failure != nil)
        #expect(gram(Tensor.zeros([0, 3])).shape == [3, 3])
        let infinite = Tensor.full([2, 2], .infinity) * 0
        #expect(try symmetricProduct(infinite, infinite).sum().item().isNaN)
    }
}
