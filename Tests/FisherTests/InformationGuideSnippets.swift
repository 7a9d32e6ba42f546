import Fisher
import FisherInference
import Testing

/// The examples of Information.md, InferenceAndRegimes.md and Diagnostics.md, as they stand there.
@Suite struct InformationGuideSnippets {
    private static func data() throws -> (model: Linear, x: Tensor, y: Tensor, generator: RandomGenerator) {
        let generator = try RandomGenerator(seed: 1)
        let model = Linear(5, 3, dtype: .float64, using: generator)
        let x = Tensor.normal([64, 5], dtype: .float64, using: generator)
        return (model, x, Categorical(logits: model(x)).sample(using: generator), generator)
    }

    /// Information.md
    @Test func sources() throws {
        let (model, x, y, generator) = try Self.data()
        let estimator = try CurvatureEstimator(of: model)
        let found = try estimator.estimate(
            [.diagonal(.exact), .diagonal(.sampled(4)), .diagonal(.empirical), .kronecker(.exact)],
            of: Objective(Categorical(logits: model(x)), observing: y), using: generator)
        guard let exact = found.diagonal(.exact), let drawn = found.diagonal(.sampled(4)),
            let labels = found.diagonal(.empirical), let factors = found.kronecker(.exact)
        else { return }
        print(try drawn.compared(to: exact).cosine, try labels.compared(to: exact).cosine)
        print(factors.uncovered)  // []

        #expect(factors.uncovered.isEmpty)
        #expect(try drawn.compared(to: exact).cosine > 0.95)
        #expect(try drawn.compared(to: exact).relativeDistance < labels.compared(to: exact).relativeDistance)
    }

    /// Information.md
    @Test func adding() throws {
        let (model, x, y, _) = try Self.data()
        let batch = SupervisedBatch(inputs: x, targets: y)
        let (first, second) = (batch.slice(0..<32), batch.slice(32..<64))
        let estimator = try CurvatureEstimator(of: model)

        func estimates(_ batch: SupervisedBatch) throws -> CurvatureEstimates {
            try estimator.estimate(
                [.diagonal(.empirical)],
                of: Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets))
        }
        let total = try estimates(first) + estimates(second)
        print(total.diagonal(.empirical)?.observationCount ?? 0)  // 64

        #expect(total.diagonal(.empirical)?.observationCount == 64)
    }

    /// InferenceAndRegimes.md
    @Test func inference() throws {
        let (model, _) = try LogisticModel.published()
        for _ in 0..<10 { try model.scoringStep() }
        let (layer, x, y) = (model.layer, model.x, model.y)

        let inference = try LikelihoodInference(
            of: layer, on: Objective(Bernoulli(logits: layer(x)), observing: y))
        let test = try LikelihoodInference.informationMatrixTest(of: layer, replicates: 39) {
            try Objective(Bernoulli(logits: layer(x)), observing: y)
        }
        let regime = try inference.regime(test)
        if regime.kind == .covariance {
            let errors = try inference.standardErrors(test)
            let intervals = try inference.confidenceIntervals(level: 0.95, test)
            print(errors.count, intervals.count)
        } else {
            for reason in regime.reasons { print(reason) }
            print(try inference.robustStandardErrors().count)
        }

        #expect(regime.kind == .covariance)
    }

    /// Diagnostics.md
    @Test func inspection() throws {
        let (model, x, y, _) = try Self.data()
        let batches = [SupervisedBatch(inputs: x, targets: y)]

        var inspector = try ModelInspector(of: model, samples: 1, seed: 0)
        for batch in batches {
            try inspector.add(
                Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets))
        }
        let inspection = try inspector.inspection()
        for layer in inspection.layers {
            print(layer.path, layer.block.effectiveRank, layer.diagonalShare, layer.errors.map(\.comparison))
        }

        #expect(inspection.layers.count == 1 && inspection.layers[0].trace > 0)
    }

    /// Diagnostics.md
    @Test func comparisons() throws {
        let (model, x, y, _) = try Self.data()
        let estimator = try CurvatureEstimator(of: model)
        let found = try estimator.estimate(
            [.diagonal(.exact), .diagonal(.empirical), .gradient],
            of: Objective(Categorical(logits: model(x)), observing: y))
        guard let exact = found.diagonal(.exact), let labels = found.diagonal(.empirical),
            let gradient = found.gradient
        else { return }

        let damping = 1e-3
        let distance = try labels.compared(to: exact)
        let step = try InformationComparison(
            labels.step(for: gradient, damping: damping), to: exact.step(for: gradient, damping: damping))
        print(distance.relativeDistance, distance.cosine, step.cosine)

        #expect(distance.relativeDistance > 0 && step.cosine > 0.5)
    }

    /// Diagnostics.md
    @Test func training() throws {
        let (model, x, y, _) = try Self.data()
        let estimator = try CurvatureEstimator(of: model)
        let monitor = try InformationMonitor(of: model)
        var moments: [InformationMoment] = []
        var sensitivity = DecaySensitivity(decays: [0.9, 0.99, 0.999])
        for step in 1...20 {
            let found = try estimator.estimate(
                [.diagonal(.empirical)], of: Objective(Categorical(logits: model(x)), observing: y))
            guard let estimate = found.diagonal(.empirical) else { continue }
            try sensitivity.add(estimate.mean)
            if step.isMultiple(of: 10) {
                moments.append(
                    try monitor.moment(
                        at: step, of: Objective(Categorical(logits: model(x)), observing: y),
                        units: x.shape[0]
                    ).moment)
            }
        }
        print(moments.map { [$0.trace, $0.topEigenvalue, $0.effectiveRank] })

        #expect(moments.count == 2 && sensitivity.count == 20)
    }
}
