import Fisher
import Testing

/// An inspection against the estimates of which it is made.
@Suite struct InspectionTests {
    private func inspected(
        _ network: InformationTests.Network, samples: Int, parts: [Range<Int>]
    ) throws -> ModelInspection {
        let (model, batch, logits) = try network.make()
        var inspector = try ModelInspector(of: model, samples: samples, seed: 5)
        for part in parts {
            let slice = batch.slice(part)
            try inspector.add(Objective(Categorical(logits: logits(slice.inputs)), observing: slice.targets))
        }
        return try inspector.inspection()
    }

    /// With the closed form nothing is drawn, so that batches and the whole give the same numbers, and these are
    /// those of the estimator.
    @Test(arguments: [InformationTests.Network.positions, .twice])
    func numbersAreThoseOfTheEstimates(_ network: InformationTests.Network) throws {
        let (model, batch, logits) = try network.make()
        let whole = try inspected(network, samples: 0, parts: [0..<6])
        let parts = try inspected(network, samples: 0, parts: [0..<2, 2..<6])
        #expect(whole.source == .exact && whole.observationCount == parts.observationCount)
        let estimator = try CurvatureEstimator(of: model)
        let forward = { Categorical(logits: logits(batch.inputs)) }
        let exact = try #require(
            try estimator.estimate([.diagonal(.exact)], of: Objective(forward(), observing: batch.targets))
                .diagonal(.exact))
        let labels = try #require(
            try estimator.estimate(
                [.diagonal(.empirical)], of: Objective(forward(), observing: batch.targets)
            ).diagonal(.empirical))
        let factors = try #require(
            try estimator.estimate([.kronecker(.exact)], of: Objective(forward(), observing: batch.targets))
                .kronecker(.exact))
        for (layer, other) in zip(whole.layers, parts.layers) {
            let paths = model.parameters.map(\.path).filter { $0.parent == layer.path }
            let trace = try paths.reduce(0.0) { $0 + (try #require(exact.mean[$1]).sum().item()) }
            #expect(abs(layer.trace - trace) <= 1e-12 * trace)
            #expect(abs(other.trace - trace) <= 1e-12 * trace)
            let comparison = try InformationComparison(labels.mean, to: exact.mean, of: paths)
            #expect(abs(layer.diagonalComparison.relativeDistance - comparison.relativeDistance) < 1e-12)
            #expect(
                layer.parameterCount
                    == model.parameters.filter { $0.path.parent == layer.path }.reduce(0) {
                        $0 + $1.parameter.wrappedValue.count
                    })
            guard let own = factors.layers[layer.path] else {
                #expect(layer.factors == nil && layer.kind == "LayerNorm")
                continue
            }
            let found = try #require(layer.factors)
            #expect(try (found.inputs.matrix - own.a).norm().item() < 1e-12)
            #expect(try (found.outputs.matrix - own.s).norm().item() < 1e-12)
            // Under the model's own labels the mean output gradient is zero.
            #expect(found.outputs.share.centred == found.outputs.share.raw)
            let rank = try Spectrum(of: own.a).effectiveRank * Spectrum(of: own.s).effectiveRank
            #expect(abs(found.effectiveRank - rank) < 1e-9)
            let otherShare = try #require(other.factors?.inputs.share.centred)
            #expect(abs(try #require(found.inputs.share.centred) - otherShare) < 1e-9)
            // The trailing 1 of the bias has the mean 1: its row vanishes, and A's last column is the mean.
            if paths.count == 2 {
                let size = own.a.shape[0]
                let mean = own.a.narrowed(1, from: size - 1, length: 1).flattened()
                let expected = try DiagonalShare(of: own.a, mean: mean).centred
                #expect(abs(try #require(found.inputs.share.centred) - (try #require(expected))) < 1e-9)
            }
        }
        #expect(Set(whole.layers.map(\.path)) == Set(model.parameters.map(\.path.parent)))
    }

    /// Draws are seeded; the mean of the drawn output gradients is subtracted from the very factors drawn.
    @Test func drawsAreSeeded() throws {
        func traces(_ seed: UInt64) throws -> [Double] {
            let (model, batch, logits) = try InformationTests.Network.perceptron.make()
            var inspector = try ModelInspector(of: model, samples: 2, seed: seed)
            try inspector.add(Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets))
            let found = try inspector.inspection()
            #expect(found.source == .sampled(2))
            return found.layers.map(\.trace) + found.layers.compactMap { $0.factors?.outputs.share.centred }
        }
        #expect(try traces(1) == traces(1))
        #expect(try traces(1) != traces(2))
        let (model, _, _) = try InformationTests.Network.perceptron.make()
        #expect(throws: CurvatureError.self) { try ModelInspector(of: model).inspection() }
    }

    /// A tied GPT: the embedding is the head, and every layer is there, with factors or named as without.
    @Test func aTiedGPTIsInspected() throws {
        let found = try inspected(.tiedGPT, samples: 1, parts: [0..<4])
        let without = found.layers.filter { $0.factors == nil }.map(\.path.description)
        #expect(
            without == [
                "tokenEmbedding", "positionEmbedding", "blocks.0.attentionNorm", "blocks.0.feedForwardNorm",
                "finalNorm",
            ])
        #expect(found.layers.count == 9)
        #expect(found.leastInformed.rows.count == found.layers.count * 2 - 2)
    }
}
