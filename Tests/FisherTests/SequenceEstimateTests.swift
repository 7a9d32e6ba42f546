import Fisher
import FisherInformation
import Foundation
import Testing

/// Estimates of the information of label sequences: by brute force, padded as packed, and in all rules.
@Suite struct SequenceEstimateTests {
    /// -log p of each utterance's labels.
    private func losses(_ likelihood: any Samplable, _ labels: LabelSequences) throws -> Tensor {
        func made<Model: Samplable>(_ likelihood: Model) throws -> Tensor {
            likelihood.perObservationNegativeLogLikelihood(
                of: try #require(labels as? Model.Observation))
        }
        return try made(likelihood)
    }

    /// The gradients of each utterance, by autograd, an utterance at a time and without padding: [utterances, parameters].
    private func rows(_ model: SequenceModel, _ batch: Utterances, _ labels: LabelSequences) throws -> Tensor
    {
        let tensors = model.parameters.map(\.parameter.wrappedValue)
        return .stacked(
            try batch.frameCounts.indices.map { number in
                let one = batch.packed(number)
                let loss = try losses(
                    model.likelihood(one.features, one.frameCounts), labels.slice(number..<number + 1))
                return .concatenated(
                    try zip(gradients(of: loss.sum(), withRespectTo: tensors), tensors).map {
                        ($0 ?? .zeros(like: $1.detached())).flattened()
                    })
            })
    }

    private func drawn(_ model: SequenceModel, _ batch: Utterances, _ generator: RandomGenerator) throws
        -> LabelSequences
    {
        func draw<Model: Samplable>(_ likelihood: Model) throws -> LabelSequences {
            try #require(likelihood.sample(using: generator) as? LabelSequences)
        }
        return try draw(model.likelihood(batch.features, batch.frameCounts))
    }

    private func expectEqual(_ a: Tensor?, _ b: Tensor, _ name: String, within bound: Double = 1e-10) throws {
        let a = try #require(a)
        let scale = max(try b.largestMagnitude(), 1e-12)
        #expect(a.shape == b.shape, "\(name)")
        let error = try (a - b).largestMagnitude() / scale
        #expect(error <= bound, "\(name): \(error)")
    }

    @Test(arguments: SequenceModel.Head.allCases, [CurvatureSource.empirical, .sampled(2), .minibatch])
    func estimatesAreMadeOfTheUtterancesGradients(_ head: SequenceModel.Head, _ source: CurvatureSource)
        throws
    {
        let (model, batch) = (try SequenceModel(head), try Utterances.padded())
        let count = Double(batch.unitCount)
        // The same generator gives the same labels here and there.
        let generator = try RandomGenerator(seed: 9)
        var blocks: [Tensor] = []
        if case .sampled(let draws) = source {
            let numbers = try UnitDraws(from: generator)
            for draw in 0..<draws {
                let own = try numbers.generator(draw: draw, of: draws, units: batch.unitCount)
                blocks.append(try rows(model, batch, try drawn(model, batch, own)))
            }
        } else {
            blocks = [try rows(model, batch, batch.labels)]
        }
        var matrix =
            blocks.map { $0.transposed().matmul($0) }.reduce(blocks[0].transposed().matmul(blocks[0]) * 0, +)
            / (count * Double(blocks.count))
        if source == .minibatch {
            let mean = blocks[0].mean(along: 0)
            matrix = mean.unsqueezed(1) * mean.unsqueezed(0)
        }
        let requests: [CurvatureRequest] = [
            .full(source), .diagonal(source), .blocks(source), .products(source), .lowRank(2, source),
        ]
        let found = try CurvatureEstimator(of: model).estimate(
            requests, of: model.objective(batch), using: RandomGenerator(seed: 9))
        try expectEqual(found.full(source)?.mean, matrix, "full")
        let size = matrix.shape[0]
        let diagonal = (matrix * .identity(size, dtype: .float64)).sum(along: 1)
        let means = try #require(found.diagonal(source)).mean
        try expectEqual(
            .concatenated(model.parameters.compactMap { means[$0.path]?.flattened() }), diagonal, "diagonal")
        let vector = Tensor.normal([size], dtype: .float64, using: try RandomGenerator(seed: 1))
        let products = try #require(found.products(source))
        try expectEqual(
            products(vector), matrix.matmul(vector.unsqueezed(1)).flattened(),
            "products")
        let pairs = try #require(found.lowRank(2, source)).values
        // A mean gradient has one direction.
        #expect(pairs.count == (source == .minibatch ? 1 : 2))
        let quotient =
            try (vector * (try products(vector))).sum().item() / (try vector.squared().sum().item())
        #expect(try #require(pairs.max()) >= quotient)
        let trace = try #require(found.blocks(source)).blocks.map {
            ($0.mean * .identity($0.mean.shape[0], dtype: .float64)).sum()
        }
        #expect(
            abs(try trace.reduce(.zeros([], dtype: .float64), +).item() - (try diagonal.sum().item())) < 1e-10
        )
    }

    /// K-FAC's factors of the encoder, whose inputs are the frames that count, and of all layers padded as packed: the
    /// estimates of a padded batch are the sums of those of its utterances by themselves.
    @Test(arguments: SequenceModel.Head.allCases, WeightSharing.allCases)
    func factorsLeaveOutPadding(_ head: SequenceModel.Head, _ sharing: WeightSharing) throws {
        let (model, batch) = (try SequenceModel(head), try Utterances.padded())
        let source = CurvatureSource.empirical
        let requests: [CurvatureRequest] = [
            .kronecker(source, sharing), .kroneckerDiagonal(source, sharing), .layerMeans(source),
        ]
        func values(_ found: CurvatureEstimates) throws -> [String: Tensor] {
            var values: [String: Tensor] = [:]
            for (name, factors) in [
                ("kronecker", found.kronecker(source, sharing)),
                ("diagonals", found.kroneckerDiagonal(source, sharing)),
            ] {
                for (path, layer) in try #require(factors).layers {
                    values["\(name) A \(path)"] = layer.inputs
                    values["\(name) S \(path)"] = layer.outputs
                    values["\(name) count \(path)"] = Tensor([Double(layer.inputCount)])
                }
            }
            for (path, layer) in try #require(found.layerMeans(source)).sums {
                values["means a \(path)"] = layer.inputs
                values["means s \(path)"] = layer.outputs
                values["means count \(path)"] = Tensor([Double(layer.rowCount)])
            }
            return values
        }
        let estimator = try CurvatureEstimator(of: model)
        let padded = try values(estimator.estimate(requests, of: model.objective(batch)))
        var sums: [String: Tensor] = [:]
        for number in 0..<batch.unitCount {
            let one = batch.packed(number)
            for (name, value) in try values(estimator.estimate(requests, of: model.objective(one))) {
                sums[name] = sums[name].map { $0 + value } ?? value
            }
        }
        #expect(padded.keys == sums.keys)
        #expect(padded.keys.contains { $0.contains("recurrent") } == (head == .transducer))
        for (name, value) in sums { try expectEqual(padded[name], value, name, within: 1e-9) }
        let frames = batch.frameCounts.reduce(0, +)
        let expected = sharing == .expand ? frames : batch.unitCount
        #expect(try padded["kronecker count encoder"]?.item() == Double(expected))
    }

    /// Padding changes neither the draws nor what is estimated from them, in any structure.
    @Test(arguments: SequenceModel.Head.allCases)
    func sampledEstimatesAreThoseOfThePackedUtterances(_ head: SequenceModel.Head) throws {
        let model = try SequenceModel(head)
        let wide = try Utterances.padded()
        let padded = Utterances(features: wide.features, frameCounts: [3, 3, 3, 3], labels: wide.labels)
        let packed = Utterances(
            features: wide.features.narrowed(1, from: 0, length: 3), frameCounts: [3, 3, 3, 3],
            labels: wide.labels)
        let source = CurvatureSource.sampled(2)
        let requests: [CurvatureRequest] = [
            .full(source), .kronecker(source), .eigenvalueCorrected(source), .perSampleGradients(source),
            .unitGradients(source, units: 3),
        ]
        let found = try [padded, packed].map {
            batch in
            try CurvatureEstimator(of: model).estimate(
                requests, of: model.objective(batch), using: RandomGenerator(seed: 2))
        }
        try expectEqual(
            found[0].full(source)?.mean, try #require(found[1].full(source)).mean, "full")
        for (path, layer) in try #require(found[1].kronecker(source)).layers {
            let own = try #require(found[0].kronecker(source)?.layers[path])
            try expectEqual(own.a, layer.a, "A \(path)", within: 1e-9)
            try expectEqual(own.s, layer.s, "S \(path)", within: 1e-9)
        }
        for (path, layer) in try #require(found[1].eigenvalueCorrected(source)).layers {
            let own = try #require(found[0].eigenvalueCorrected(source)?.layers[path])
            let one = Tensor.ones(
                [layer.basis.outputs.shape[0], layer.basis.inputs.shape[0]], dtype: .float64)
            try expectEqual(
                own.solving(one, damping: 0.1), layer.solving(one, damping: 0.1), "ekfac \(path)",
                within: 1e-9)
        }
        let grams = try found.map { try #require(try $0.perSampleGradients(source)?.gram()) }
        try expectEqual(grams[0], grams[1], "gram")
    }

    @Test(arguments: SequenceModel.Head.allCases)
    func theHessianIsThatOfTheLoss(_ head: SequenceModel.Head) throws {
        let (model, batch) = (try SequenceModel(head), try Utterances.padded())
        let found = try CurvatureEstimator(of: model).estimate([.hessian], of: model.objective(batch))
        let product = try #require(found.hessian)
        let tensors = model.parameters.map(\.parameter)
        let vector = Tensor.normal([product.size], dtype: .float64, using: try RandomGenerator(seed: 1))
        let exact = try product(vector)
        func slope(_ step: Double) throws -> Tensor {
            var start = 0
            for parameter in tensors {
                let count = parameter.wrappedValue.count
                let change = vector.narrowed(0, from: start, length: count).reshaped(
                    parameter.wrappedValue.shape)
                try parameter.assign(parameter.wrappedValue.detached() + change * step)
                start += count
            }
            let loss = try model.objective(batch).loss
            return .concatenated(
                try gradients(of: loss, withRespectTo: tensors.map(\.wrappedValue)).map {
                    try #require($0).flattened()
                })
        }
        let step = 1e-5
        let forward = try slope(step)
        let backward = try slope(-2 * step)
        try expectEqual(exact, (forward - backward) / (2 * step), "Hessian", within: 1e-6)
    }

    @Test(arguments: SequenceModel.Head.allCases)
    func theClosedFormIsRefusedWithItsReason(_ head: SequenceModel.Head) throws {
        let (model, batch) = (try SequenceModel(head), try Utterances.padded())
        let name = head == .temporal ? "ConnectionistTemporal" : "Transducer"
        for source in [CurvatureSource.exact, .gaussNewton] {
            for request in [CurvatureRequest.diagonal(source), .products(source)] {
                let error = #expect(throws: CurvatureError.self) {
                    try CurvatureEstimator(of: model).estimate([request], of: model.objective(batch))
                }
                #expect(
                    error?.description.contains("\(name) has no Fisher information in closed form") == true)
            }
        }
    }

    /// Two steps of every rule, its closed form replaced by draws. Gauss-Newton is nothing but a closed form,
    /// and iEF needs outputs, of which a transducer has no single tensor.
    @Test(arguments: SequenceModel.Head.allCases, RuleRegistry.rules.map { $0.summary.name })
    func everyRuleTakesTwoSteps(_ head: SequenceModel.Head, _ name: String) throws {
        let (model, batch) = (try SequenceModel(head), try Utterances.padded())
        var rule = try RuleRegistry.rule(named: name)
        for option in ["source", "labels"] where rule.settings.contains(where: { $0.name == option }) {
            try rule.set(option, to: "sampled")
        }
        let optimizer = try Optimizer(for: model, rule)
        let before = try model.parameters.map { try $0.parameter.wrappedValue.scalars(as: Double.self) }
        func step() throws { try optimizer.step(on: batch) { try model.objective($0) } }
        let refusals = [
            "gauss_newton": "has no Fisher information in closed form",
            "ief": head == .transducer ? "the likelihood does not expose its outputs" : nil,
        ]
        if let refusal = refusals[name] ?? nil {
            let error = #expect(throws: CurvatureError.self) { try step() }
            #expect(error?.description.contains(refusal) == true, "\(error?.description ?? "")")
            return
        }
        try step()
        try step()
        let after = try model.parameters.map { try $0.parameter.wrappedValue.scalars(as: Double.self) }
        #expect(after.allSatisfy { $0.allSatisfy(\.isFinite) })
        #expect(zip(before, after).allSatisfy { $0 != $1 }, "a parameter did not move")
    }

    /// FAdam's three diagonals take a step each.
    @Test(arguments: SequenceModel.Head.allCases, ["minibatch", "empirical", "sampled"])
    func theMetricTakesAnySource(_ head: SequenceModel.Head, _ source: String) throws {
        let (model, batch) = (
            try SequenceModel(head, dtype: .float32), try Utterances.padded(dtype: .float32)
        )
        var rule = try RuleRegistry.rule(named: "fadam")
        if source != "minibatch" { rule = try RuleRegistry.rule(named: "diagonal_natural_gradient") }
        if rule.settings.contains(where: { $0.name == "source" }) { try rule.set("source", to: source) }
        let optimizer = try Optimizer(for: model, rule)
        let first = try optimizer.step(on: batch) { try model.objective($0) }
        for _ in 0..<3 { try optimizer.step(on: batch, microBatches: 2) { try model.objective($0) } }
        #expect(try model.objective(batch).loss.item().isFinite)
        _ = first
    }
}
