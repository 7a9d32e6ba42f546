import Fisher
import FisherTraining

/// What a run of the language task keeps besides model and optimizer: the weights from which a fine-tuning started and their
/// information on the old text, if these are to be protected; otherwise nothing.
public final class LanguageMemory: RunMemory {
    /// Everything that is remembered is tensors.
    public struct State: Codable, Sendable {}

    private let task: LanguageTask
    private let seed: UInt64
    private var consolidation: ElasticWeightConsolidation?
    private var show: (String) -> Void = { _ in }

    init(_ task: LanguageTask, seed: UInt64) {
        self.task = task
        self.seed = seed
        if let old = task.old, old.strength > 0 {
            consolidation = ElasticWeightConsolidation(strength: old.strength)
        }
    }

    public func announce(by show: @escaping (String) -> Void) { self.show = show }

    public func replacesOptimizer(after step: Int) -> Bool { false }

    /// Before the first step: estimates the information of the starting weights on the old text.
    public func prepare(_ model: GPT, for batch: SupervisedBatch, after step: Int) throws {
        guard let old = task.old, consolidation?.taskCount == 0 else { return }
        let clock = ContinuousClock()
        let begin = clock.now
        var shown = begin
        let count = "\(old.batches) batches of \(task.batch) windows of \(old.corpus.name)"
        show("information of the starting weights (\(old.source.rawValue) labels): \(count)")
        let found = try information(model, old) { done in
            guard clock.now - shown > .seconds(5), done < old.batches else { return }
            shown = clock.now
            show("information of the starting weights: batch \(done) of \(old.batches)")
        }
        do throws(CurvatureError) {
            try consolidation?.remember(model, information: found)
        } catch {
            throw RunDivergence("the information of the starting weights cannot be used: \(error)")
        }
        let seconds = (clock.now - begin) / .seconds(1)
        show(
            "information of the starting weights: estimated in "
                + NumberText.plain.duration(seconds: seconds))
    }

    /// The mean over batches of the diagonal of the Fisher information of a token, at the weights that the run moves: those of
    /// the layers with updates where there are updates.
    private func information(
        _ model: GPT, _ old: OldText, progress: (Int) -> Void
    ) throws -> [ParameterPath: Tensor] {
        let trainable = model.parameters.filter(\.parameter.isTrainable)
        let moved = model.movedParameters
        // The updates are zero at this point, so that the weights' information is that of the model as it computes.
        for named in trainable { named.parameter.isTrainable = false }
        for named in moved { named.parameter.isTrainable = true }
        model.setTraining(false)
        defer {
            for named in moved { named.parameter.isTrainable = false }
            for named in trainable { named.parameter.isTrainable = true }
            model.setTraining(true)
        }
        let source = old.source.curvature
        let estimator = try CurvatureEstimator(of: model, for: moved)
        let generator = try RandomGenerator(seed: seed)
        var stream = task.batches(of: old.training, seed: seed)
        var sum: DiagonalInformation?
        for number in 1...old.batches {
            try Interruption.poll()
            let batch = stream.next()
            let found = try estimator.estimate(
                [.diagonal(source)], of: try task.objective(of: model, on: batch), using: generator)
            guard let part = found.diagonal(source) else { preconditionFailure("the estimate was requested") }
            sum = try sum.map { (sum) throws(CurvatureError) in try sum + part } ?? part
            progress(number)
        }
        return sum?.mean ?? [:]
    }

    public func conclude(_ model: GPT, _ optimizer: Optimizer, after step: Int) {}

    /// The loss per byte, and the loss on the old text.
    public func measurements(of model: GPT, after step: Int) throws -> [(name: String, value: Double)] {
        guard let old = task.old else { return [] }
        model.setTraining(false)
        defer { model.setTraining(true) }
        return [("old_text_loss", try task.loss(of: model, on: old))]
    }

    /// The penalty of an objective; empty without one.
    func auxiliaries(for model: GPT) -> [Objective.Auxiliary] { consolidation?.auxiliaries(for: model) ?? [] }

    public func saved() -> (state: State, tensors: [String: Tensor]) {
        (State(), consolidation?.state ?? [:])
    }

    public func restore(
        _ state: State, _ tensors: [String: Tensor], model: GPT, after step: Int
    ) throws {
        guard consolidation != nil || tensors.isEmpty else {
            throw CurvatureError.unusable(reason: "it is of a run with elastic weight consolidation")
        }
        // Before the first step the information is estimated anew.
        guard step > 0 || !tensors.isEmpty else { return }
        try consolidation?.restore(tensors, of: model)
        if consolidation?.taskCount == 0 {
            throw CurvatureError.unusable(reason: "it lacks the weights and the information of the old text")
        }
    }
}
