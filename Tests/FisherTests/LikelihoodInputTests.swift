import Fisher
import Foundation
import Testing

/// Masks, values out of range and shapes that do not fit.
@Suite struct LikelihoodInputTests {
    /// Whatever stands at a masked position, nothing depends on it.
    private func checkMask<Model: ClosedFormFisher & Samplable>(
        _ make: (Tensor) throws -> Model, _ observed: Model.Observation, masked: Tensor, counting count: Int
    ) throws {
        let generator = try RandomGenerator(seed: 4)
        let shape = [4, 3]
        let z = Tensor.normal(shape, dtype: .float64, using: generator)
        let v = Tensor.normal(shape, dtype: .float64, using: generator)
        let other = Tensor.normal(shape, dtype: .float64, using: generator)
        let noise = Tensor.zeros(like: z).masked(masked, with: 7) * Tensor.normal(like: z, using: generator)
        func answers(_ z: Tensor) throws -> [Tensor] {
            let outputs = try z.copy().requiringGradient()
            let likelihood = try make(outputs)
            let loss = likelihood.negativeLogLikelihood(of: observed)
            let found = try #require(try gradients(of: loss, withRespectTo: [outputs])[0])
            return [
                loss, found, likelihood.perObservationNegativeLogLikelihood(of: observed),
                try likelihood.outputHessianProduct(of: observed, v),
                likelihood.outputFisherProduct(v, observing: observed),
                likelihood.outputFisherFactor(1, observing: observed),
                likelihood.divergence(from: try make(other), observing: observed),
            ]
        }
        let (before, after) = (try answers(z), try answers(z + noise))
        for (k, pair) in zip(before, after).enumerated() {
            #expect(
                try LikelihoodValueTests.values(pair.0) == LikelihoodValueTests.values(pair.1), "answer \(k)")
        }
        let gradientAtMask = before[1] * Tensor.zeros(like: z).masked(masked, with: 1)
        #expect(try gradientAtMask.magnitude().max().item() == 0)
        #expect(try before[4].magnitude().max().item() > 0)

        let likelihood = try make(z)
        #expect(try likelihood.observationCount(of: observed) == count)
        let sampled = likelihood.sample(like: observed, using: try RandomGenerator(seed: 5))
        #expect(try likelihood.observationCount(of: sampled) == count)
        let mask = try #require(likelihood.maskedOutputs(of: sampled))
        let same = Tensor.zeros(like: z).masked(mask, with: 1)
        #expect(
            try LikelihoodValueTests.values(same)
                == LikelihoodValueTests.values(Tensor.zeros(like: z).masked(masked, with: 1)))
    }

    @Test func maskedClasses() throws {
        let targets = Tensor([0, -100, 2, -100] as [Int64])
        let masked = Tensor([false, true, false, true], shape: [4, 1])
        try checkMask(Categorical.init(logits:), targets, masked: masked, counting: 2)
        try checkMask(
            { try TwoHot(logits: $0, bins: [0, 1, 2]) }, .bins(targets), masked: masked, counting: 2)
    }

    /// A row of bits counts where one of them was observed.
    @Test func maskedBits() throws {
        let targets = Tensor([0, 1, -100, -100, -100, -100, 1, 1, 0, -100, 0, 1.0], shape: [4, 3])
        try checkMask(
            Bernoulli.init(logits:), targets, masked: targets.equals(-100), counting: 3)
    }

    @Test func nothingObservedCountsNothing() throws {
        let targets = Tensor([-100, -100] as [Int64])
        let objective = try Objective(
            Categorical(logits: .ones([2, 3])), observing: targets)
        #expect(objective.observationCount == 0)
        #expect(try objective.loss.item() == 0)
        #expect(try Gaussian(mean: .ones([0, 3])).observationCount(of: .ones([0, 3])) == 0)
        #expect(try Bernoulli(logits: .ones([0, 3])).negativeLogLikelihood(of: .ones([0, 3])).item() == 0)
    }

    @Test(arguments: [0, -1, -0.0, Double.nan, .infinity])
    func variancesMustBePositive(_ variance: Double) {
        let error = #expect(throws: LikelihoodError.self) {
            try Gaussian(mean: .ones([1, 1]), variance: variance)
        }
        #expect(error?.description.contains("variance") == true)
    }

    @Test(
        arguments: [[], [1], [0, 0], [1, 0], [0, .nan], [0, .infinity], [-1e308, 1e308]] as [[Double]])
    func binsMustAscend(_ bins: [Double]) {
        #expect(throws: LikelihoodError.self) {
            try TwoHot(logits: .ones([1, max(bins.count, 1)]), bins: bins)
        }
    }

    private func expectFailure(_ tensor: Tensor, naming words: String...) {
        let message = tensor.failure?.message ?? "no failure"
        for word in words { #expect(message.contains(word), "\(message)") }
    }

    @Test func targetsOutOfRange() throws {
        expectFailure(
            Categorical(logits: .ones([2, 3])).negativeLogLikelihood(of: Tensor([0, 3] as [Int64])),
            naming: "Target 3 is out of bounds")
        expectFailure(
            Categorical(logits: .ones([1, 3])).negativeLogLikelihood(of: Tensor([0.0])), naming: "float64")
        expectFailure(
            Bernoulli(logits: .ones([1, 2])).negativeLogLikelihood(of: Tensor([0, 2.0], shape: [1, 2])),
            naming: "Bernoulli", "largest 2.0")
        let twoHot = try TwoHot(logits: .ones([2, 2]), bins: [0, 1])
        expectFailure(
            twoHot.negativeLogLikelihood(of: .values(Tensor([0.5, -0.25]))), naming: "TwoHot", "-0.25")
        expectFailure(
            twoHot.negativeLogLikelihood(of: .values(Tensor([0.5, .nan]))), naming: "TwoHot", "nan")
        expectFailure(
            LogitLaplace(locationAndLogScale: .ones([1, 2])).negativeLogLikelihood(
                of: Tensor([255.0], shape: [1, 1])),
            naming: "LogitLaplace")
        let error = #expect(throws: TorchError.self) {
            try Objective(Bernoulli(logits: .ones([1, 1])), observing: .full([1, 1], -1))
        }
        #expect(error?.message.contains("Bernoulli") == true)
    }

    /// Shapes that broadcasting would take are refused too: [n, 1] against [n] is a classic.
    @Test func shapesMustAgree() throws {
        let column = Tensor.ones([3, 1])
        expectFailure(Gaussian(mean: column).negativeLogLikelihood(of: .ones([3])), naming: "[3]", "[3, 1]")
        expectFailure(Bernoulli(logits: column).negativeLogLikelihood(of: .ones([3])), naming: "[3]")
        expectFailure(
            Categorical(logits: column).negativeLogLikelihood(of: .zeros([3, 1], dtype: .int64)),
            naming: "[3, 1]")
        expectFailure(Gaussian(meanAndLogVariance: .ones([2, 3])).outputs, naming: "multiple of 2")
        expectFailure(LogitLaplace(location: column, logScale: .ones([3])).outputs, naming: "log-scales")
        expectFailure(Categorical(logits: .full([], 1)).outputs, naming: "last axis")
        expectFailure(Categorical(pixelLogits: .ones([1, 255, 2, 2])).outputs, naming: "256")
        expectFailure(try TwoHot(logits: .ones([2, 3]), bins: [0, 1]).outputs, naming: "2 bins")
        #expect(throws: TorchError.self) { try Gaussian(mean: column).observationCount(of: .ones([3])) }
        let bins = try TwoHot(logits: .ones([1, 2]), bins: [0, 1])
        let others = try TwoHot(logits: .ones([1, 2]), bins: [0, 2])
        expectFailure(bins.divergence(from: others), naming: "bins")
    }

    /// A failed output stays the reason everywhere; nothing traps.
    @Test(arguments: LikelihoodKind.allCases)
    func aFailedModelIsReported(_ kind: LikelihoodKind) throws {
        let reason = TorchError(message: "the model broke")
        try checkFailed(try kind(Tensor(failed: reason)), reason)
        let good = try kind(try kind.outputs([2]))
        expectFailure(good.outputFisherProduct(.ones([2, 99])), naming: "99")
    }

    private func checkFailed<Model: ClosedFormFisher & Samplable>(
        _ likelihood: Model, _ reason: TorchError
    ) throws {
        let draw = likelihood.sample(using: try RandomGenerator(seed: 0))
        let v = Tensor.ones([1, 1])
        #expect(likelihood.outputs.failure == reason)
        #expect(likelihood.negativeLogLikelihood(of: draw).failure == reason)
        #expect(likelihood.outputFisherProduct(v).failure == reason)
        #expect(likelihood.outputFisherFactors().map(\.failure) == [reason])
        #expect(likelihood.divergence(from: likelihood).failure == reason)
        #expect(likelihood.divergence(from: likelihood, observing: draw).failure == reason)
        #expect(throws: (any Error).self) { try likelihood.observationCount(of: draw) }
        #expect(throws: (any Error).self) { try likelihood.outputHessianProduct(of: draw, v).check() }
    }
}
