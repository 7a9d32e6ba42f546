import Fisher
import Foundation
import Testing

/// Objectives whose products are in bfloat16: what is computed from them is not.
@Suite struct MixedPrecisionTests {
    /// A network with a batch and the objective of it.
    struct Subject {
        let model: any Module
        let objective: () throws -> Objective

        /// A perceptron of three layers, or a GPT of two blocks.
        init(_ name: String) throws {
            let generator = try RandomGenerator(seed: 7)
            if name == "gpt" {
                let model = GPT(
                    .init(vocabulary: 32, context: 16, width: 32, layers: 2, heads: 2), using: generator)
                let tokens = try Self.numbers([8, 16], below: 32, generator)
                let targets = try Self.numbers([8, 16], below: 32, generator)
                self.model = model
                objective = { try Objective(Categorical(logits: model(tokens)), observing: targets) }
            } else {
                let model = Sequential(
                    Linear(10, 16, using: generator), Tanh(), Linear(16, 16, using: generator), GELU(),
                    Linear(16, 5, using: generator))
                let inputs = Tensor.normal([64, 10], using: generator)
                let targets = try Self.numbers([64], below: 5, generator)
                self.model = model
                objective = { try Objective(Categorical(logits: model(inputs)), observing: targets) }
            }
        }

        private static func numbers(_ shape: [Int], below bound: Int, _ generator: RandomGenerator) throws
            -> Tensor
        {
            let drawn = try Tensor.normal(shape, using: generator).scalars(as: Double.self)
            return Tensor(drawn.map { Int64(abs($0) * 1000) % Int64(bound) }, shape: shape)
        }
    }

    /// |a - b| / |b| in the Frobenius norm.
    private static func error(_ a: Tensor, _ b: Tensor) throws -> Double {
        #expect(a.dtype == .float32 && b.dtype == .float32)
        return try (a - b).norm().item() / b.norm().item()
    }

    /// Errors of single elements, about 2^-9 each, in sums of many. A rectifier in place of a smooth function makes them larger
    /// where a unit lies near zero and is switched by the rounding, in PyTorch as here.
    @Test(arguments: ["perceptron", "gpt"], [CurvatureSource.empirical, .exact])
    func statisticsAreThoseOfFloat32(_ name: String, _ source: CurvatureSource) throws {
        if name == "gpt", source == .exact { return }
        let subject = try Subject(name)
        let requests: [CurvatureRequest] = [.diagonal(source), .kronecker(source), .gradient]
        func found(_ precision: ComputePrecision) throws -> CurvatureEstimates {
            try CurvatureEstimator(of: subject.model).estimate(
                requests, of: withAutocast(to: precision) { try subject.objective() })
        }
        let (narrow, wide) = (try found(.bfloat16), try found(.float32))
        let pairs = [
            (try #require(narrow.diagonal(source)).mean, try #require(wide.diagonal(source)).mean),
            (try #require(narrow.gradient), try #require(wide.gradient)),
        ]
        for (a, b) in pairs {
            for (path, tensor) in b {
                #expect(try Self.error(try #require(a[path]), tensor) < 0.02, "\(path)")
            }
        }
        let layers = try #require(wide.kronecker(source)).sums.layers
        #expect(!layers.isEmpty)
        for (path, factors) in layers {
            let own = try #require(narrow.kronecker(source)?.sums.layers[path])
            #expect(try Self.error(own.a, factors.a) < 0.005, "\(path)")
            #expect(try Self.error(own.s, factors.s) < 0.01, "\(path)")
        }
        // The rounding is there.
        #expect(try Self.error(pairs[1].0.values.first!, pairs[1].1[pairs[1].0.keys.first!]!) > 1e-5)
    }

    @Test(arguments: LikelihoodKind.allCases)
    func likelihoodsWidenTheirOutputs(_ kind: LikelihoodKind) throws {
        let outputs = try kind.outputs([3]).to(dtype: .bfloat16)
        let inside = try withAutocast(to: .bfloat16) { try kind(outputs) }
        #expect(inside.outputs.dtype == .float32)
        #expect(try kind(outputs).outputs.dtype == .bfloat16)
    }

    /// Labels that are drawn use the layers again, in the precision of the objective.
    @Test(arguments: SequenceModel.Head.allCases)
    func drawnLabelsOfSequences(_ head: SequenceModel.Head) throws {
        let model = try SequenceModel(head, dtype: .float32)
        let all = try Utterances.padded()
        let batch = Utterances(
            features: all.features.to(dtype: .float32), frameCounts: all.frameCounts, labels: all.labels)
        func diagonal(_ precision: ComputePrecision, _ source: CurvatureSource) throws
            -> [ParameterPath: Tensor]
        {
            let found = try CurvatureEstimator(of: model).estimate(
                [.diagonal(source)], of: withAutocast(to: precision) { try model.objective(batch) },
                using: try RandomGenerator(seed: 2))
            return try #require(found.diagonal(source)).mean
        }
        let (narrow, wide) = (try diagonal(.bfloat16, .empirical), try diagonal(.float32, .empirical))
        for (path, tensor) in wide {
            #expect(try Self.error(try #require(narrow[path]), tensor) < 0.05, "\(path)")
        }
        for (path, tensor) in try diagonal(.bfloat16, .sampled(2)) {
            #expect(tensor.dtype == .float32, "\(path)")
            #expect(try tensor.isFinite().all().item() == 1, "\(path)")
        }
    }

    @Test func stepsInsideOfAutocastAreRefused() throws {
        let subject = try Subject("perceptron")
        let optimizer = try Optimizer(for: subject.model, try SGD(learningRate: 0.1))
        func step() throws { _ = try withAutocast(to: .bfloat16) { try optimizer.step(subject.objective) } }
        let error = #expect(throws: OptimizerError.self) { try step() }
        #expect("\(try #require(error))".contains("set the optimizer's precision instead"))
        #expect(optimizer.updateCount == 0)
    }

    /// A step is that of the gradients in bfloat16, and a second one sees the weights that the first has moved.
    @Test func stepsUseThePrecision() throws {
        let subject = try Subject("perceptron")
        let optimizer = try Optimizer(for: subject.model, try SGD(learningRate: 0.5))
        optimizer.precision = .bfloat16
        let named = subject.model.parameters
        for _ in 0..<2 {
            let objective = try withAutocast(to: .bfloat16) { try subject.objective() }
            let slopes = try gradients(
                of: objective.loss, withRespectTo: named.map(\.parameter.wrappedValue))
            let expected = try zip(named, slopes).map { own, slope in
                try (own.parameter.wrappedValue.detached() - (try #require(slope)) * 0.5).scalars(
                    as: Float.self)
            }
            let report = try optimizer.step(subject.objective)
            #expect(try objective.loss.item() == report.loss)
            for (own, expected) in zip(named, expected) {
                let found: [Float] = try own.parameter.wrappedValue.scalars()
                #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) })
            }
        }
    }

    @Test func descriptionsTellThePrecision() throws {
        let subject = try Subject("perceptron")
        let sgd = try Optimizer(for: subject.model, try SGD(learningRate: 0.1))
        #expect(!sgd.describe().contains("objective"))
        sgd.precision = .bfloat16
        #expect(
            sgd.describe().hasPrefix(
                "objective: matrix products, convolutions and attention in bfloat16 (autocast); weights, normalizations, "
                    + "losses, statistics and rules in float32\n"))
        let newton = try Optimizer(for: subject.model, try GaussNewton(learningRate: 1))
        newton.precision = .bfloat16
        #expect(newton.describe().contains("all in float32 where its second derivatives are taken"))
    }

    /// Products with second derivatives lose most by rounding: such a step is that of float32, to the bit.
    @Test(arguments: ["gauss_newton", "newton"])
    func secondDerivativesAreInFloat32(_ name: String) throws {
        func weights(_ precision: ComputePrecision) throws -> [[Float]] {
            let subject = try Subject("perceptron")
            let optimizer = try Optimizer(for: subject.model, try RuleRegistry.rule(named: name))
            optimizer.precision = precision
            for _ in 0..<2 { try optimizer.step(subject.objective) }
            return try subject.model.parameters.map { try $0.parameter.wrappedValue.scalars() }
        }
        #expect(try weights(.bfloat16) == weights(.float32))
    }
}
