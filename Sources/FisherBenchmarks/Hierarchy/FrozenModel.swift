import Fisher
import FisherInformation
import FisherTraining
import Foundation

/// A model at fixed weights with an estimation set of mini-batches, the last of which gives the gradient: directions of
/// rules, products with the Fisher information of the reference, divergences and losses along directions.
///
/// The model is in evaluation mode, so that equal weights give equal outputs.
final class FrozenModel<Task: TrainingTask> where Task.Batch: SliceableBatch {
    private let task: Task
    private let batches: [Task.Batch]
    private let start: [Tensor]
    /// The model whose weights are moved and put back.
    private let moving: Task.Model
    private let layout: ParameterLayout
    /// The Fisher information of the estimation set; of another model, whose weights stay.
    let information: ReferenceInformation
    /// The gradient of the mean loss of the last mini-batch.
    let gradient: Tensor
    /// The last solution of ``naturalGradient(damping:)`` by iterations.
    private var lastSolution: Tensor?
    private let divergence: MeasuredDivergence
    /// The number of observations of the estimation set.
    private let observationCount: Int
    /// The mean loss of the last mini-batch.
    let loss: Double
    /// The held-out loss.
    let heldOutLoss: Double

    /// - Parameters:
    ///   - task: the model and its data.
    ///   - seed: of the draws, and of what else the model draws.
    ///   - weights: the trainable weights.
    ///   - batches: the estimation set.
    ///   - isDense: whether the information is made as a matrix.
    ///   - draws: draws of labels a unit that the information is of; nil for its closed form.
    /// - Throws: what the task throws, and `CurvatureError` for a likelihood whose information has no closed form.
    init(
        _ task: Task, seed: UInt64, weights: [Tensor], batches: [Task.Batch], isDense: Bool,
        draws: Int? = nil
    ) throws {
        self.task = task
        self.batches = batches
        moving = try Self.model(task, seed: seed, weights)
        start = Array(weights.prefix(Self.weights(moving).count))
        layout = ParameterLayout(of: start)
        let still = try Self.model(task, seed: seed, weights)
        let (information, slopes) = try ReferenceInformation.estimate(
            by: try CurvatureEstimator(of: still), draws: draws, isDense: isDense, seed: seed,
            of: batches.map { batch in ({ try task.objective(of: still, on: batch) }, batch.unitCount) })
        self.information = information
        let named = still.parameters.filter(\.parameter.isTrainable)
        gradient = layout.joined(
            zip(named, weights).map { slopes[$0.path]?.detached() ?? .zeros(like: $1) }
        ).to(dtype: information.dtype)
        let model = moving
        let objectives = try withoutGradients { try batches.map { try task.objective(of: model, on: $0) } }
        divergence = try MeasuredDivergence(before: objectives, draws: draws, seed: seed &+ 1)
        observationCount = objectives.reduce(0) { $0 + $1.observationCount }
        loss = try Self.loss(objectives[objectives.count - 1])
        heldOutLoss = try withoutGradients { try task.validationLoss(of: model) }
    }

    private static func model(_ task: Task, seed: UInt64, _ weights: [Tensor]) throws -> Task.Model {
        let model = try task.makeModel(seed: seed)
        model.setTraining(false)
        try withoutGradients {
            for (weight, value) in zip(Self.weights(model) + Self.buffers(model), weights) {
                try weight.assign(value)
            }
        }
        return model
    }

    private static func weights(_ model: Task.Model) -> [Tensor] {
        model.parameters.filter(\.parameter.isTrainable).map { $0.parameter.wrappedValue.detached() }
    }

    /// What is saved but not trained: running averages, a codebook.
    private static func buffers(_ model: Task.Model) -> [Tensor] {
        model.parameters.filter { !$0.parameter.isTrainable }.map { $0.parameter.wrappedValue.detached() }
    }

    private static func loss(_ objective: Objective) throws -> Double {
        try objective.negativeLogLikelihood.item() / Double(objective.observationCount)
    }

    /// The number of units of the mini-batch that gives the gradient.
    var unitCount: Int { batches[batches.count - 1].unitCount }

    /// The weights of a model as they are, copied: first those that are trained, then the others.
    static func copiedWeights(of model: Task.Model) -> [Tensor] {
        withoutGradients { (weights(model) + buffers(model)).map { $0.copy() } }
    }

    /// The direction that a level takes for the gradient of the last mini-batch; nil if it is not finite.
    ///
    /// The rule makes a step on each mini-batch of the estimation set, and the weights are put back after each: its
    /// averages are of the whole set, and its last step is the direction. A rule whose first gradient makes its basis and
    /// no step, as SOAP's does, has a set of one mini-batch twice.
    func direction(of level: HierarchyCandidate, damping: Double) throws -> Tensor? {
        let groups = try level.groups(for: moving, damping: damping, unitCount: unitCount)
        let optimizer = try Optimizer(for: moving, groups: groups, execution: .formula)
        defer { try? restore() }
        do {
            var vector = Tensor.zeros(like: gradient)
            for _ in 0..<2 where try vector.norm().item() == 0 {
                for batch in batches {
                    try Interruption.poll()
                    let report = try optimizer.step(on: batch) { try task.objective(of: moving, on: $0) }
                    vector = self.vector(of: report)
                    try restore()
                }
            }
            return try vector.norm().item().isFinite ? vector : nil
        } catch is NonFiniteError {
            return nil
        }
    }

    /// The updates of a step as one vector; zero for what did not move.
    private func vector(of report: StepReport) -> Tensor {
        let updates = Dictionary(uniqueKeysWithValues: report.entries.map { ($0.path, $0.update?.change) })
        let named = moving.parameters.filter(\.parameter.isTrainable)
        let parts = zip(named, start).map { (updates[$0.path] ?? nil) ?? .zeros(like: $1) }
        return layout.joined(parts).to(dtype: information.dtype)
    }

    /// -(F + damping I)^-1 g and its relative residual by products; conjugate gradients begin at the last solution.
    func naturalGradient(damping: Double) throws -> (vector: Tensor, residual: Double) {
        let solution = try information.solution(gradient, damping: damping, from: lastSolution)
        lastSolution = solution
        let left = try gradient - information(solution) - solution * damping
        return (-solution, try left.norm().item() / gradient.norm().item())
    }

    /// The same with F of a half of the draws, for each half; none for a closed form.
    ///
    /// - Parameter solution: the direction of all draws, where iterations begin.
    func naturalGradientsOfHalves(damping: Double, near solution: Tensor) throws -> [Tensor] {
        try information.halves.map {
            -(try information.solution(gradient, damping: damping, half: $0, from: -solution))
        }
    }

    private func restore() throws {
        try withoutGradients {
            for (weight, value) in zip(Self.weights(moving), start) { try weight.assign(value) }
        }
    }

    /// The smallest multiple found of a direction at which the mean divergence KL(p at the weights || p moved) over the
    /// estimation set is `divergence`, to a thousandth; nil if it stays below it.
    ///
    /// The first length is that of the quadratic model, in which the divergence is scale^2 <d, F d> / 2. From there
    /// lengths grow or shrink by halves until the divergence is enclosed, which is then halved in the logarithm, or cut
    /// where a power law through the ends has its value.
    func scale(of direction: Tensor, bend: Double, divergence target: Double) throws -> Double? {
        guard bend > 0, bend.isFinite else { return nil }
        func excess(_ scale: Double) throws -> Double {
            let found = try divergence(along: direction, scale)
            return found.isFinite ? log(max(found, 1e-300) / target) : 1e3
        }
        var low = (scale: (2 * target / bend).squareRoot(), excess: 0.0)
        low.excess = try excess(low.scale)
        var high = low
        for _ in 0..<40 where low.excess > 0 {
            high = low
            low.scale /= 1.5
            low.excess = try excess(low.scale)
        }
        for _ in 0..<40 where high.excess < 0 {
            low = high
            high.scale *= 1.5
            high.excess = try excess(high.scale)
        }
        guard low.excess <= 0, high.excess >= 0 else { return nil }
        for turn in 0..<80 {
            let (a, b) = (log(low.scale), log(high.scale))
            let cut = a + (b - a) * low.excess / (low.excess - high.excess)
            let scale = exp(turn % 3 == 2 || !(a...b).contains(cut) ? (a + b) / 2 : cut)
            let found = try excess(scale)
            if abs(found) <= 1e-3 { return scale }
            if found < 0 { low = (scale, found) } else { high = (scale, found) }
        }
        return nil
    }

    private func moved<Result>(
        along direction: Tensor, _ scale: Double, _ measure: () throws -> Result
    ) throws -> Result {
        defer { try? restore() }
        return try withoutGradients {
            for (weight, part) in zip(Self.weights(moving), layout.split(direction)) {
                try weight.add(part.to(dtype: weight.dtype), scale: scale)
            }
            return try measure()
        }
    }

    private func divergence(along direction: Tensor, _ scale: Double) throws -> Double {
        try moved(along: direction, scale) {
            try divergence.sum(to: try batches.map { try task.objective(of: moving, on: $0) })
                / Double(observationCount)
        }
    }

    /// What a step along a direction takes off the mean loss of the mini-batch that gave the gradient, and off the
    /// held-out loss.
    func decreases(along direction: Tensor, _ scale: Double) throws -> (inSample: Double, heldOut: Double) {
        try moved(along: direction, scale) {
            let after = try Self.loss(try task.objective(of: moving, on: batches[batches.count - 1]))
            return (loss - after, heldOutLoss - (try task.validationLoss(of: moving)))
        }
    }
}
