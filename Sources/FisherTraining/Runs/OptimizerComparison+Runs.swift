import Fisher

extension OptimizerComparison {
    /// Joins kept runs into a comparison: runs of one label are the seeds of one optimizer. A run that was stopped early
    /// counts as interrupted.
    ///
    /// - Throws: `StorageError` of kind `damaged` if a run was on other data or another model than the first, since their
    ///   losses are not comparable, or if a run is given twice: in one folder, or in two with equal optimizers, options and
    ///   seeds, since n seeds must be n runs.
    public init(_ runs: [(directory: RunDirectory, document: RunDocument)]) throws(StorageError) {
        guard let first = runs.first else { preconditionFailure("there must be a run") }
        try RunDirectory.requireDistinct(runs.map(\.directory))
        var entries: [OptimizerEntry] = []
        var folders: [[UInt64: RunDirectory]] = []
        for (directory, run) in runs {
            guard run.dataFingerprint == first.document.dataFingerprint else {
                throw StorageError(
                    .damaged, path: directory.path,
                    reason: "cannot be compared with \(first.directory.path): its runs were on other data, "
                        + "so that their losses mean different things")
            }
            for (what, own, wanted) in [
                ("model", "\(run.task.description)", "\(first.document.task.description)")
            ] where own != wanted {
                throw StorageError(
                    .damaged, path: directory.path,
                    reason:
                        "cannot be compared with \(first.directory.path): other \(what) (\(own), \(wanted))")
            }
            let position =
                entries.firstIndex { $0.label == run.label && $0.options == run.options } ?? entries.count
            if position == entries.count {
                let same = entries.filter { $0.label == run.label }.count
                entries.append(
                    OptimizerEntry(
                        label: same == 0 ? run.label : "\(run.label) (\(same + 1))", rule: run.rule,
                        options: run.options, runs: []))
                folders.append([:])
            }
            if let earlier = folders[position].updateValue(directory, forKey: run.record.seed) {
                throw StorageError(
                    .damaged, path: directory.path,
                    reason: "and \(earlier.path) are the same run twice: both are of \(run.label) with equal "
                        + "options and seed \(run.record.seed)")
            }
            var record = run.record
            // A run that its patience ended did not finish its schedule: its last loss is none of a comparison's.
            if run.phase == .stoppedEarly { record.status = .interrupted(step: record.curve.last?.step ?? 0) }
            // Pictures are large, and one run of an optimizer shows what its others would.
            if entries[position].runs.contains(where: { $0.exhibits != nil }) { record.exhibits = nil }
            entries[position].runs.append(record)
        }
        self.init(task: first.document.task, environment: first.document.environment, entries: entries)
    }
}
