// Rules that need statistics of a batch: their estimators, and their inputs.

import FisherInformation
import Foundation
import NeuralNet
import Torch

/// The data of a step's batch besides the gradients.
struct StepContext {
    /// The estimates that the groups requested, by the number of the group.
    let statistics: [Int: CurvatureEstimates]
    /// The mean loss with the auxiliaries; 0-dimensional.
    let loss: Tensor
    /// The same, evaluated again with the present parameters.
    let meanLoss: () throws -> Double
}

extension Optimizer {
    /// The estimators of the groups whose rules request statistics of a batch.
    static func estimators(
        for groups: [BoundGroup], _ slots: [Slot], of model: (any Module)?
    ) throws -> [Int: CurvatureEstimator] {
        var estimators: [Int: CurvatureEstimator] = [:]
        for (number, group) in groups.enumerated() {
            guard let rule = group.rule.curvatureRule else { continue }
            guard let model else {
                throw OptimizerError.needsModel(rule: type(of: rule).summary.name)
            }
            let estimator = try estimator(of: model, for: slots[group.slots])
            let requests = rule.requests(at: 1)
            do {
                try estimator.check(requests)
            } catch {
                guard case .tooLarge(_, let bytes, let available) = error else { throw error }
                throw OptimizerError.tooLarge(
                    rule: type(of: rule).summary.name, byteCount: bytes, available: available)
            }
            estimators[number] = estimator
        }
        return estimators
    }

    private static func estimator(of model: any Module, for slots: ArraySlice<Slot>) throws
        -> CurvatureEstimator
    {
        let parameters = slots.map { NamedParameter(path: $0.path, parameter: $0.parameter) }
        do {
            return try CurvatureEstimator(of: model, for: parameters, takesContributions: true)
        } catch {
            if case .splitLayer(let path) = error { throw OptimizerError.splitLayer(path) }
            throw error
        }
    }

    /// The groups' requests for the batch of the next step, with the numbers of the groups.
    var questions: [(group: Int, question: CurvaturePass.Question)] {
        var found: [(group: Int, question: CurvaturePass.Question)] = []
        for (number, group) in groups.enumerated() {
            guard let estimator = estimators[number], let rule = group.rule.curvatureRule else { continue }
            let requests = rule.requests(at: nextStep(ofGroup: number))
            if !requests.isEmpty { found.append((number, (estimator, requests))) }
        }
        return found
    }

    /// The draws of labels for the batch of the next step, of which the generator gives one key: the same for all processes
    /// and micro-batches. Nil if no group asks for some.
    func labelDraws() throws -> UnitDraws? {
        guard let labelGenerator,
            questions.contains(where: { $0.question.requests.contains(where: \.drawsLabels) })
        else { return nil }
        return try UnitDraws(from: labelGenerator)
    }

    /// The summed gradients of one slice with the estimates of the groups' requests, whose backward pass at
    /// the data's labels is that of the gradients.
    func gradientSum(
        _ questions: [(group: Int, question: CurvaturePass.Question)], units: Int?, drawing draws: UnitDraws?,
        withRespectTo tensors: [Tensor], receivedBy receive: ((Int, Tensor) throws -> Tensor)?,
        _ objective: () throws -> Objective
    ) throws -> GradientSum {
        guard !questions.isEmpty, let model else {
            var none: [Tensor?] = []
            return try GradientSum(
                of: objective(), withRespectTo: tensors, and: [], keepGraph: false, receivedBy: receive,
                extra: &none)
        }
        let pass = try CurvaturePass(of: model, asking: questions.map(\.question), units: units, objective)
        var slopes: [Tensor?] = []
        var sum = try GradientSum(
            of: pass.objective, withRespectTo: tensors, and: pass.labelTensors,
            keepGraph: pass.keepsGraphAfterLabels, receivedBy: receive, extra: &slopes)
        guard sum.count > 0 else { return sum }
        let clock = ContinuousClock()
        let begin = clock.now
        let found = try pass.estimates(labelGradients: slopes, using: draws)
        sum.statistics = Dictionary(uniqueKeysWithValues: zip(questions.map(\.group), found))
        sum.statisticsTime = begin.duration(to: clock.now)
        return sum
    }

    /// The number of a group's next update.
    func nextStep(ofGroup number: Int) -> Int {
        (slots[groups[number].slots].lazy.map(\.step).max() ?? 0) + 1
    }

    /// The states of the generators that the model draws from.
    func noise() throws -> [[UInt8]] { try (model?.randomGenerators ?? []).map { try $0.state() } }

    /// The mean loss of a batch with the parameters as they are, auxiliaries included; the model draws from
    /// the states `noise`, and its generators are restored afterwards. Running averages of layers stay.
    func meanLoss<Batch: SliceableBatch>(
        on batch: Batch, microBatches: Int, noise: [[UInt8]], _ objective: (Batch) throws -> Objective
    ) throws -> Double {
        let generators = model?.randomGenerators ?? []
        let after = try self.noise()
        for (generator, state) in zip(generators, noise) { try generator.restore(state) }
        let (sum, count) = try lossSummedOverProcesses {
            var (sum, count) = (0.0, 0)
            for part in 0..<microBatches {
                let slice = ownSlice(part, of: batch, into: microBatches)
                let made = try inPrecision {
                    try model.map { try $0.keepingStatistics { try objective(slice) } } ?? objective(slice)
                }
                let auxiliaries = try made.auxiliaries.reduce(0.0) { $0 + (try $1.value.item()) }
                sum += try made.negativeLogLikelihood.item() + auxiliaries * Double(made.observationCount)
                count += made.observationCount
            }
            return (sum, count)
        }
        for (generator, state) in zip(generators, after) { try generator.restore(state) }
        return sum / Double(max(count, 1))
    }

    /// The input of a rule for its group.
    func ruleGroup(
        _ number: Int, _ inputs: [RuleInput], hasGradient: [Bool], isReached: [Bool], scale: Double,
        _ context: StepContext
    ) throws -> RuleGroup {
        guard let estimator = estimators[number] else {
            preconditionFailure("a rule that asks for statistics has an estimator")
        }
        let parameters = slots[groups[number].slots].map(\.parameter)
        return RuleGroup(
            inputs: inputs, hasGradient: hasGradient, structure: estimator.structure,
            statistics: context.statistics[number] ?? CurvatureEstimates(), gradientScale: scale,
            loss: context.loss, draws: draws,
            exchange: groupExchange(number), isReached: isReached
        ) { updates in
            // Other tensors in their place, so that the graph of the batch stays that of untouched weights.
            let before = zip(parameters, updates).map { parameter, update in
                let value = parameter.wrappedValue.detached()
                return parameter.exchange((value + update.change).to(dtype: value.dtype))
            }
            defer { for (parameter, old) in zip(parameters, before) { _ = parameter.exchange(old) } }
            return try context.meanLoss()
        }
    }

    /// The notes on each parameter of a group in `describe()`.
    func notes(ofGroup number: Int) -> [String?] {
        guard let rule = groups[number].rule.curvatureRule, let estimator = estimators[number] else {
            return groups[number].slots.map { _ in nil }
        }
        return rule.notes(estimator.structure)
    }
}
