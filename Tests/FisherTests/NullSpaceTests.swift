import Testing

@testable import Fisher
@testable import FisherInformation

/// Where a Kronecker factor lacks rank, any basis of its null space consists of eigenvectors. Which one a library
/// returns must not matter.
@Suite struct NullSpaceTests {
    private func orthogonal(_ n: Int, _ generator: RandomGenerator) -> Tensor {
        Tensor.normal([n, n], dtype: .float64, using: generator).qr().q
    }

    @Test(arguments: [(9, 2), (9, 5), (9, 9), (24, 13)])
    func theCanonicalBasisIsThatOfTheSpace(_ size: (n: Int, nullity: Int)) throws {
        let (n, nullity) = size
        let generator = try RandomGenerator(seed: 4)
        let vectors = orthogonal(n, generator)
        let values = Tensor((0..<n).map { $0 < nullity ? 0 : Double($0) })
        let turned = Tensor.concatenated(
            [
                vectors.narrowed(1, from: 0, length: nullity).matmul(orthogonal(nullity, generator)),
                vectors.narrowed(1, from: nullity, length: n - nullity),
            ], along: 1)
        let one = try #require(try SafeEigen.canonicalVectors(of: (values, vectors)))
        let two = try #require(try SafeEigen.canonicalVectors(of: (values, turned)))
        // Signs are free.
        let same = one.transposed().matmul(two).magnitude()
        #expect(try (same - .identity(n, dtype: .float64)).norm().item() <= 1e-11)
        // It is a basis of the same space.
        let matrix = (vectors * values).matmul(vectors.transposed())
        let product = matrix.matmul(one.narrowed(1, from: 0, length: nullity))
        #expect(try product.norm().item() <= 1e-12 * Double(n))
    }

    @Test func aCoordinateAxisOfTheNullSpaceIsInItsBasis() throws {
        // The second and the fourth input are always zero, and two samples leave a further dimension.
        let rows = Tensor([1, 0, 2, 0, 1, 3, 0, -1, 0, 2.0], shape: [2, 5])
        let found = try SafeEigen(gram(rows)).canonicalVectors
        for axis in [1, 3] {
            let row = try found.selecting(0, axis).scalars(as: Double.self)
            #expect(row.filter { abs($0) > 1e-12 }.count == 1)
        }
    }

    private func network() throws -> Sequential {
        let generator = try RandomGenerator(seed: 2)
        return Sequential([
            Conv2d(2, 6, kernel: 3, dtype: .float64, using: generator), Tanh(),
            Conv2d(6, 4, kernel: 2, dtype: .float64, using: generator), Tanh(), Flatten(),
            Linear(36, 5, dtype: .float64, using: generator),
        ])
    }

    /// The weights after some steps on batches whose images stand in one order or another: factors differ by rounding,
    /// and what LAPACK returns for their null spaces altogether.
    private func weights(_ steps: Int, _ sharing: WeightSharing, reversed: Bool) throws -> [Tensor] {
        let model = try network()
        let optimizer = try Optimizer(
            for: model,
            try EKFAC(learningRate: 0.1) {
                $0.labels = .exact
                $0.weightSharing = sharing
            })
        let generator = try RandomGenerator(seed: 5)
        for step in 1...steps {
            let images = Tensor.normal([4, 2, 6, 6], dtype: .float64, using: generator)
            let classes = Tensor((0..<4).map { Int64(($0 + step) % 5) }, shape: [4])
            let batch = SupervisedBatch(
                inputs: reversed ? images.reversed(along: 0) : images,
                targets: reversed ? classes.reversed(along: 0) : classes)
            try optimizer.step(on: batch) {
                try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
            }
        }
        return model.parameters.map { $0.parameter.wrappedValue.detached() }
    }

    @Test(arguments: WeightSharing.allCases, [1, 7])
    func roundingDoesNotChooseTheStepsOfEKFAC(_ sharing: WeightSharing, _ steps: Int) throws {
        let start = try network().parameters.map { $0.parameter.wrappedValue.detached() }
        let one = try weights(steps, sharing, reversed: false)
        let two = try weights(steps, sharing, reversed: true)
        for (first, (a, b)) in zip(start, zip(one, two)) {
            let (movement, error) = (try (a - first).norm().item(), try (a - b).norm().item())
            #expect(error <= 1e-8 * movement, "\(error / movement)")
        }
    }
}
