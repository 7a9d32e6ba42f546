import Testing
import Torch

/// The products of float32 matrices, by either library, beside those in float64.
@Suite struct MatrixProductsTests {
    struct Shape: CustomTestStringConvertible, Sendable {
        let rows: Int, inner: Int, columns: Int
        var testDescription: String { "\(rows) x \(inner) x \(columns)" }
    }

    /// From below the number of multiplications at which oneDNN begins, up to sizes that no vector divides.
    static let shapes = [
        Shape(rows: 3, inner: 5, columns: 7), Shape(rows: 128, inner: 129, columns: 131),
        Shape(rows: 8, inner: 2048, columns: 67), Shape(rows: 2000, inner: 9, columns: 61),
        Shape(rows: 300, inner: 256, columns: 512), Shape(rows: 1501, inner: 33, columns: 70),
        Shape(rows: 20, inner: 1501, columns: 130), Shape(rows: 785, inner: 785, columns: 90),
        Shape(rows: 1 << 20, inner: 1, columns: 2),
    ]

    /// Where the elements of a factor lie.
    enum Storage: CaseIterable { case contiguous, transposed, columnsOfWider, oneRow, oneColumn }

    private func factor(_ rows: Int, _ columns: Int, _ storage: Storage, seed: UInt64) throws -> Tensor {
        let generator = try RandomGenerator(seed: seed)
        return switch storage {
        case .contiguous: .normal([rows, columns], using: generator)
        case .transposed: .normal([columns, rows], using: generator).transposed()
        case .columnsOfWider: Tensor.normal([rows, columns + 3], using: generator)[..., 1..<(columns + 1)]
        case .oneRow: Tensor.normal([1, columns], using: generator).expanded([rows, columns])
        case .oneColumn: Tensor.normal([rows, 1], using: generator).expanded([rows, columns])
        }
    }

    private func wide(_ tensor: Tensor) -> Tensor { tensor.to(dtype: .float64) }

    /// What float32 may lose, whatever the order of the sums: 2^-24 of each magnitude, once a multiplication and addition.
    private func expectNear(
        _ found: Tensor, _ exact: Tensor, magnitudes: Tensor, terms: Int, _ what: Comment
    ) throws {
        let allowed = magnitudes * (Double(terms + 3) * 0x1p-24)
        #expect(found.shape == exact.shape && found.dtype == .float32, what)
        #expect(try ((wide(found) - exact).magnitude() - allowed).largest().item() <= 0, what)
    }

    @Test(arguments: shapes, MatrixProducts.allCases)
    func products(_ shape: Shape, _ library: MatrixProducts) throws {
        for left in Storage.allCases {
            for right in Storage.allCases {
                let a = try factor(shape.rows, shape.inner, left, seed: 1)
                let b = try factor(shape.inner, shape.columns, right, seed: 2)
                let exact = wide(a).matmul(wide(b))
                let magnitudes = wide(a).magnitude().matmul(wide(b).magnitude())
                let product = library.whileUsed { a.matmul(b) }
                try expectNear(product, exact, magnitudes: magnitudes, terms: shape.inner, "\(left) \(right)")
                let into = Tensor.full([shape.rows, shape.columns], .nan)
                try library.whileUsed { () throws(TorchError) in try into.assignProduct(a, b) }
                try expectNear(into, exact, magnitudes: magnitudes, terms: shape.inner, "\(left) \(right)")
            }
        }
    }

    /// beta C + alpha A B with C of every shape that broadcasts, into a new tensor, into another and into C itself.
    @Test(arguments: shapes, MatrixProducts.allCases)
    func productsAddedToAMatrix(_ shape: Shape, _ library: MatrixProducts) throws {
        let a = try factor(shape.rows, shape.inner, .contiguous, seed: 1)
        let b = try factor(shape.inner, shape.columns, .transposed, seed: 2)
        let product = wide(a).matmul(wide(b))
        let sizes = wide(a).magnitude().matmul(wide(b).magnitude())
        let generator = try RandomGenerator(seed: 3)
        for (beta, alpha) in [(1.0, 1.0), (0.75, -2.0), (0.0, 1.5), (1.0, 0.0)] {
            for added in [
                [shape.columns], [1], [], [shape.rows, 1], [1, shape.columns], [shape.rows, shape.columns],
            ] {
                let base = Tensor.normal(added, using: generator)
                let exact = wide(base) * beta + product * alpha
                let magnitudes = wide(base).magnitude() * beta + sizes * abs(alpha)
                let named: [String: OperatorArgument] = ["beta": .real(beta), "alpha": .real(alpha)]
                let made = try library.whileUsed { () throws(TorchError) in
                    try Tensor.call(
                        "aten::addmm", .tensor(base), .tensor(a), .tensor(b), named: named)[0].tensor
                }
                let what: Comment = "\(added) \(beta) \(alpha)"
                try expectNear(made, exact, magnitudes: magnitudes, terms: shape.inner, what)
                let into = Tensor.full(made.shape, .nan)
                try library.whileUsed { () throws(TorchError) in
                    try into.assignSum(base, keeping: beta, addingProduct: a, b, scale: alpha)
                }
                try expectNear(into, exact, magnitudes: magnitudes, terms: shape.inner, what)
                guard base.shape == made.shape else { continue }
                try library.whileUsed { () throws(TorchError) in
                    try base.assignSum(base, keeping: beta, addingProduct: a, b, scale: alpha)
                }
                try expectNear(base, exact, magnitudes: magnitudes, terms: shape.inner, what)
            }
        }
        // What is multiplied by zero is not read.
        let nothing = Tensor.full([shape.columns], .nan)
        let made = try library.whileUsed { () throws(TorchError) in
            try Tensor.call(
                "aten::addmm", .tensor(nothing), .tensor(a), .tensor(b), named: ["beta": 0])[0].tensor
        }
        try expectNear(made, product, magnitudes: sizes, terms: shape.inner, "beta 0")
    }

    @Test(arguments: MatrixProducts.allCases)
    func batches(_ library: MatrixProducts) throws {
        for (count, rows, inner, columns) in [
            (3, 4, 5, 6), (64, 65, 33, 67), (1, 300, 200, 100), (200, 8, 350, 9),
        ] {
            let generator = try RandomGenerator(seed: 4)
            let a = Tensor.normal([count, inner, rows], using: generator).transposed()
            let b = Tensor.normal([count, inner, columns], using: generator)
            let made = library.whileUsed { a.matmul(b) }
            try expectNear(
                made, wide(a).matmul(wide(b)), magnitudes: wide(a).magnitude().matmul(wide(b).magnitude()),
                terms: inner, "\(count) \(rows) \(inner) \(columns)")
        }
    }

    /// A layer's output and gradients, first and second, in float32 beside float64.
    @Test(arguments: MatrixProducts.allCases)
    func passesThroughALayer(_ library: MatrixProducts) throws {
        func passes(_ dtype: DType) throws -> [Tensor] {
            let generator = try RandomGenerator(seed: 5)
            func leaf(_ shape: [Int]) throws -> Tensor {
                try (Tensor.normal(shape, using: generator) * 0.1).to(dtype: dtype).requiringGradient()
            }
            let (input, weight, bias) = try (leaf([16, 64, 96]), leaf([80, 96]), leaf([80]))
            return try library.whileUsed { () throws in
                let loss = input.linear(weight: weight, bias: bias).tanh().squared().sum()
                let first = try gradients(
                    of: loss, withRespectTo: [input, weight, bias], createGraph: true)
                let size = first.compactMap { $0?.squared().sum() }.reduce(
                    Tensor.full([], 0, dtype: dtype), +)
                let second = try gradients(of: size, withRespectTo: [input, weight, bias])
                return [loss] + (first + second).compactMap { $0?.detached() }
            }
        }
        let (exact, found) = try (passes(.float64), passes(.float32))
        #expect(exact.count == 7)
        for (number, (exact, found)) in zip(exact, found).enumerated() {
            let scale = try exact.magnitude().largest().item()
            let error = try (wide(found) - exact).magnitude().largest().item()
            #expect(error <= 1e-5 * scale, "\(number)")
        }
    }

    @Test(arguments: MatrixProducts.allCases)
    func refusesWhatDoesNotFit(_ library: MatrixProducts) throws {
        let (a, b) = (Tensor.ones([200, 200]), Tensor.ones([201, 200]))
        #expect(library.whileUsed { a.matmul(b) }.failure != nil)
        #expect(library.whileUsed { a.matmul(Tensor.ones([200, 200], dtype: .float64)) }.failure != nil)
        #expect(throws: TorchError.self) {
            try library.whileUsed { () throws(TorchError) in try Tensor.ones([3]).assignProduct(a, b) }
        }
    }

    /// The same bits for the same numbers, wherever they lie.
    @Test(arguments: MatrixProducts.allCases)
    func repeats(_ library: MatrixProducts) throws {
        let a = try factor(301, 257, .contiguous, seed: 6)
        let b = try factor(257, 130, .contiguous, seed: 7)
        let first = library.whileUsed { a.matmul(b) }
        for _ in 0..<5 {
            let again = library.whileUsed { a.copy().matmul(b.copy()) }
            #expect(try first.scalars(as: Float.self) == again.scalars(as: Float.self))
        }
    }

    @Test func oneIsInUse() {
        let current = MatrixProducts.current
        #expect(MatrixProducts.statement.contains(current == .oneDNN ? "oneDNN" : "the engine's own"))
        #expect(MatrixProducts.engine.whileUsed { MatrixProducts.current } == .engine)
        #expect(MatrixProducts.current == current)
    }
}
