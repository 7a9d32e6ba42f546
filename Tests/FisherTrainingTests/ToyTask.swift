import Fisher
import FisherTraining
import Foundation
import TestSupport

/// A small classifier with dropout on random points: steps take microseconds.
struct ToyTask: TrainingTask {
    final class Network: Module {
        let first: Linear
        let norm: BatchNorm?
        let dropout: Dropout
        let second: Linear

        init(seed: UInt64, normalizes: Bool = false, dropping: Double = 0.2) throws {
            let generator = try RandomGenerator(seed: seed)
            first = Linear(
                4, 8, bias: true, weight: .normal(standardDeviation: 0.3), dtype: .float32, using: generator)
            norm = normalizes ? BatchNorm(8) : nil
            dropout = Dropout(dropping, using: generator)
            second = Linear(
                8, 3, bias: true, weight: .normal(standardDeviation: 0.3), dtype: .float32, using: generator)
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            let hidden = first(x)
            return second(dropout((norm?(hidden) ?? hidden).relu()))
        }
    }

    struct Batches: BatchStream {
        var position: UInt64
        var limit = UInt64.max

        /// Points whose class is the largest of their first three numbers.
        mutating func next() throws -> SupervisedBatch {
            position += 1
            let batch = try ToyTask.points(seed: position)
            return position <= limit
                ? batch : SupervisedBatch(inputs: batch.inputs / 0.0, targets: batch.targets)
        }
    }

    /// The network has a layer with running averages.
    var normalizes = false
    /// The probability of dropout.
    var dropping = 0.2
    /// What is frozen: a regular expression in the parameters' paths; empty: nothing.
    var frozen = ""
    /// Evaluations always give the same.
    var neverImproves = false
    /// The steps after which the loss is not finite.
    var breaksAfter = Int.max
    /// The likelihood's closed form is hidden.
    var hidesClosedForm = false
    /// A validation loss in place of the model's.
    var validation: @Sendable () -> Double? = { nil }
    /// What the evaluation does besides.
    var duringEvaluation: @Sendable () throws -> Void = {}

    /// The batches of points of an evaluation; 0: one, which every process evaluates.
    var heldOutBatches = 0
    /// What the evaluation of one of them does besides.
    var duringPart: @Sendable (Int) throws -> Void = { _ in }

    /// What a finished run is judged by besides its loss, and what its page shows.
    var conclusion: (measures: [TaskMeasure], exhibits: [TaskExhibit]) = ([], [])

    func measures(of model: Network) throws -> [TaskMeasure] { conclusion.measures }
    func exhibits(of model: Network) throws -> [TaskExhibit] { conclusion.exhibits }

    var summary: TaskSummary {
        TaskSummary(
            name: "toy", description: "toy", parameterCount: 67, lossUnit: "point", exampleUnit: "dot",
            settings: [])
    }
    var examplesPerStep: Int { 16 }
    var dataFingerprint: String { "toy" }
    var modelMetadata: [String: String] { ["model": "toy"] }

    static func points(seed: UInt64) throws -> SupervisedBatch {
        let x = Tensor.normal([16, 4], using: try RandomGenerator(seed: seed))
        let values = try x.scalars(as: Double.self)
        let classes = (0..<16).map { row -> Int64 in
            let scores = values[(4 * row)..<(4 * row + 3)]
            return Int64((scores.indices.max { scores[$0] < scores[$1] } ?? 4 * row) - 4 * row)
        }
        return SupervisedBatch(inputs: x, targets: Tensor(classes, shape: [16]))
    }

    func makeModel(seed: UInt64) throws -> Network {
        let model = try Network(seed: seed, normalizes: normalizes, dropping: dropping)
        if !frozen.isEmpty { try model.freeze(matching: frozen) }
        return model
    }
    func makeBatches(seed: UInt64) throws -> Batches {
        let first = seed * 1_000_000
        return Batches(position: first, limit: breaksAfter == .max ? .max : first + UInt64(breaksAfter))
    }

    func objective(of model: Network, on batch: SupervisedBatch) throws -> Objective {
        let likelihood = Categorical(logits: model(batch.inputs))
        if hidesClosedForm { return try Objective(DrawnOnly(likelihood), observing: batch.targets) }
        return try Objective(likelihood, observing: batch.targets)
    }

    func validationLoss(of model: Network) throws -> Double {
        try duringEvaluation()
        if neverImproves { return 1 }
        if let loss = validation() { return loss }
        if heldOutBatches > 0 { return try loss(of: model, on: 0..<heldOutBatches) }
        let objective = try objective(of: model, on: try ToyTask.points(seed: 999))
        return try objective.negativeLogLikelihood.item() / Double(objective.observationCount)
    }

    func validationParts(of model: Network) throws -> [Double] {
        try Self.validationLosses(of: heldOutBatches) { try loss(of: model, on: $0) }
    }

    private func loss(of model: Network, on range: Range<Int>) throws -> Double {
        try meanLoss(of: model, on: range, by: 1) { part in
            try duringPart(part.lowerBound)
            return try ToyTask.points(seed: UInt64(1000 + part.lowerBound))
        }
    }

    static func candidate(_ name: String) throws -> OptimizerCandidate {
        var rule = try RuleRegistry.rule(named: name)
        rule.learningRate = .cosine(0.05, steps: 30, warmUp: 3)
        return OptimizerCandidate(label: name, rule: rule, clipGradientNorm: 1)
    }

    static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        try TemporaryFolder.with(body)
    }
}

/// A likelihood that draws what another draws and has no closed form, as those of sequences.
struct DrawnOnly: Samplable {
    private let base: Categorical

    init(_ base: Categorical) { self.base = base }

    func observationCount(of observed: Tensor) throws(TorchError) -> Int {
        try base.observationCount(of: observed)
    }
    func sample(using generator: RandomGenerator) -> Tensor { base.sample(using: generator) }
    func perObservationNegativeLogLikelihood(of observed: Tensor) -> Tensor {
        base.perObservationNegativeLogLikelihood(of: observed)
    }
}
