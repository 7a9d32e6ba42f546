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
        if try followOrders(studies) { return }
        try first.arguments.parallel.check(
            on: first.configuration.training.chosenDevice, sharesBatches: sharing.sharesBatches)
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

    /// Makes the runs that another process orders, if this one was started for it; false if not.
    private static func followOrders(_ studies: [(setup: ComparisonSetup, part: String?)]) throws -> Bool {
        var tasks: [Int: Task] = [:]
        return try RunProcesses.follow { study, isTrial in
            let task = try tasks[study] ?? Task.make(studies[study].setup.configuration)
            tasks[study] = task
            return isTrial ? try task.tuningTask() : task
        }
    }

    /// Has the runs of a comparison made side by side, where there is more than one processor for them.
    ///
    /// - Returns: The processes; nil for one run after another.
    func makers(
        for comparison: TunedComparison, study: Int, in folder: StudyDirectory
    ) throws -> RunProcesses? {
        guard comparison.shared == nil else { return nil }
        let (count, threads) = try sideBySide(comparison, in: folder.path)
        guard count > 1 else { return nil }
        Engine.threadCount = threads
        let processes = RunProcesses(
            count, threads: Engine.threadCount, limitsToMemory: arguments.parallel.jobs == nil)
        processes.study = study
        return processes
    }

    /// How many runs are made at one time, and the threads of each.
    func sideBySide(_ comparison: TunedComparison, in folder: String) throws -> (runs: Int, threads: Int) {
        let training = configuration.training
        guard training.chosenDevice == .cpu, try !arguments.sharing.sharesBatches else { return (1, 1) }
        let threads = training.threads > 0 ? training.threads : try earlierThreads(in: folder) ?? 1
        return (
            arguments.parallel.count(runs: comparison.runCount, steps: training.steps, threads: threads),
            threads
        )
    }

    /// The threads of the runs of an earlier start; nil if there are none.
    func earlierThreads(in folder: String) throws -> Int? {
        guard arguments.resume else { return nil }
        let run = try RunDirectory.runs(under: folder).first
        return run.flatMap { try? $0.document().environment.threads }.map { max(1, $0) }
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
