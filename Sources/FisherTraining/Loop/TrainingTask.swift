import Fisher

/// A training problem: a model, its data, and a validation loss.
public protocol TrainingTask {
    /// The network.
    associatedtype Model: Module
    /// The batch of one step.
    associatedtype Batch: SliceableBatch
    /// The stream of batches of one run.
    associatedtype Batches: BatchStream<Batch>
    /// What a run keeps besides the network and the optimizer; nothing by default.
    associatedtype Memory: RunMemory<Model, Batch> = NoMemory<Model, Batch>

    /// A summary for readers.
    var summary: TaskSummary { get }
    /// The number of examples in one batch, of the kind that the summary's `exampleUnit` names.
    var examplesPerStep: Int { get }
    /// A hash of the data: a run can only be resumed on the same.
    var dataFingerprint: String { get }

    /// Metadata of the weights' file from which the model can be created again.
    var modelMetadata: [String: String] { get }

    /// A model whose first weights depend on the seed only.
    func makeModel(seed: UInt64) throws -> Model
    /// Batches that depend on the seed only.
    func makeBatches(seed: UInt64) throws -> Batches
    /// The memory of a run before its first step.
    func makeMemory(of model: Model, seed: UInt64) throws -> Memory
    /// The objective of a batch.
    func objective(of model: Model, on batch: Batch) throws -> Objective
    /// The objective of a batch in a run with a memory; by default that without.
    func objective(of model: Model, on batch: Batch, with memory: Memory) throws -> Objective
    /// The loss on held-out data, in nats for each unit; the model is in evaluation while it runs.
    ///
    /// Long evaluations call `Interruption.poll()` now and then. No random number is drawn. Processes that share a run divide
    /// what is computed by ``meanLoss(of:on:by:_:)`` or ``HeldOutParts``; of anything else each computes all.
    func validationLoss(of model: Model) throws -> Double
    /// The mean losses of consecutive parts of the held-out data, about equal in size: their spread is the noise of the
    /// validation sample. It is called once, at the end of a run. Empty by default.
    func validationParts(of model: Model) throws -> [Double]
    /// What a finished run is judged by besides its loss, on the held-out data. It is called once, at the end of a run, with
    /// the model in evaluation and without gradients; no random number of the run is drawn. Empty by default.
    func measures(of model: Model) throws -> [TaskMeasure]
    /// The same for a run whose optimizer may keep a distribution over the parameters, whose mean the model has: what its
    /// averaged predictions are judged by besides. By default what the model alone is judged by.
    func measures(of model: Model, posterior: GaussianPosterior?) throws -> [TaskMeasure]
    /// What the page of a finished run shows of it; called like ``measures(of:)``. Empty by default.
    func exhibits(of model: Model) throws -> [TaskExhibit]
}

extension TrainingTask {
    public func objective(of model: Model, on batch: Batch, with memory: Memory) throws -> Objective {
        try objective(of: model, on: batch)
    }
}

extension TrainingTask {
    public func validationParts(of model: Model) throws -> [Double] { [] }
    public func measures(of model: Model) throws -> [TaskMeasure] { [] }
    public func measures(of model: Model, posterior: GaussianPosterior?) throws -> [TaskMeasure] {
        try measures(of: model)
    }
    public func exhibits(of model: Model) throws -> [TaskExhibit] { [] }

    /// The ranges of `count` held-out examples that make up their parts: at most 64, about equal in size.
    public static func validationRanges(of count: Int) -> [Range<Int>] {
        let parts = min(64, count)
        return (0..<parts).map { $0 * count / parts..<($0 + 1) * count / parts }
    }

    /// The losses of those ranges, for ``validationParts(of:)``. Processes that share a run divide the ranges.
    ///
    /// - Parameters:
    ///   - count: the number of held-out examples.
    ///   - loss: the mean loss of a range.
    public static func validationLosses(
        of count: Int, _ loss: (Range<Int>) throws -> Double
    ) throws -> [Double] {
        let ranges = validationRanges(of: count)
        return try HeldOutParts.numbers(of: ranges.count, each: 1) { [try loss(ranges[$0])] }.map { $0[0] }
    }

    /// The mean negative log-likelihood of an observation, without auxiliary terms, over a range of held-out examples.
    ///
    /// Processes that share a run divide the passes, see ``HeldOutParts``; where these are fewer than the processes, each
    /// passes its part of the examples, and the sum of float32 is rounded otherwise.
    ///
    /// - Parameters:
    ///   - model: the network, in evaluation.
    ///   - range: the examples.
    ///   - size: the most examples in a forward pass.
    ///   - batch: the examples of a part of the range.
    /// - Throws: what the task throws, and `Interrupted` if a signal requests to stop.
    public func meanLoss(
        of model: Model, on range: Range<Int>, by size: Int, _ batch: (Range<Int>) throws -> Batch
    ) throws -> Double {
        let processes = SharedEvaluation.current?.size ?? 1
        let isCut = range.count <= size * (processes - 1)
        let size = isCut ? (range.count + processes - 1) / processes : size
        let firsts = Array(stride(from: range.lowerBound, to: range.upperBound, by: max(size, 1)))
        let tally = AccuracyTally.current
        let parts = try HeldOutParts.numbers(of: firsts.count, each: 4) { part in
            try Interruption.poll()
            let first = firsts[part]
            let objective = try objective(of: model, on: batch(first..<min(first + size, range.upperBound)))
            let sum = try objective.negativeLogLikelihood.item()
            let (right, total) = tally == nil ? (0, 0) : try AccuracyTally.counts(in: objective)
            return [sum, Double(objective.observationCount), Double(right), Double(total)]
        }
        let sums = (0..<4).map { column in parts.reduce(0) { $0 + $1[column] } }
        tally?.add(right: Int(sums[2]), of: Int(sums[3]))
        return sums[0] / sums[1]
    }
}

extension TrainingTask where Memory == NoMemory<Model, Batch> {
    public func makeMemory(of model: Model, seed: UInt64) -> Memory { Memory() }
}
