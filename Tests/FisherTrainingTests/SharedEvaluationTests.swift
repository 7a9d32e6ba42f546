import Fisher
import TestSupport
import Testing

@testable import FisherTraining

/// Evaluations that several processes make together.
@Suite struct SharedEvaluationTests {
    /// What a rank has of an evaluation.
    private struct Outcome: Sendable {
        var loss: Double?
        var measures: [String: Double]?
        var parts: [Double] = []
        /// The batches that were evaluated here for the loss.
        var evaluated: [Int] = []
    }

    private static func evaluated(
        _ batches: Int, with processes: ProcessGroup? = nil
    ) throws -> Outcome {
        let noted = Noted()
        var task = ToyTask()
        task.heldOutBatches = batches
        task.duringPart = { noted.parts.append($0) }
        let session = try TrainingSession(task, try ToyTask.candidate("adamw"), seed: 2)
        session.processes = processes
        let point = try session.evaluate()
        let parts = noted.parts
        let record = try session.concludingRecord()
        return Outcome(
            loss: point.validationLoss, measures: point.measures, parts: record.validationParts ?? [],
            evaluated: parts)
    }

    /// Used by one thread.
    private final class Noted: @unchecked Sendable { var parts: [Int] = [] }

    /// The loss and the accuracy have the bits of one process, and each batch is evaluated once.
    @Test(arguments: [2, 3, 7])
    func theNumbersAreThoseOfOneProcess(_ size: Int) throws {
        let alone = try Self.evaluated(5)
        #expect(alone.evaluated == [0, 1, 2, 3, 4] && alone.measures?["accuracy"] != nil)
        let ranks = try Ranks.run(size) { try Self.evaluated(5, with: $0) }
        for (rank, found) in ranks.enumerated() {
            #expect(found.loss == alone.loss && found.measures == alone.measures)
            #expect(found.parts == alone.parts && found.parts.count == 5)
            #expect(found.evaluated == Array(stride(from: rank, to: 5, by: size)))
        }
    }

    /// Fewer batches than processes are cut, and what is not divided is computed everywhere.
    @Test func smallDataAreCut() throws {
        @Sendable func loss(_ processes: ProcessGroup?) throws -> (mean: Double, units: Int) {
            let task = ToyTask()
            let model = try task.makeModel(seed: 0)
            model.setTraining(false)
            let points = try ToyTask.points(seed: 7)
            var units = 0
            func mean() throws -> [Double] {
                let loss = try task.meanLoss(of: model, on: 0..<16, by: 10) { range in
                    units += range.count
                    return points.slice(range)
                }
                return [loss]
            }
            let found = try processes.map { try SharedEvaluation.numbers(sharedBy: $0, mean) } ?? mean()
            return (found[0], units)
        }
        let alone = try loss(nil)
        let ranks = try Ranks.run(3, loss)
        #expect(ranks.map(\.units) == [6, 6, 4] && alone.units == 16)
        for found in ranks {
            #expect(found.mean == ranks[0].mean && abs(found.mean - alone.mean) <= 1e-6 * alone.mean)
        }
    }

    /// The number of the first process is that of all, also if it is none.
    @Test(arguments: [0.5, .infinity, .nan])
    func theFirstProcessDecides(_ value: Double) throws {
        let ranks = try Ranks.run(3) { group in
            try SharedEvaluation.numbers(sharedBy: group) { [value + Double(group.rank), 1] }
        }
        for found in ranks {
            #expect(found[0].bitPattern == value.bitPattern || value.isNaN && found[0].isNaN)
        }
    }

    enum Stage: String, CaseIterable { case before, within, after }

    private struct Broken: Error, CustomStringConvertible { let description = "the disk is gone" }

    /// A process that fails, wherever it is, ends the evaluation of all with its sentence; nobody waits.
    @Test(arguments: Stage.allCases)
    func anErrorOfOneProcessEndsTheEvaluationOfAll(_ stage: Stage) throws {
        let outcomes = try Ranks.outcomes(3) { group in
            func fail(at here: Stage) throws { if group.rank == 1, here == stage { throw Broken() } }
            _ = try SharedEvaluation.numbers(sharedBy: group) {
                try fail(at: .before)
                let found = try HeldOutParts.numbers(of: 4, each: 1) { part in
                    try fail(at: .within)
                    return [Double(part)]
                }
                #expect(found == [[0], [1], [2], [3]])
                try fail(at: .after)
                return [0]
            }
        }
        #expect(throws: Broken.self) { try outcomes[1].get() }
        for rank in [0, 2] {
            let error = #expect(throws: ProcessSum.PeerFailure.self) { try outcomes[rank].get() }
            #expect(error?.description == "rank 1: the disk is gone")
        }
    }

    /// Processes that have other data than the first say so.
    @Test func otherDataAreNoticed() throws {
        let outcomes = try Ranks.outcomes(2) { group in
            _ = try SharedEvaluation.numbers(sharedBy: group) {
                try HeldOutParts.numbers(of: 4 + group.rank, each: 2) { _ in [0, 0] }[0]
            }
        }
        for outcome in outcomes {
            let error = #expect(throws: ProcessGroupError.self) { try outcome.get() }
            #expect(error?.reason == "the held-out data of one process have 10 numbers, those of another 8")
        }
    }
}
