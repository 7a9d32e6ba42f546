import Fisher

// What processes that share a run agree on.
extension TrainingSession {
    /// Throws once a signal has come, to whichever process: all of them stop at the same step.
    ///
    /// What each has to tell travels with the sums of the step before; only where none was made it is a message of its own.
    func poll() throws {
        guard let processes else { return try Interruption.poll() }
        var sums = optimizer.carriedSums ?? []
        optimizer.carriedSums = nil
        if sums.isEmpty {
            let message = Tensor(announcements(before: progress.step))
            try processes.allReduce(message, as: "the exchange of signals")
            sums = try message.scalars(as: Double.self)
        }
        othersAreNeeded = sums[0] > 0
        for (signal, count) in zip(Interruption.signals, sums.dropFirst()) where count > 0 {
            try Interruption.stop(for: signal)
        }
    }

    /// What a process tells the others: whether it is the first one and may need them after `step` steps, and which signal
    /// has come to it.
    func announcements(before step: Int) -> [Double] {
        let needs = processes?.rank == 0 && needsOthers(step)
        let signal = Interruption.number
        return [needs ? 1 : 0] + Interruption.signals.map { $0 == signal ? 1 : 0 }
    }

    /// Numbers on which decisions depend: those of the first process, for all. Every process computes them, together where
    /// they are of parts of held-out data.
    func decided(_ numbers: () throws -> [Double]) throws -> [Double] {
        guard let processes else { return try numbers() }
        return try SharedEvaluation.numbers(sharedBy: processes, numbers)
    }

    /// The next batch, of which this process needs its part.
    func nextBatch(of stream: inout Task.Batches) throws -> PartialBatch<Task.Batch> {
        guard let processes else { return PartialBatch(whole: try stream.next()) }
        // The step of a batch that is too small for so many fails on all of them.
        return try stream.next { $0 < processes.size ? 0..<$0 : processes.part(of: $0) }
    }

    /// Work in the middle of a step, which a signal to one of several processes must not end there alone.
    func withoutSignalsIfShared(_ body: () throws -> Void) throws {
        if processes == nil { try body() } else { try Interruption.deferring(body) }
    }

    /// Gives all processes the mean of what layers keep of their batches: each has seen its own part.
    func shareRunningAverages() throws {
        guard let processes else { return }
        let averages = model.parameters.filter {
            $0.parameter.isBuffer && $0.parameter.wrappedValue.dtype.isFloatingPoint
        }
        if averages.isEmpty { return }
        let tensors = averages.map(\.parameter.wrappedValue)
        let sums = try ProcessSum.of({ tensors }, over: processes, as: "the exchange of running averages") {
            own, sum in try own.map { try sum($0) }
        }
        try withoutGradients {
            for (named, sum) in zip(averages, sums) {
                try named.parameter.assign(sum / Double(processes.size))
            }
        }
    }

    /// Gives all processes the weights of the first: processors differ in the last digits of what a seed draws.
    func shareWeights() throws {
        guard let processes else { return }
        for named in model.parameters {
            let tensor = named.parameter.wrappedValue.detached()
            let elements = tensor.isContiguous ? tensor : tensor.copy()
            try processes.broadcast(elements, from: 0, as: "the exchange of the first weights")
            if !tensor.isContiguous { try withoutGradients { try tensor.assign(elements) } }
        }
    }
}
