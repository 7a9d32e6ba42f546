import Fisher
import FisherTraining

// Comparisons whose every batch several processes share.
extension ComparisonSetup {
    /// What is kept of runs that ended without saving.
    static var keptByCheckpoints: String { "everything is saved up to the last checkpoints" }

    /// Makes studies by the processes that the command line or a launcher names.
    ///
    /// This process is alone, or starts others and waits for them, or is one of them: the first decides what is run, writes
    /// and tells; the others take part in its runs.
    ///
    /// - Parameters:
    ///   - studies: the studies in their order, with the names of their folders below that of the command.
    ///   - body: makes them, in the process that decides.
    static func sharing(
        _ studies: [(setup: ComparisonSetup, part: String?)], _ body: (SharedRuns?) throws -> Void
    ) throws {
        guard let (first, _) = studies.first else { return }
        let sharing = first.arguments.sharing
        let threads = first.configuration.training.threads
        try setThreads(threads)
        if try sharing.launches { return try launch(studies, sharing.processes ?? 1) }
        // What they exchange lies on their device.
        let joined = try withDevice(first.configuration.training.chosenDevice) {
            try sharing.join(threads: threads)
        }
        guard let processes = joined else { return try body(nil) }
        try withDevice(first.configuration.training.chosenDevice) {
            try share(studies, SharedRuns(processes), body)
        }
    }

    /// The work of one of several processes.
    private static func share(
        _ studies: [(setup: ComparisonSetup, part: String?)], _ shared: SharedRuns,
        _ body: (SharedRuns?) throws -> Void
    ) throws {
        if shared.leads { return try shared.leading { try body(shared) } }
        do {
            try shared.follow { study, isTrial in
                let task = try Task.make(studies[study].setup.configuration)
                return isTrial ? try task.tuningTask() : task
            }
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)", kept: "rank 0 saves everything",
                command: Invocation.repeated(with: "--resume"))
        }
    }

    /// Starts the processes of this machine and waits for them.
    private static func launch(
        _ studies: [(setup: ComparisonSetup, part: String?)], _ count: Int
    ) throws {
        do {
            try LocalProcesses(count)()
        } catch let failed as FailedProcess {
            // The first cannot tell what is kept if it was killed.
            guard let reason = failed.sentence,
                let (setup, part) = studies.last(where: { holdsRuns($0.setup.place($0.part)) })
            else { throw failed }
            throw Resumable(
                reason: reason, kept: keptByCheckpoints,
                command: setup.resumption(setup.place(part), part))
        }
    }
}
