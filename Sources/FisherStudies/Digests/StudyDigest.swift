/// What a list of studies tells of the results of one.
package struct StudyDigest: Hashable, Sendable {
    /// The runs, points or lines that came to their end.
    package let finished: Int
    /// The best result, in a few words; nil if there is none yet.
    package let best: String?
    /// The kind of the results.
    package let kind: StudyKind
    /// What was trained or measured.
    package let task: String
    /// When the study began.
    package let date: String

    /// Digests a study's results.
    package init(_ study: any StudyDocument) {
        switch study {
        case let study as HierarchyComparison: self.init(study)
        case let study as LandscapeStudy: self.init(study)
        case let study as ContinualComparison: self.init(study)
        case let study as ClaimDocument:
            self.init(1, study.finding.verdict.rawValue, .claim, study.statement.name, study.environment)
        case let study as ExponentStudy:
            self.init(
                study.screening.count + study.finals.count, nil, .exponent, "exponent of fadam",
                study.environment)
        case let study as OptimizerComparison: self.init(study)
        default: preconditionFailure("readResult knows no other kind")
        }
    }

    private init(
        _ finished: Int, _ best: String?, _ kind: StudyKind, _ task: String, _ environment: EnvironmentSummary
    ) {
        (self.finished, self.best, self.kind) = (finished, best, kind)
        (self.task, date) = (task, environment.date)
    }

    /// The optimizer with the lowest mean of final losses, of those whose runs all came to their end.
    private init(_ study: OptimizerComparison) {
        let trials = (study.tuning ?? []).flatMap(\.trials).flatMap(\.runs)
        let runs = study.entries.flatMap(\.runs) + trials
        let best = study.entries.filter { $0.runs.allSatisfy { $0.completedLoss != nil } }
            .compactMap { entry in
                SampleSummary(Array(entry.finalLosses.values)).map { (entry.label, $0.mean) }
            }
            .min { $0.1 < $1.1 }
        self.init(
            runs.filter(\.isFinal).count,
            best.map { "\($0.0): loss \(NumberText.plain.fixed($0.1, decimals: 4))" },
            study.plan?.pilot == nil ? .comparison : .pilot, study.task.name, study.environment)
    }

    /// The method with the highest mean accuracy, of those whose runs all came to their end.
    private init(_ study: ContinualComparison) {
        let best = study.entries.filter { $0.runs.allSatisfy { $0.averageAccuracy != nil } }
            .compactMap { entry in
                SampleSummary(entry.runs.compactMap(\.averageAccuracy)).map { (entry.method, $0.mean) }
            }.max { $0.1 < $1.1 }
        self.init(
            study.entries.flatMap(\.runs).count + study.trials.count,
            best.map { "\($0.0): accuracy \(NumberText.plain.fixed($0.1, decimals: 3))" }, .continual,
            study.task.name, study.environment)
    }

    /// The level whose step takes most off the held-out loss, at the damping that all levels share.
    private init(_ study: HierarchyComparison) {
        let summary = HierarchySummary(study)
        let best = study.levels.indices.compactMap { level in
            summary.row(of: level, damping: study.settings.damping).map {
                (study.levels[level].label, $0.heldOutDecrease.mean)
            }
        }.filter { $0.1.isFinite }.max { $0.1 < $1.1 }
        self.init(
            study.points.count,
            best.map { "\($0.0): a step takes \(NumberText.significant($0.1)) off the loss" },
            .hierarchy, study.task.name, study.environment)
    }

    /// The run with the smallest largest eigenvalue.
    private init(_ study: LandscapeStudy) {
        let best = study.runs.compactMap { run in
            run.curvature?.eigenvalues.first.map { (run.name, $0) }
        }.min { $0.1 < $1.1 }
        self.init(
            study.runs.count + study.lines.count,
            best.map { "\($0.0): largest eigenvalue \(NumberText.significant($0.1))" }, .landscape,
            study.task.name, study.environment)
    }
}
