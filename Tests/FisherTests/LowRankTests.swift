import Fisher
import Foundation
import Testing

/// Low-rank updates: what they compute, what is trained, and the penalty on the merged change.
@Suite struct LowRankTests {
    static func model(_ generator: RandomGenerator, dtype: DType = .float64) -> GPT {
        GPT(
            GPT.Configuration(vocabulary: 7, context: 5, width: 6, layers: 2, heads: 2), dtype: dtype,
            using: generator)
    }

    static func adapt(_ model: GPT, _ generator: RandomGenerator) -> [ParameterPath] {
        model.addLowRankUpdates(rank: 2, alpha: 3, using: generator) {
            "\($0)".contains("attention.")
        }
    }

    static var tokens: Tensor { Tensor((0..<15).map { Int64($0 * 3 % 7) }, shape: [3, 5]) }
    static var batch: SupervisedBatch {
        SupervisedBatch(inputs: tokens, targets: Tensor((0..<15).map { Int64($0 * 5 % 7) }, shape: [3, 5]))
    }

    static func objective(_ model: GPT, _ more: [Objective.Auxiliary] = []) throws -> Objective {
        try Objective(
            Categorical(logits: model(batch.inputs)), observing: batch.targets, auxiliaries: more)
    }

    static func difference(_ a: Tensor, _ b: Tensor) throws -> Double {
        try (a - b).magnitude().max().item()
    }

    @Test func updatesStartAtNothingAndAreMerged() throws {
        let generator = try RandomGenerator(seed: 1)
        let model = Self.model(generator)
        let before = model(Self.tokens).detached()
        let paths = Self.adapt(model, generator)
        #expect(
            paths.map(\.description)
                == (0..<2).flatMap {
                    ["blocks.\($0).attention.queryKeyValue", "blocks.\($0).attention.output"]
                })
        #expect(try Self.difference(model(Self.tokens), before) == 0)
        let trained = model.parameters.filter(\.parameter.isTrainable)
        #expect(trained.count == 8 && trained.allSatisfy { "\($0.path)".contains(".update.") })
        // Rank 2 of [18, 6] and [6, 6], twice.
        #expect(model.parameterCount == 2 * (2 * 24 + 2 * 12))
        for named in trained {
            try named.parameter.assign(
                .normal(named.parameter.wrappedValue.shape, dtype: .float64, using: generator))
        }
        let changed = model(Self.tokens).detached()
        #expect(try Self.difference(changed, before) > 1e-3)
        let merged = Self.model(generator)
        try merged.load(model.mergedWeights)
        #expect(try Self.difference(merged(Self.tokens), changed) < 1e-12)
        // W + (3 / 2) B A, written out.
        let update = try #require(model.lowRankUpdates.first).update
        let sum =
            try #require(model.weights["blocks.0.attention.queryKeyValue.weight"])
            + update.up.weight.matmul(update.down.weight) * 1.5
        #expect(
            try Self.difference(
                sum, try #require(model.mergedWeights["blocks.0.attention.queryKeyValue.weight"])) < 1e-14)
    }

    /// Every kind of rule moves the factors and nothing else; those that work layer by layer take the factors for layers.
    @Test(arguments: ["sgd", "fadam", "kfac", "ekfac", "adafisher", "shampoo", "muon", "natural_gradient"])
    func rulesMoveTheFactorsOnly(_ name: String) throws {
        let generator = try RandomGenerator(seed: 2)
        let model = Self.model(generator)
        _ = Self.adapt(model, generator)
        let rule = try RuleRegistry.rule(named: name)
        let optimizer = try Optimizer(for: model, groups: rule.groups(for: model))
        let before = model.weights.mapValues { $0.copy() }
        for _ in 1...2 { try optimizer.step(on: Self.batch) { _ in try Self.objective(model) } }
        for (path, weight) in model.weights {
            let old = try #require(before[path])
            let moved = try Self.difference(weight, old) > 0
            #expect(moved == path.contains(".update."), "\(path)")
        }
    }

    /// The information of the factors is that of gradients by finite steps of the whole: squares of each sequence's gradient.
    @Test func theInformationOfTheFactorsIsThatOfAnyLayer() throws {
        let generator = try RandomGenerator(seed: 3)
        let model = Self.model(generator)
        _ = Self.adapt(model, generator)
        for named in model.parameters.filter(\.parameter.isTrainable) {
            try named.parameter.assign(
                .normal(named.parameter.wrappedValue.shape, dtype: .float64, using: generator))
        }
        let found = try CurvatureEstimator(of: model).estimate(
            [.diagonal(.empirical)], of: try Self.objective(model))
        let diagonal = try #require(found.diagonal(.empirical)).mean
        let trained = model.parameters.filter(\.parameter.isTrainable)
        #expect(Set(diagonal.keys) == Set(trained.map(\.path)))
        var squares = trained.map { Tensor.zeros($0.parameter.wrappedValue.shape, dtype: .float64) }
        for row in 0..<3 {
            let part = Self.batch
            let loss = try Objective(
                Categorical(logits: model(part.inputs.narrowed(0, from: row, length: 1))),
                observing: part.targets.narrowed(0, from: row, length: 1)
            ).negativeLogLikelihood
            let slopes = try gradients(of: loss, withRespectTo: trained.map(\.parameter.wrappedValue))
            for (place, slope) in slopes.enumerated() {
                squares[place] = squares[place] + (try #require(slope)).squared()
            }
        }
        for (named, sum) in zip(trained, squares) {
            #expect(try Self.difference(try #require(diagonal[named.path]), sum / 15) < 1e-12)
        }
    }

    /// (lambda / 2) sum F ((alpha / r) B A)^2 in value and gradient, and its state goes on in a fresh copy.
    @Test func consolidationIsOfTheMergedChange() throws {
        let generator = try RandomGenerator(seed: 4)
        let model = Self.model(generator)
        _ = Self.adapt(model, generator)
        var consolidation = ElasticWeightConsolidation(strength: 3)
        var information: [ParameterPath: Tensor] = [:]
        for (path, update) in model.lowRankUpdates {
            information[path.appending("weight")] = Tensor.normal(
                update.change.shape, dtype: .float64, using: generator
            ).squared()
        }
        try consolidation.remember(model, information: information)
        #expect(try #require(consolidation.auxiliary(for: model)).value.item() == 0)
        for named in model.parameters.filter(\.parameter.isTrainable) {
            try named.parameter.assign(
                .normal(named.parameter.wrappedValue.shape, dtype: .float64, using: generator))
        }
        var expected = Tensor.zeros([], dtype: .float64)
        for (path, update) in model.lowRankUpdates {
            let change = update.up.weight.matmul(update.down.weight) * 1.5
            expected = expected + (information[path.appending("weight")]! * change.squared()).sum() * 1.5
        }
        let penalty = try #require(consolidation.auxiliary(for: model)).value
        #expect(try Self.difference(penalty, expected) < 1e-12 * (try expected.item()))
        let factors = model.parameters.map(\.parameter).filter(\.isTrainable).map(\.wrappedValue)
        let slopes = zip(
            try gradients(of: penalty, withRespectTo: factors),
            try gradients(of: expected, withRespectTo: factors))
        for (found, wanted) in slopes {
            let wanted = try #require(wanted)
            let size = try wanted.magnitude().max().item()
            #expect(size > 0)
            #expect(try Self.difference(try #require(found), wanted) < 1e-12 * size)
        }
        var again = ElasticWeightConsolidation(strength: 3)
        try again.restore(consolidation.state, of: model)
        #expect(try Self.difference(try #require(again.auxiliary(for: model)).value, penalty) == 0)
    }
}
