import Fisher
import FisherStudies

/// The number of threads of a run, and why.
///
/// Threads bring little where operations are short, and cost where the machine has other work: so the first steps are made
/// with 1, 2, 4, ... threads in turns, on a model that is then discarded, and the fewest whose step is at most a tenth longer
/// than the fastest are taken. Sums of several threads round differently, so a run keeps its number when it is resumed.
package struct ThreadChoice: Equatable, Sendable {
    /// The number.
    package let count: Int
    /// The times by which it was chosen; nil if nothing was measured.
    package let reason: String?

    /// The steps below which a run, or all runs of a comparison together, are too short for a measurement.
    package static let leastSteps = 250
    /// The parameters beyond which threads always bring something, and a second model might not fit into memory.
    static let mostParameters = 20_000_000
    /// The seconds of a step beyond which the same is so.
    private static let longStep = 0.5
    private static let turns = 5
    /// How much longer than the fastest a step with fewer threads may take.
    private static let tolerance = 1.1

    /// A number, and the times by which it was chosen.
    package init(count: Int, reason: String?) {
        (self.count, self.reason) = (count, reason)
    }

    /// Chooses by times.
    ///
    /// - Parameters:
    ///   - most: the largest number of threads.
    ///   - seconds: makes a step with a number of threads and returns its time.
    package static func measured(
        upTo most: Int, seconds: (_ threads: Int) throws -> Double
    ) rethrows -> ThreadChoice {
        guard most > 1 else { return ThreadChoice(count: 1, reason: nil) }
        // The first step is no measure: it allocates what the others use again.
        _ = try seconds(most)
        if try seconds(most) > longStep { return ThreadChoice(count: most, reason: nil) }
        var counts: [Int] = []
        var count = 1
        while count < most {
            counts.append(count)
            count *= 2
        }
        counts.append(most)
        var times = counts.map { _ in [Double]() }
        for _ in 0..<turns {
            for (place, count) in counts.enumerated() { times[place].append(try seconds(count)) }
        }
        let medians = times.map { SampleSummary.median($0) ?? 0 }
        let fastest = medians.min() ?? 0
        let chosen = medians.firstIndex { $0 <= tolerance * fastest } ?? counts.count - 1
        let text = NumberText.plain
        let list = zip(counts, medians).map { "\(text.milliseconds(1000 * $1)) ms with \($0)" }
        return ThreadChoice(count: counts[chosen], reason: "a step takes \(list.joined(separator: ", "))")
    }

    /// Chooses for a task by steps of an optimizer, and sets the number.
    ///
    /// - Parameters:
    ///   - task: what is trained.
    ///   - candidate: an optimizer of the run or the comparison.
    ///   - seed: the run's seed.
    ///   - microBatches: the slices of a batch.
    ///   - precision: the precision of matrix products.
    ///   - steps: the steps of all runs together.
    package static func choose(
        for task: some TrainingTask, with candidate: OptimizerCandidate, seed: UInt64, microBatches: Int,
        precision: ComputePrecision = .float32, steps: Int
    ) throws -> ThreadChoice {
        let most = Engine.threadCount
        let all = ThreadChoice(count: most, reason: nil)
        guard most > 1, steps >= leastSteps, task.summary.parameterCount <= mostParameters else { return all }
        do {
            let session = try TrainingSession(
                task, candidate, seed: seed, microBatches: microBatches, precision: precision)
            let clock = ContinuousClock()
            let choice = try measured(upTo: most) { threads in
                try Interruption.poll()
                Engine.threadCount = threads
                return try clock.measure { _ = try session.advance() } / .seconds(1)
            }
            Engine.threadCount = choice.count
            return choice
        } catch is NonFiniteError {
            // The run itself will say so.
            Engine.threadCount = most
            return all
        }
    }

    /// The number as a sentence for the output of a command.
    package var sentence: String? {
        reason.map { "\(NumberText.plain.counted(count, "thread")): \($0) (--threads sets another number)" }
    }
}
