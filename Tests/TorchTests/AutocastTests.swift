import Testing

@testable import Torch

/// Matrix products in bfloat16, and nothing else.
@Suite struct AutocastTests {
    private struct Refused: Error {}

    private static func matrix(_ rows: Int, _ columns: Int, seed: UInt64 = 1) throws -> Tensor {
        .normal([rows, columns], using: try RandomGenerator(seed: seed))
    }

    @Test func scopesEndAsTheyBegan() throws {
        let (a, b) = (try Self.matrix(3, 4), try Self.matrix(4, 2))
        func expect(_ precision: ComputePrecision, _ type: DType) {
            #expect(ComputePrecision.current == precision && a.matmul(b).dtype == type)
        }
        func inner() throws {
            try withAutocast(to: .float32) {
                expect(.float32, .float32)
                throw Refused()
            }
        }
        func outer() throws {
            try withAutocast(to: .bfloat16) {
                #expect(throws: Refused.self) { try inner() }
                expect(.bfloat16, .bfloat16)
                withAutocast(to: .bfloat16) { expect(.bfloat16, .bfloat16) }
                expect(.bfloat16, .bfloat16)
                throw Refused()
            }
        }
        expect(.float32, .float32)
        #expect(throws: Refused.self) { try outer() }
        expect(.float32, .float32)
        withAutocast(to: .float32) { expect(.float32, .float32) }
    }

    /// An operation of float32 tensors, and the type of its result inside.
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let type: DType
        let compute: @Sendable (_ x: Tensor, _ w: Tensor) -> Tensor
        var testDescription: String { name }

        init(_ name: String, _ type: DType, _ compute: @escaping @Sendable (Tensor, Tensor) -> Tensor) {
            (self.name, self.type, self.compute) = (name, type, compute)
        }
    }

    /// What is given a product gets 8 significant bits.
    static let cases = [
        Case("matmul", .bfloat16) { $0.matmul($1) },
        Case("product of batches", .bfloat16) { $0.unsqueezed(0).matmul($1.unsqueezed(0)) },
        Case("linear", .bfloat16) { $0.linear(weight: $1, bias: .zeros([4])) },
        Case("convolution of one dimension", .bfloat16) {
            $0.unsqueezed(0).convolved(weight: $1.unsqueezed(-1), stride: [1], padding: [0], dilation: [1])
        },
        Case("convolution of two dimensions", .bfloat16) {
            $0.reshaped([1, 4, 2, 2]).convolved(
                weight: $1.unflattened(-1, into: [4, 1, 1]), stride: [1, 1], padding: [0, 0],
                dilation: [1, 1])
        },
        Case("softmax of a product", .float32) { ($0 * 3).matmul($1).softmax(along: 0) },
        Case("composed attention", .bfloat16) { x, w in
            let heads = x.reshaped([1, 1, 4, 4])
            return heads.attending(keys: heads, values: w.reshaped([1, 1, 4, 4]), isCausal: true) { weights in
                #expect(weights.dtype == .float32)
                return weights
            }
        },
        Case("layer norm", .float32) { x, w in
            x.matmul(w).layerNormalized(weight: .ones([4]), bias: .zeros([4]), epsilon: 1e-5)
        },
        Case("group norm", .float32) { x, w in
            x.matmul(w).groupNormalized(groups: 2, weight: .ones([4]), bias: .zeros([4]), epsilon: 1e-5)
        },
        Case("batch norm", .float32) { x, w in
            x.matmul(w).batchNormalized(
                weight: .ones([4]), bias: .zeros([4]), runningMean: .zeros([4]), runningVariance: .ones([4]),
                isTraining: true, momentum: 0.1, epsilon: 1e-5)
        },
        Case("softmax", .float32) { $0.matmul($1).softmax(along: -1) },
        Case("logarithm of softmax", .float32) { $0.matmul($1).logSoftmax(along: -1) },
        Case("cross-entropy", .float32) { x, w in
            x.matmul(w).crossEntropySum(targets: Tensor([0, 1, 2, 3] as [Int64], shape: [4]))
        },
        Case("cross-entropy by sample", .float32) { x, w in
            x.matmul(w).crossEntropy(targets: Tensor([0, 1, 2, 3] as [Int64], shape: [4]))
        },
        Case("residual", .float32) { $0 + $0.matmul($1) },
    ]

    @Test(arguments: cases)
    func productsAreRoundedAndNothingElse(_ test: Case) throws {
        let (x, w) = (try Self.matrix(4, 4), try Self.matrix(4, 4, seed: 2))
        let exact = test.compute(x, w)
        let found = withAutocast(to: .bfloat16) { test.compute(x, w) }
        try found.check()
        #expect(found.dtype == test.type && exact.dtype == .float32)
        // A sum of four products, each factor rounded to 8 significant bits.
        let (a, b) = (try exact.scalars(as: Double.self), try found.scalars(as: Double.self))
        let scale = a.map(abs).max() ?? 0
        #expect(zip(a, b).allSatisfy { abs($0 - $1) < 0.05 * scale })
        #expect(a != b)
    }

    /// The engine's attention is slow in bfloat16 where a head has few elements.
    @Test(arguments: [4, 128]) func attentionIsInFloat32(_ positions: Int) throws {
        let heads = try Self.matrix(positions, 32).reshaped([1, 1, positions, 32])
        let found = withAutocast(to: .bfloat16) {
            let narrow = heads.to(dtype: .bfloat16)
            return narrow.attending(keys: narrow, values: narrow, isCausal: true)
        }
        let rounded = heads.to(dtype: .bfloat16).to(dtype: .float32)
        let exact = rounded.attending(keys: rounded, values: rounded, isCausal: true)
        #expect(found.dtype == .float32)
        #expect(try found.scalars(as: Float.self) == exact.scalars(as: Float.self))
    }

    @Test func float64IsNotCast() throws {
        let x = Tensor.normal([4, 4], dtype: .float64, using: try RandomGenerator(seed: 1))
        let found = withAutocast(to: .bfloat16) { x.matmul(x).softmax(along: -1) }
        #expect(found.dtype == .float64)
        #expect(try found.scalars(as: Double.self) == x.matmul(x).softmax(along: -1).scalars(as: Double.self))
    }

    /// A weight is cast once in a scope: its later changes are not seen there, and are in the next.
    @Test func aTrainableWeightIsCastOnce() throws {
        let x = try Self.matrix(2, 3)
        let weight = try Self.matrix(4, 3, seed: 2).requiringGradient()
        func productsAroundAChange() throws -> [Tensor] {
            try weight.detached().fill(1)
            let before = x.linear(weight: weight)
            try weight.detached().fill(0)
            return [before, x.linear(weight: weight)]
        }
        // Other threads that leave a scope meanwhile empty the engine's memory of casts, which is one for all.
        let isKept = try (0..<100).contains { _ in
            let found = try withAutocast(to: .bfloat16, productsAroundAChange)
            return try found[1].scalars(as: Double.self) == found[0].scalars(as: Double.self)
        }
        #expect(isKept)
        let next = withAutocast(to: .bfloat16) { x.linear(weight: weight) }
        #expect(try next.scalars(as: Double.self).allSatisfy { $0 == 0 })
    }

    /// The cast of a weight that nobody recorded is not used where gradients are: it has none.
    @Test func weightsUsedWithoutGradientsFirstHaveThem() throws {
        let x = try Self.matrix(5, 3)
        let weight = try Self.matrix(4, 3, seed: 2).requiringGradient()
        let loss = withAutocast(to: .bfloat16) {
            _ = withoutGradients { x.linear(weight: weight) }
            return x.linear(weight: weight).to(dtype: .float32).squared().sum()
        }
        let found = try #require(try gradients(of: loss, withRespectTo: [weight])[0])
        let exact = try gradients(of: x.linear(weight: weight).squared().sum(), withRespectTo: [weight])[0]
        #expect(found.dtype == .float32)
        let (a, b) = (try found.scalars(as: Double.self), try #require(exact).scalars(as: Double.self))
        let scale = b.map(abs).max() ?? 0
        #expect(zip(a, b).allSatisfy { abs($0 - $1) < 0.03 * scale })
    }

    @Test(arguments: [
        ("flags\t\t: fpu sse2 avx512_bf16 amx_bf16 avx512f\n", ["avx512_bf16", "amx_bf16"]),
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_vnni\nflags\t\t: avx512_bf16\n", []),
        ("Features\t: fp asimd bf16 i8mm\n", ["bf16"]), ("", []),
    ])
    func instructionsAreRead(_ text: String, _ expected: [String]) {
        #expect(Bfloat16Instructions.names(in: text) == expected)
        #expect((Bfloat16Instructions.complaint(expected) == nil) == !expected.isEmpty)
    }
}
