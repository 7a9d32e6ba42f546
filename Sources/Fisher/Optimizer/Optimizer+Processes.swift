// Steps that several processes make together.

import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// What a process tells the others of an error: that a number was not finite, which a policy may pass over.
    private static let nonFiniteCode = 2

    /// The sum over the processes of what each computes of its part; what is computed, without others.
    ///
    /// - Parameter local: computes it, and gives the gradients, as they become known, to buckets that are summed meanwhile.
    ///   On cards there are none: there the gradients are summed when all are known.
    func summedOverProcesses(_ local: (BucketedSum?) throws -> GradientSum) throws -> GradientSum {
        guard let processes else { return try local(nil) }
        let tensors = slots.map(\.parameter.wrappedValue)
        let operation = "the sum of the gradients"
        let buckets =
            device == .cpu
            ? BucketedSum(like: tensors, order: modelOrder.reversed(), over: processes, as: operation) : nil
        carriedSums = nil
        do {
            let all = try ProcessSum.of(
                {
                    let own = try drawingApart {
                        try local(buckets)
                    } finally: {
                        try buckets?.finish()
                    }
                    return (sum: own, carried: carriedNumbers())
                },
                over: processes, as: operation,
                code: { $0 is NonFiniteError ? Self.nonFiniteCode : 1 },
                visiting: { own, sum in
                    (
                        sum: try own.sum.summed(by: sum, buckets, like: tensors),
                        carried: own.carried.map { sum.number($0) }
                    )
                })
            carriedSums = all.carried
            return all.sum
        } catch let failure as ProcessSum.PeerFailure where failure.code == Self.nonFiniteCode {
            throw NonFiniteError(source: "what rank \(failure.rank) computed")
        }
    }

    /// The sum over the processes of losses and their counts.
    func lossSummedOverProcesses(_ local: () throws -> (sum: Double, count: Int)) throws -> (
        sum: Double, count: Int
    ) {
        guard let processes else { return try local() }
        let total = try ProcessSum.of(
            {
                let own = try drawingApart(local)
                return (loss: Tensor.full([], own.sum, dtype: .float64), count: own.count)
            }, over: processes, as: "the sum of the losses"
        ) { own, sum in (loss: try sum(own.loss), count: sum(own.count)) }
        return (try total.loss.item(), total.count)
    }

    /// Runs a computation with random numbers of this process's own: without it equal samples of all processes would have
    /// the same dropout. Afterwards the generators are the same everywhere, whatever was drawn.
    ///
    /// - Parameter finish: runs afterwards, whether or not the body has thrown; but not where the other processes are gone.
    private func drawingApart<Value>(
        _ body: () throws -> Value, finally finish: () throws -> Void = {}
    ) throws -> Value {
        guard let processes else { return try body() }
        // Labels are drawn by unit, whose numbers are the same everywhere.
        let generators = model?.randomGenerators ?? []
        var common: [[UInt8]] = []
        for generator in generators {
            // The common stream moves by one draw, which is the seed of this process's.
            let bits = try Tensor.uniform([1], dtype: .float64, using: generator).item().bitPattern
            common.append(try generator.state())
            let seed = bits ^ (UInt64(processes.rank + 1) &* 0x9E37_79B9_7F4A_7C15)
            try generator.restore(try RandomGenerator(seed: seed, device: generator.device).state())
        }
        let result = Result { try body() }
        for (generator, state) in zip(generators, common) { try generator.restore(state) }
        if case .failure(let error) = result, error is ProcessGroupError { throw error }
        try finish()
        return try result.get()
    }
}

extension GradientSum {
    /// The sums of all processes.
    ///
    /// - Parameter buckets: has the gradients of -log p already, if given.
    func summed(
        by sum: ProcessSum, _ buckets: BucketedSum?, like parameters: [Tensor]
    ) throws -> GradientSum {
        var all = self
        all.count = sum(count)
        all.negativeLogLikelihood = try sum(negativeLogLikelihood)
        all.total = try sum(total)
        func summed(_ gradients: [Tensor?]) throws -> [Tensor?] {
            try zip(gradients, parameters).map { gradient, parameter in
                // One that no process reaches stays without a gradient.
                let reached = sum(gradient == nil ? 0 : 1)
                let total = try sum(gradient ?? .zeros(like: parameter.detached()))
                return reached == 0 ? nil : total
            }
        }
        if let buckets {
            let reached = gradients.likelihood.map { sum($0 == nil ? 0 : 1) }
            all.gradients.likelihood = zip(reached, sum(buckets)).map { $0 == 0 ? nil : $1 }
        } else {
            all.gradients.likelihood = try summed(gradients.likelihood)
        }
        if gradients.auxiliary.contains(where: { $0 != nil }) {
            all.gradients.auxiliary = try summed(gradients.auxiliary)
        }
        for (group, estimates) in statistics.sorted(by: { $0.key < $1.key }) {
            all.statistics[group] = try estimates.summed(by: sum)
        }
        return all
    }
}
