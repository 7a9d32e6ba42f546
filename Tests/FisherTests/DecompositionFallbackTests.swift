import Testing

@testable import Fisher
@testable import FisherInformation

/// What happens when a decomposition fails its check: larger damping, then the diagonal, and a count.
@Suite struct DecompositionFallbackTests {
    static func matrix() throws -> Tensor {
        let x = Tensor.normal([6, 20], using: try RandomGenerator(seed: 1))
        return x.matmul(x.transposed())
    }

    @Test func aGoodDecompositionIsTakenAsItIs() throws {
        let matrix = try Self.matrix()
        let (root, fallbacks) = InverseRoot(power: 0.25, epsilon: 0)(matrix)
        #expect(fallbacks == 0)
        let fourth = root.matmul(root).matmul(root.matmul(root))
        #expect(try (fourth.matmul(matrix) - .identity(6)).norm().item() < 1e-3)
    }

    /// Wrong vectors in float32 only: float64 with larger damping answers.
    @Test func largerDampingIsTheFirstWayOut() throws {
        let matrix = try Self.matrix()
        let root = InverseRoot(power: 0.5, epsilon: 0) { m in
            let (values, vectors) = m.symmetricEigen()
            return (values, m.dtype == .float32 ? vectors * 1.01 : vectors)
        }
        let (found, fallbacks) = root(matrix)
        #expect(fallbacks == 1 && found.dtype == .float32)
        let exact = InverseRoot(power: 0.5, epsilon: 0)(matrix).root
        let difference = try (found - exact).norm().item() / exact.norm().item()
        #expect(difference > 1e-6 && difference < 0.1)
    }

    @Test(arguments: [true, false])
    func theDiagonalIsTheLast(_ fails: Bool) throws {
        let root = InverseRoot(power: 0.5, epsilon: 0) { m in
            let bad = fails ? Tensor(failed: TorchError(message: "did not converge")) : m * .nan
            return (fails ? bad : bad.sum(along: 0), bad)
        }
        let (found, fallbacks) = root(Tensor([4, 1, 1, 9] as [Double], shape: [2, 2]))
        #expect(fallbacks == 2)
        let answer = try found.scalars(as: Double.self)
        #expect(zip(answer, [0.5, 0, 0, 1 / 3.0]).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    /// A rule whose every step falls back twice.
    struct Falling: TensorRule {
        var learningRate: Schedule = 1
        static let summary = RuleSummary(
            name: "falling", title: "Falling", source: "none", structure: "none", power: "0",
            momentum: "none", stateBytes: "0", cost: "P", neglects: "everything", reference: "none")

        func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
            ParameterUpdate(change: -input.gradient, fallbackCount: 2)
        }
    }

    @Test func theReportCountsThem() throws {
        let parameters = try RuleConformanceTests.parameters(.float32)
        let gradients = try RuleConformanceTests.gradients(parameters, scale: 1, seed: 1)
        let falling = try Optimizer(parameters: parameters, groups: [.init(.rest, Falling())])
        #expect(try falling.update(with: gradients).fallbackCount == 2 * parameters.count)
        let sound = try Optimizer(parameters: parameters, groups: [.init(.rest, Shampoo())])
        #expect(try sound.update(with: gradients).fallbackCount == 0)
    }
}
