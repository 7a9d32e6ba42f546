import ArgumentParser
import Fisher
import FisherTraining

/// How many runs of a study are made at one time.
struct JobArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Runs that are made side by side, each in a process of its own, with one thread unless --threads says otherwise.",
            discussion: """
                By default as many as there are processors for their threads and memory for their processes; 1 for one run \
                after another. The results are the same, bit for bit; the times of a step are measured after the runs, alone.
                """))
    var jobs: Int?

    func validate() throws {
        guard let jobs else { return }
        try requirePositive(["jobs": jobs])
        let most = 8 * Processors.count
        if jobs > most {
            throw ValidationError(
                "--jobs is \(jobs), and this machine has \(Processors.count) processors: give at most \(most)."
            )
        }
    }

    /// Throws for runs that are to be made side by side where they cannot be.
    ///
    /// - Parameters:
    ///   - device: where runs compute.
    ///   - sharesBatches: whether several processes share every batch.
    func check(on device: Device, sharesBatches: Bool) throws {
        guard let jobs, jobs > 1 else { return }
        if sharesBatches {
            throw UsageError(
                description:
                    "--jobs makes runs side by side, and --processes or a launcher shares every batch of one run: give only one "
                    + "of them")
        }
        if device != .cpu {
            throw UsageError(
                description:
                    "--jobs is for processors: on \(device) runs are made one after another; leave it out")
        }
    }

    /// The number of runs at one time on processors.
    ///
    /// - Parameters:
    ///   - runs: all of them.
    ///   - steps: the steps of each.
    ///   - threads: the threads of each.
    func count(runs: Int, steps: Int, threads: Int) -> Int {
        if runs < 2 { return 1 }
        if let jobs { return min(jobs, runs) }
        // Too short for it to be worth starting processes.
        if steps.multipliedReportingOverflow(by: runs).partialValue < ThreadChoice.leastSteps { return 1 }
        return min(max(1, Processors.usable / max(1, threads)), runs)
    }
}
