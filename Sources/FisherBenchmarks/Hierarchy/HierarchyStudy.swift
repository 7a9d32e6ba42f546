import Fisher
import FisherInformation
import FisherTraining
import Foundation

/// Compares the directions of optimizers with the exact natural gradient: for the same gradient, at the same damping, at
/// equal divergence, at several points of several trainings.
///
/// At each point the estimation set is some mini-batches of the training data. Every level makes a step on each of them
/// while the weights are held still: its averages are of the whole set, and its step on the last one, whose gradient g all
/// levels share, is its direction (``HierarchyCandidate``). The reference is (F + lambda I)^-1 g with the exact Fisher
/// information F of the set. Angles are in the metric of F, and every direction is scaled until the measured KL divergence
/// over the set is the stated one. A decrease in sample is that of the last mini-batch.
public struct HierarchyStudy<Task: TrainingTask> where Task.Batch: SliceableBatch {
    /// The model and its data.
    public let task: Task
    /// What is the same for every level.
    public let settings: HierarchySettings

    /// A study of a task.
    public init(_ task: Task, _ settings: HierarchySettings) {
        self.task = task
        self.settings = settings
        precondition(settings.batchCount > 0, "an estimation set has a batch")
    }

    /// The most backward passes of a closed form that a study makes for factors and diagonals.
    static var mostPasses: Int { 128 }
    /// The most parameters whose whole matrix is made.
    static var mostDense: Int { 5000 }

    /// Settings that fit a task: exact labels where the closed form takes few backward passes, the dense solver where
    /// the matrix is small.
    public static func fitting(_ settings: HierarchySettings, to task: Task) throws -> HierarchySettings {
        var settings = settings
        settings.normalize()
        let model = try task.makeModel(seed: 0)
        var batches = try task.makeBatches(seed: 0)
        let batch = try batches.next()
        let objective = try withoutGradients { try task.objective(of: model, on: batch) }
        let factors = (objective.likelihood as? any ClosedFormFisher)?.outputFisherFactorCount ?? 1
        let passes = factors * max(1, objective.observationCount / max(1, batch.unitCount))
        settings.labels = passes <= mostPasses ? "exact" : "sampled"
        settings.solver = settings.labels == "exact" && model.parameterCount <= mostDense ? "dense" : "cg"
        return settings
    }

    /// Measures the points of one training that `isWanted` accepts, in their order.
    ///
    /// - Parameters:
    ///   - seed: the seed of the weights and the batches.
    ///   - candidates: the levels.
    ///   - isWanted: whether the point after so many steps is measured.
    ///   - progress: called with the number of levels measured at a point, and the point's step.
    ///   - take: takes each point once it is complete.
    public func points(
        seed: UInt64, of candidates: [HierarchyCandidate], where isWanted: (Int) -> Bool = { _ in true },
        progress: (_ done: Int, _ step: Int) throws -> Void = { _, _ in },
        _ take: (HierarchyPoint) throws -> Void
    ) throws {
        let wanted = settings.trainingSteps.filter(isWanted)
        guard let last = wanted.last else { return }
        let model = try task.makeModel(seed: seed)
        let optimizer = try Optimizer(for: model, AdamW())
        let memory = try task.makeMemory(of: model, seed: seed)
        var training = try task.makeBatches(seed: seed)
        var estimation = try task.makeBatches(seed: seed &+ 1)
        let batches = try (0..<settings.batchCount).map { _ in try estimation.next() }
        for step in 0...last {
            if wanted.contains(step) {
                let weights = FrozenModel<Task>.copiedWeights(of: model)
                let frozen = try FrozenModel(
                    task, seed: seed, weights: weights, batches: batches, isDense: settings.solver == "dense")
                try take(
                    point(at: frozen, seed: seed, step: step, of: candidates) { try progress($0, step) })
            }
            if step < last {
                try Interruption.poll()
                let batch = try training.next()
                try memory.prepare(model, for: batch, after: step)
                try optimizer.step(on: batch) { try task.objective(of: model, on: $0, with: memory) }
                try memory.conclude(model, optimizer, after: step + 1)
            }
        }
    }

    private func point(
        at model: FrozenModel<Task>, seed: UInt64, step: Int, of candidates: [HierarchyCandidate],
        progress: (Int) throws -> Void
    ) throws -> HierarchyPoint {
        let exact = try HierarchyCandidate("natural_gradient", in: settings).rule
        var (residual, references): (Double, [Double: Direction]) = (0, [:])
        // From the largest damping, whose system is the easiest: each solution is the start of the next.
        for damping in settings.dampings.reversed() {
            let found = try model.naturalGradient(damping: damping)
            residual = max(residual, found.residual)
            references[damping] = try Direction(found.vector, at: model, divergence: settings.divergence)
        }
        var measures: [HierarchyMeasure] = []
        for (number, candidate) in candidates.enumerated() {
            var found: Direction?
            for (place, damping) in settings.dampings.enumerated() {
                try Interruption.poll()
                if candidate.followsDamping, candidate.rule as? NaturalGradient == exact as? NaturalGradient,
                    candidate.rule is NaturalGradient
                {
                    found = references[damping]
                } else if candidate.followsDamping || place == 0 {
                    found = try model.direction(of: candidate, damping: damping).map {
                        try Direction($0, at: model, divergence: settings.divergence)
                    }
                }
                measures.append(
                    HierarchyMeasure(
                        level: number, damping: damping,
                        cosine: try found.flatMap { try references[damping]?.cosine(to: $0) } ?? .nan,
                        decrease: found?.decrease ?? .nan, heldOutDecrease: found?.heldOutDecrease ?? .nan))
            }
            try progress(number + 1)
        }
        return HierarchyPoint(
            seed: seed, step: step, loss: model.loss, heldOutLoss: model.heldOutLoss,
            referenceResidual: residual, measures: measures)
    }
}

/// A direction with what was measured along it.
private struct Direction {
    let vector: Tensor
    /// F d.
    let product: Tensor
    /// <d, F d>.
    let bend: Double
    let decrease: Double
    let heldOutDecrease: Double

    init<Task: TrainingTask>(_ vector: Tensor, at model: FrozenModel<Task>, divergence: Double) throws {
        self.vector = vector
        product = try model.information(vector)
        bend = try (vector * product).sum(dtype: .float64).item()
        if let scale = try model.scale(of: vector, bend: bend, divergence: divergence) {
            let found = try model.decreases(along: vector, scale)
            (decrease, heldOutDecrease) = (found.inSample, found.heldOut)
        } else {
            (decrease, heldOutDecrease) = (.nan, .nan)
        }
    }

    /// The cosine of the angle to another direction in the metric of F.
    func cosine(to other: Direction) throws -> Double {
        let length = (bend * other.bend).squareRoot()
        guard length > 0 else { return .nan }
        return try (other.vector * product).sum(dtype: .float64).item() / length
    }
}
