import FisherStudies
import FisherTraining

/// Runs the study of FAdam's exponent in a folder of reproductions, resumable at any moment.
///
///     runs/                trained runs, shared with claims
///     exponent-study/      results.json and results.csv: the whole study
///
/// Several processes may run it at once: each run is trained by one of them.
package struct ExponentReproduction {
    private let folder: String
    private let screening: [ExponentArm]
    private let screeningProblem: Problem
    private let problems: [Problem]
    private let seeds: (screening: [UInt64], finals: [UInt64])
    private let rates: (Problem) -> [Double]

    /// Prepares the study in a folder, which need not exist yet.
    package init(in folder: String) {
        self.init(
            in: folder, screening: ExponentPlan.screening, on: ExponentPlan.screeningProblem,
            problems: ExponentPlan.finalProblems,
            seeds: (ExponentPlan.screeningSeeds, ExponentPlan.finalSeeds), rates: ExponentPlan.rates)
    }

    /// Prepares a study of other arms, problems and first learning rates; for tests.
    init(
        in folder: String, screening: [ExponentArm], on screeningProblem: Problem, problems: [Problem],
        seeds: (screening: [UInt64], finals: [UInt64]), rates: @escaping (Problem) -> [Double]
    ) {
        self.folder = folder
        self.screening = screening
        self.screeningProblem = screeningProblem
        self.problems = problems
        self.seeds = seeds
        self.rates = rates
    }

    /// The results and their table.
    package var files: StudyFiles { StudyFiles(folder: "\(folder)/exponent-study") }

    /// Trains what is missing, and returns the study, which is written after each arm.
    ///
    /// - Parameters:
    ///   - screensOnly: whether to end before the finals.
    ///   - progress: the display of progress.
    /// - Throws: `Interrupted` when everything has been saved; `StorageError` and `StudyFileError` if the folder cannot be
    ///   used; what tasks and rules throw.
    @discardableResult
    package func run(screensOnly: Bool, progress: ProgressDisplay) throws -> ExponentStudy {
        var study = ExponentStudy(
            environment: .current(), screening: [], screeningArmCount: screening.count, finals: [],
            problems: problems.map { .init(name: $0.name, command: $0.command) })
        let library = RunLibrary(path: "\(folder)/runs")
        for arm in screening {
            progress.note("screening \(study.screening.count + 1) of \(screening.count): \(arm.label)")
            study.screening.append(
                try result(of: arm, on: screeningProblem, seeds.screening, in: library, progress))
            try files.write(study)
        }
        if screensOnly { return study }
        for problem in problems {
            for finalist in study.finalists {
                progress.note("\(problem.name): \(finalist.arm.label)")
                study.finals.append(
                    try result(of: finalist.arm, on: problem, seeds.finals, in: library, progress))
                try files.write(study)
            }
        }
        return study
    }

    private func result(
        of arm: ExponentArm, on problem: Problem, _ seeds: [UInt64], in library: RunLibrary,
        _ progress: ProgressDisplay
    ) throws -> ExponentResult {
        let tuned = try library.tuned(
            Arm(arm.optimizer, rates: rates(problem), label: arm.label), on: problem,
            seeds: seeds, tuningSeeds: problem.tuningSeeds, progress: progress)
        return ExponentResult(
            problem: problem.name, arm: arm, rate: tuned.rate, isInterior: tuned.isInterior,
            trials: tuned.trials.map { .init(rate: $0.rate, loss: $0.loss) },
            runs: tuned.runs.map {
                .init(seed: $0.record.seed, loss: $0.record.completedLoss, seconds: $0.record.seconds)
            })
    }
}
