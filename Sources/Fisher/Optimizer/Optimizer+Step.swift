import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// Makes one step on a batch.
    ///
    /// The closure computes the objective of a slice; with `microBatches` it runs once for each of that many
    /// nearly equal slices, and the step is that of the whole batch to rounding.
    ///
    /// Throws the model's failure, `OptimizerError` for a batch that cannot be used, and `NonFiniteError` by
    /// the policy; no weight is changed then.
    @discardableResult
    public func step<Batch: SliceableBatch>(
        on batch: Batch, microBatches: Int = 1, _ objective: (Batch) throws -> Objective
    ) throws -> StepReport {
        try onDevice { try timedStep(on: batch, microBatches: microBatches, objective) }
    }

    /// A step with its times. Another device than the CPU works on while its queue is filled, so it is waited for where a
    /// time is taken.
    private func timedStep<Batch: SliceableBatch>(
        on batch: Batch, microBatches: Int, _ objective: (Batch) throws -> Objective
    ) throws -> StepReport {
        let clock = ContinuousClock()
        let begin = clock.now
        let noise = estimators.isEmpty ? [] : try noise()
        let sum: GradientSum
        do {
            sum = try gradientSum(on: batch, microBatches: microBatches, objective)
        } catch let error as NonFiniteError {
            return try skip(error.source, loss: nil, norm: .nan)
        }
        try device.synchronize()
        let middle = clock.now
        var report = try withoutActuallyEscaping(objective) { objective in
            try update(with: sum) { [self] in
                try meanLoss(on: batch, microBatches: microBatches, noise: noise, objective)
            }
        }
        try device.synchronize()
        report.gradientTime = begin.duration(to: middle)
        report.statisticsTime = sum.statisticsTime
        report.updateTime = middle.duration(to: clock.now)
        return report
    }

    /// Makes one step on an objective, without a batch to cut.
    ///
    ///     let loss = try optimizer.step {
    ///         try Objective(Categorical(logits: model(inputs)), observing: targets)
    ///     }.loss
    ///
    /// The closure may run more than once. Rules that request statistics by unit use the observations of the
    /// first axis of the likelihood as units.
    @discardableResult
    public func step(_ objective: () throws -> Objective) throws -> StepReport {
        try step(on: WholeBatch()) { _ in try objective() }
    }

    /// The summed gradients of a batch: the first half of a step.
    func gradientSum<Batch: SliceableBatch>(
        on batch: Batch, microBatches: Int, _ objective: (Batch) throws -> Objective
    ) throws -> GradientSum {
        let units = batch.unitCount
        guard microBatches >= 1, microBatches == 1 || microBatches <= units else {
            throw OptimizerError.badMicroBatches(count: microBatches, units: units)
        }
        if let processes, !(batch is WholeBatch), processes.size * microBatches > units {
            throw OptimizerError.tooFewUnits(
                units: units, processes: processes.size, microBatches: microBatches)
        }
        if ComputePrecision.current != .float32 { throw OptimizerError.insideAutocast }
        try requireSameParameters()
        let posterior = posteriorSlots
        if posterior.isEmpty { return try plainSum(on: batch, microBatches: microBatches, objective) }
        return try drawnSum(at: posterior) {
            try plainSum(on: batch, microBatches: microBatches, objective)
        }
    }

    /// The summed gradients of a batch with the parameters as they are; of all processes together.
    private func plainSum<Batch: SliceableBatch>(
        on batch: Batch, microBatches: Int, _ objective: (Batch) throws -> Objective
    ) throws -> GradientSum {
        let draws = try labelDraws()
        return try summedOverProcesses { buckets in
            try ownSum(on: batch, microBatches: microBatches, drawing: draws, to: buckets, objective)
        }
    }

    /// The summed gradients of this process's part of a batch.
    ///
    /// - Parameter buckets: receives them in the backward pass of the last slice, those of the others included, and sends
    ///   them to the other processes meanwhile.
    private func ownSum<Batch: SliceableBatch>(
        on batch: Batch, microBatches: Int, drawing draws: UnitDraws?, to buckets: BucketedSum?,
        _ objective: (Batch) throws -> Objective
    ) throws -> GradientSum {
        let tensors = slots.map(\.parameter.wrappedValue)
        let questions = questions
        var total: GradientSum?
        for part in 0..<microBatches {
            let slice = ownSlice(part, of: batch, into: microBatches)
            let receiver = part == microBatches - 1 ? buckets : nil
            var former: [Tensor?]?
            if receiver != nil { former = total?.releaseGradients() }
            var sum = try gradientSum(
                questions, units: slice is WholeBatch ? nil : slice.unitCount,
                drawing: draws?.starting(at: firstUnit(part, of: batch, into: microBatches)),
                withRespectTo: tensors,
                receivedBy: receiver.map { buckets in
                    { slot, gradient in
                        try buckets.put(former?[slot].map { $0 + gradient } ?? gradient, at: slot)
                    }
                }
            ) {
                try inPrecision { try objective(slice) }
            }
            if let receiver, let former { try sum.put(former, into: receiver) }
            total = try total.map { try $0 + sum } ?? sum
        }
        guard let total, total.count > 0 else { throw OptimizerError.noObservations }
        return total
    }

    /// One of nearly equal slices of this process's part of a batch.
    func ownSlice<Batch: SliceableBatch>(_ part: Int, of batch: Batch, into microBatches: Int) -> Batch {
        // A step without a batch has what its closure holds.
        if batch is WholeBatch || microBatches * (processes?.size ?? 1) == 1 { return batch }
        let first = firstUnit(part, of: batch, into: microBatches)
        return batch.slice(first..<firstUnit(part + 1, of: batch, into: microBatches))
    }

    /// The number in the batch of the first unit of such a slice.
    private func firstUnit<Batch: SliceableBatch>(
        _ part: Int, of batch: Batch, into microBatches: Int
    ) -> Int {
        let rank = processes?.rank ?? 0
        // How many units the other processes have is not known here: none has so many.
        if batch is WholeBatch { return rank << 40 }
        let count = microBatches * (processes?.size ?? 1)
        return batch.unitCount * (microBatches * rank + part) / count
    }

    /// Divides the sums and lets the rules move the parameters: the second half of a step.
    func update(with sum: GradientSum, meanLoss: @escaping () throws -> Double) throws -> StepReport {
        try withoutGradients {
            try apply(
                sum.gradients, count: Double(sum.count), loss: sum.negativeLogLikelihood / Double(sum.count),
                context: StepContext(
                    statistics: sum.statistics, loss: sum.total / Double(sum.count), meanLoss: meanLoss))
        }
    }

    /// Makes one step with gradients by path that the caller computed. Parameters without one are left as
    /// they are.
    ///
    /// Throws `OptimizerError.badGradient` for a path or a shape that is not a parameter's, and `NonFiniteError` by
    /// the policy; no weight is changed then.
    @discardableResult
    public func update(with gradients: [ParameterPath: Tensor]) throws -> StepReport {
        if let rule = groups.lazy.compactMap(\.rule.curvatureRule).first {
            throw OptimizerError.needsModel(rule: type(of: rule).summary.name)
        }
        try requireSameParameters()
        let given = slots.map { gradients[$0.path] }
        for (gradient, slot) in zip(given, slots) {
            if let gradient { try Optimizer.check(gradient, of: slot) }
        }
        if given.count(where: { $0 != nil }) < gradients.count {
            let known = Set(slots.map(\.path))
            for path in gradients.keys.sorted() where !known.contains(path) {
                throw OptimizerError.badGradient(path: path, reason: "belongs to no parameter")
            }
        }
        return try onDevice {
            try withoutGradients {
                try apply(
                    GradientList(likelihood: given, auxiliary: given.map { _ in nil }), count: 1, loss: nil,
                    context: nil)
            }
        }
    }

    /// Where the parameters lie.
    public var device: Device { slots[0].parameter.wrappedValue.device }

    /// Runs work with the parameters' device as the current one: states and what rules draw lie there.
    func onDevice<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Device.$current.withValue(device, operation: body)
    }

    private static func check(_ gradient: Tensor, of slot: Slot) throws {
        try gradient.check()
        let parameter = slot.parameter.wrappedValue
        guard parameter.hasShape(of: gradient) else {
            throw OptimizerError.badGradient(
                path: slot.path, reason: "has shape \(gradient.shape), the parameter \(parameter.shape)")
        }
    }
}

/// The batch of a step whose closure holds its data: one that is not cut, and whose units are found in what
/// is captured.
private struct WholeBatch: SliceableBatch {
    var unitCount: Int { 1 }
    func slice(_ range: Range<Int>) -> WholeBatch { self }
}
