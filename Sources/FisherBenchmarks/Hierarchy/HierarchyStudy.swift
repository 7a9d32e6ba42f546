import Fisher
import FisherInformation
import FisherTraining
import Foundation

/// Compares the directions of optimizers with the natural gradient: for the same gradient, at the same damping, at
/// equal divergence, at several points of several trainings.
///
/// At each point the estimation set is some mini-batches of the training data. Every level makes a step on each of them
/// while the weights are held still: its averages are of the whole set, and its step on the last one, whose gradient g all
/// levels share, is its direction (``HierarchyCandidate``). The reference is (F + lambda I)^-1 g with the Fisher
/// information F of the set: in closed form, or, where the likelihood has none, from draws of the model's own labels, in two
/// halves whose difference shows what the draws leave open. Angles are in the metric of F, and every direction is scaled until the measured KL divergence
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
    /// The draws of labels a unit where there is no closed form: of a matrix, and of products, whose passes are kept.
    package static var usualDraws: (dense: Int, products: Int) { (64, 16) }

    /// Settings that fit a task: the closed form where the likelihood has one and no draws are asked for, exact labels where
    /// it takes few backward passes, the dense solver where the matrix is small.
    ///
    /// - Throws: what the task throws, and `CurvatureError.noSuchEstimate` for a likelihood with neither a closed form
    ///   nor draws, or without the one that is asked for (0 draws are the closed form).
    public static func fitting(_ settings: HierarchySettings, to task: Task) throws -> HierarchySettings {
        var settings = settings
        settings.normalize()
        let model = try task.makeModel(seed: 0)
        var batches = try task.makeBatches(seed: 0)
        let batch = try batches.next()
        let objective = try withoutGradients { try task.objective(of: model, on: batch) }
        func missing(_ source: String, _ reason: String) -> CurvatureError {
            .noSuchEstimate(source: source, structure: "natural gradient", reason: reason)
        }
        let isSmall = model.parameterCount <= mostDense
        guard let likelihood = objective.likelihood as? any ClosedFormFisher, settings.draws ?? 0 == 0 else {
            if settings.draws == 0 { throw missing("exact", objective.likelihood.withoutClosedForm) }
            guard objective.likelihood is any Samplable else {
                throw missing(
                    "sampled", objective.likelihood.withoutClosedForm + ", and draws no observations")
            }
            settings.draws = settings.draws ?? (isSmall ? usualDraws.dense : usualDraws.products)
            (settings.labels, settings.solver) = ("sampled", isSmall ? "dense" : "cg")
            return settings
        }
        settings.draws = nil
        let passes =
            likelihood.outputFisherFactorCount
            * max(1, objective.observationCount / max(1, batch.unitCount))
        settings.labels = passes <= mostPasses ? "exact" : "sampled"
        settings.solver = settings.labels == "exact" && isSmall ? "dense" : "cg"
        return settings
    }

    /// The levels that can be measured, and the others with the reason: those whose rule needs the information in closed
    /// form where the likelihood has none. Each makes a step on a mini-batch to find out, if the reference is drawn.
    public func measurable(
        _ candidates: [HierarchyCandidate]
    ) throws -> (levels: [HierarchyCandidate], omitted: [Setting]) {
        guard settings.draws != nil else { return (candidates, []) }
        var batches = try task.makeBatches(seed: 0)
        let batch = try batches.next()
        var (levels, omitted): ([HierarchyCandidate], [Setting]) = ([], [])
        for candidate in candidates {
            try Interruption.poll()
            let model = try task.makeModel(seed: 0)
            do {
                // The reference itself takes no step.
                if !(candidate.rule is NaturalGradient) {
                    let optimizer = try Optimizer(
                        for: model,
                        groups: try candidate.groups(
                            for: model, damping: settings.damping, unitCount: batch.unitCount),
                        execution: .formula)
                    try optimizer.step(on: batch) { try task.objective(of: model, on: $0) }
                }
                levels.append(candidate)
            } catch CurvatureError.noSuchEstimate(_, _, let reason) {
                omitted.append(Setting(candidate.label, reason))
            } catch is NonFiniteError {
                levels.append(candidate)
            }
        }
        return (levels, omitted)
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
        var training = try task.makeBatches(seed: seed)
        var estimation = try task.makeBatches(seed: seed &+ 1)
        let batches = try (0..<settings.batchCount).map { _ in try estimation.next() }
        for step in 0...last {
            if wanted.contains(step) {
                let weights = FrozenModel<Task>.copiedWeights(of: model)
                let frozen = try FrozenModel(
                    task, seed: seed, weights: weights, batches: batches,
                    isDense: settings.solver == "dense", draws: settings.draws)
                try take(
                    point(at: frozen, seed: seed, step: step, of: candidates) { try progress($0, step) })
            }
            if step < last {
                try Interruption.poll()
                try optimizer.step(on: try training.next()) { try task.objective(of: model, on: $0) }
            }
        }
    }

    private func point(
        at model: FrozenModel<Task>, seed: UInt64, step: Int, of candidates: [HierarchyCandidate],
        progress: (Int) throws -> Void
    ) throws -> HierarchyPoint {
        let exact = try HierarchyCandidate("natural_gradient", in: settings).rule
        var (residual, references): (Double, [Double: Direction]) = (0, [:])
        var halves: [Double: [HalfDirection]] = [:]
        // From the largest damping, whose system is the easiest: each solution is the start of the next.
        for damping in settings.dampings.reversed() {
            let found = try model.naturalGradient(damping: damping)
            residual = max(residual, found.residual)
            references[damping] = try Direction(found.vector, at: model, divergence: settings.divergence)
            halves[damping] = try model.naturalGradientsOfHalves(damping: damping, near: found.vector)
                .enumerated()
                .map { HalfDirection($1, try model.information.product(ofHalf: $0, $1)) }
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
                        halfCosine: try found.flatMap { try $0.cosine(toHalves: halves[damping] ?? []) },
                        decrease: found?.decrease ?? .nan, heldOutDecrease: found?.heldOutDecrease ?? .nan))
            }
            try progress(number + 1)
        }
        return HierarchyPoint(
            seed: seed, step: step, loss: model.loss, heldOutLoss: model.heldOutLoss,
            referenceResidual: residual,
            referenceAgreement: try halves[settings.damping].flatMap { halves in
                try halves.count < 2
                    ? nil
                    : Direction(halves[0].vector, at: model, divergence: nil).cosine(
                        to: Direction(halves[1].vector, at: model, divergence: nil))
            },
            measures: measures)
    }
}

/// A direction with what was measured along it.
private struct Direction {
    let vector: Tensor
    /// F d.
    let product: Tensor
    /// F d for F of each half of the draws; none for a closed form.
    let halfProducts: [Tensor]
    /// <d, F d>.
    let bend: Double
    let decrease: Double
    let heldOutDecrease: Double

    /// Measures a direction; the decreases at a divergence, if there is one.
    init<Task: TrainingTask>(_ vector: Tensor, at model: FrozenModel<Task>, divergence: Double?) throws {
        self.vector = vector
        let information = model.information
        halfProducts = try information.halves.map { try information.product(ofHalf: $0, vector) }
        product =
            halfProducts.isEmpty ? try information(vector) : (halfProducts[0] + halfProducts[1]) / 2
        bend = try inner(vector, product)
        if let divergence, let scale = try model.scale(of: vector, bend: bend, divergence: divergence) {
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
        return try inner(other.vector, product) / length
    }

    /// The mean over the halves of the cosine to a half's reference in that half's metric; nil without halves.
    func cosine(toHalves references: [HalfDirection]) throws -> Double? {
        guard !references.isEmpty else { return nil }
        return try zip(references, halfProducts).reduce(0) { sum, half in
            let length = try (inner(vector, half.1) * inner(half.0.vector, half.0.product)).squareRoot()
            return length > 0 ? sum + (try inner(vector, half.0.product)) / length : .nan
        } / Double(references.count)
    }
}

/// The reference by a half of the draws, with the product of that half's information.
private struct HalfDirection {
    let vector: Tensor
    let product: Tensor

    init(_ vector: Tensor, _ product: Tensor) { (self.vector, self.product) = (vector, product) }
}

private func inner(_ a: Tensor, _ b: Tensor) throws -> Double {
    try (a * b).sum(dtype: .float64).item()
}
