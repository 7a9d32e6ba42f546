import Fisher

/// A run of a study that is wanted.
struct PlannedRun {
    /// The optimizer.
    let candidate: OptimizerCandidate
    /// The seed.
    let seed: UInt64
    /// What progress and errors call the run.
    let title: String
    /// Whether the run is on the data on which options are tuned.
    let isTrial: Bool
    /// The run's folder, which is asked for as the run begins.
    let place: () throws -> RunDirectory

    init(
        candidate: OptimizerCandidate, seed: UInt64, title: String, isTrial: Bool,
        place: @escaping () throws -> RunDirectory
    ) {
        (self.candidate, self.seed, self.title) = (candidate, seed, title)
        (self.isTrial, self.place) = (isTrial, place)
    }
}

extension StudyRuns {
    /// Makes runs, one after another or side by side: the same runs, bit for bit.
    ///
    /// - Parameters:
    ///   - planned: the runs.
    ///   - task: the task of all.
    ///   - progress: the display of progress.
    ///   - ended: called with the number and the record of each run that came to its end, in the order in which they end.
    func make<Task: TrainingTask>(
        _ planned: [PlannedRun], on task: Task, progress: ProgressDisplay,
        ended: (Int, RunRecord) throws -> Void
    ) throws {
        func makeHere(_ number: Int) throws {
            let run = planned[number]
            try ended(
                number,
                record(
                    of: run.candidate, seed: run.seed, on: task, in: run.place(), title: run.title,
                    isTrial: run.isTrial, progress: progress))
        }
        guard let makers, makers.most > 1 else {
            for number in planned.indices { try makeHere(number) }
            return
        }
        var numbers: [Int] = []
        var orders: [(order: RunOrder, folder: RunDirectory)] = []
        for (number, run) in planned.enumerated() {
            let folder = try run.place()
            if let document = try earlier(seed: run.seed, on: task, in: folder), document.phase.isFinal {
                try ended(number, document.record)
                continue
            }
            numbers.append(number)
            orders.append((try order(run, on: task, in: folder), folder))
        }
        // A run alone needs no other process.
        guard orders.count > 1 else { return try numbers.forEach(makeHere) }
        try makers.make(orders.map(\.order), progress: progress) { place in
            try ended(numbers[place], try orders[place].folder.document().record)
        }
    }

    private func order(
        _ run: PlannedRun, on task: some TrainingTask, in folder: RunDirectory
    ) throws -> RunOrder {
        let (toml, values) = try describe(run.candidate, run.seed)
        return RunOrder(
            isTrial: run.isTrial, dataFingerprint: task.dataFingerprint, path: folder.path,
            label: run.candidate.label, title: run.title, seed: run.seed, toml: toml, values: values,
            allowances: allowances.rawValue, threads: Engine.threadCount,
            products: MatrixProducts.current.rawValue, steps: training.steps, sideBySide: 1)
    }
}
