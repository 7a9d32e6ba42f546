import Fisher

/// What is computed of held-out data part by part, batch by batch for instance. Processes that share a run divide the parts
/// among themselves, and all have the numbers of every part: a sum over them in their order is that of one process, bit for
/// bit.
///
///     let sums = try HeldOutParts.numbers(of: batches.count, each: 2) { number in
///         let objective = try objective(of: model, on: batches[number])
///         return [try objective.negativeLogLikelihood.item(), Double(objective.observationCount)]
///     }
///
/// ``TrainingTask/meanLoss(of:on:by:_:)`` computes in this way. Every process of a run calls it, as often and with equally many
/// parts.
public enum HeldOutParts {
    /// Some numbers of each part.
    ///
    /// - Parameters:
    ///   - count: the number of parts.
    ///   - width: how many numbers a part has.
    ///   - compute: the numbers of a part; called for those of this process. It computes alone, also what is divided elsewhere.
    /// - Throws: what `compute` throws; with several processes `ProcessSum.PeerFailure` where that of another process does, and
    ///   `ProcessGroupError`.
    public static func numbers(
        of count: Int, each width: Int, _ compute: (_ part: Int) throws -> [Double]
    ) throws -> [[Double]] {
        guard let shared = SharedEvaluation.current else { return try (0..<count).map(compute) }
        return try shared.numbers(of: count, each: width, compute)
    }
}

/// An evaluation that several processes make together.
///
/// In every exchange each process tells first whether its work has failed, and how many numbers it has, wherever in the
/// evaluation it is: one that fails ends the evaluation of all, and none waits for numbers that do not come.
final class SharedEvaluation: @unchecked Sendable {
    // The thread that evaluates is the only one that uses it.

    /// The evaluation under way; nil where this process computes alone.
    @TaskLocal static var current: SharedEvaluation?

    private static let operation = "the evaluation"
    private let processes: ProcessGroup
    /// What has ended the evaluation; the others know of it.
    private var failure: (any Error)?

    private init(_ processes: ProcessGroup) { self.processes = processes }

    /// The number of processes.
    var size: Int { processes.size }

    /// The numbers of the first process, for all: every process computes them, together where they are of parts of data.
    ///
    /// A signal to one of the processes does not end it there alone.
    static func numbers(
        sharedBy processes: ProcessGroup, _ compute: () throws -> [Double]
    ) throws -> [Double] {
        let shared = SharedEvaluation(processes)
        let own = Result {
            let found = try Interruption.deferring { try $current.withValue(shared, operation: compute) }
            return processes.rank == 0 ? found : found.map { _ in 0 }
        }
        return try shared.sum(own)
    }

    fileprivate func numbers(
        of count: Int, each width: Int, _ compute: (Int) throws -> [Double]
    ) throws -> [[Double]] {
        let own = Result {
            var all = [Double](repeating: 0, count: count * width)
            try Self.$current.withValue(nil) {
                for part in stride(from: processes.rank, to: count, by: processes.size) {
                    let found = try compute(part)
                    precondition(found.count == width, "a part has \(found.count) numbers, not \(width)")
                    all.replaceSubrange(part * width..<(part + 1) * width, with: found)
                }
            }
            return all
        }
        // The others have added zeros.
        let all = try sum(own)
        return (0..<count).map { Array(all[$0 * width..<($0 + 1) * width]) }
    }

    /// The sums over the processes of the numbers that each has.
    private func sum(_ own: Result<[Double], any Error>) throws -> [Double] {
        if let failure { throw failure }
        do {
            return try exchanged(own)
        } catch {
            failure = error
            throw error
        }
    }

    private func exchanged(_ own: Result<[Double], any Error>) throws -> [Double] {
        var (numbers, complaint): ([Double], String) = ([], "")
        switch own {
        case .success(let found): numbers = found
        case .failure(let error as ProcessGroupError): throw error
        case .failure(let error): complaint = "\(error)".isEmpty ? "an error" : "\(error)"
        }
        let count = Int64(numbers.count)
        let greatest = Tensor([complaint.isEmpty ? 0 : 1, count, -count])
        try processes.allReduce(greatest, .maximum, as: Self.operation)
        let known = try greatest.scalars(as: Int64.self)
        if known[0] > 0 {
            let complaints = try processes.texts(complaint, as: Self.operation)
            _ = try own.get()
            let rank = complaints.firstIndex { !$0.isEmpty } ?? 0
            throw ProcessSum.PeerFailure(rank: rank, reason: complaints[rank])
        }
        guard known[1] == -known[2] else {
            throw ProcessGroupError(
                "the held-out data of one process have \(known[1]) numbers, those of another \(-known[2])",
                operation: Self.operation)
        }
        if numbers.isEmpty { return [] }
        let sums = Tensor(numbers)
        try processes.allReduce(sums, as: Self.operation)
        return try sums.scalars(as: Double.self)
    }
}
