import FisherFiles
import FisherStudies
import FisherTraining

/// Runs the study of FAdam's exponent in a folder, resumable at any moment.
///
///     screening/               the runs of stage 1
///     finals/PROBLEM/          the runs of a problem of stage 2
///     screening/result/        what stage 1 found; stage 2 takes its finalists from there
///     results.json, .csv       the whole study
///
/// Each problem has a folder of its own, so that several processes can share the finals.
package struct ExponentReproduction {
    /// What is to be run.
    package enum Stage: String, CaseIterable, Sendable {
        /// Many arms on one problem with two seeds.
        case screening
        /// At most six arms on all problems with ten seeds.
        case finals
        /// Both.
        case all
    }

    private let folder: String
    private let screening: [ExponentArm]
    private let screeningProblem: Problem
    private let problems: [Problem]
    private let seeds: (screening: [UInt64], finals: [UInt64])

    /// Prepares the study in a folder, which need not exist yet.
    package init(in folder: String) {
        self.init(
            in: folder, screening: ExponentPlan.screening, on: ExponentPlan.screeningProblem,
            problems: ExponentPlan.finalProblems,
            seeds: (ExponentPlan.screeningSeeds, ExponentPlan.finalSeeds))
    }

    /// Prepares a study of other arms and problems; for tests.
    init(
        in folder: String, screening: [ExponentArm], on screeningProblem: Problem, problems: [Problem],
        seeds: (screening: [UInt64], finals: [UInt64])
    ) {
        self.folder = folder
        self.screening = screening
        self.screeningProblem = screeningProblem
        self.problems = problems
        self.seeds = seeds
    }

    /// The names of the problems of the finals.
    package var problemNames: [String] { problems.map(\.name) }

    /// The number of arms that a stage tunes and runs, for progress; the finals have six on each problem at most.
    package func armCount(_ stage: Stage, on names: [String]) -> Int {
        let finals = ExponentRole.allCases.count * problems.count { names.contains($0.name) }
        return switch stage {
        case .screening: screening.count
        case .finals: finals
        case .all: screening.count + finals
        }
    }

    /// Runs what is missing of a stage, and returns the study as far as it goes.
    ///
    /// - Parameters:
    ///   - stage: what is to be run.
    ///   - names: the problems of the finals that are run.
    ///   - progress: the display of progress.
    /// - Throws: `Interrupted` when everything has been saved; `StorageError` of kind `notFound` for finals without
    ///   a complete screening, and others and `StudyFileError` if the folder cannot be used; what tasks and rules throw.
    package func run(_ stage: Stage, on names: [String], progress: ProgressDisplay) throws -> ExponentStudy {
        var study = try screened(stage != .finals, progress)
        guard stage != .screening else { return study }
        guard study.isScreened else {
            throw StorageError(
                .notFound, path: folder,
                reason: "has no complete screening, which names the finalists: run --stage screening first")
        }
        for problem in problems where names.contains(problem.name) {
            let library = RunLibrary(path: "\(folder)/finals/\(problem.name)")
            for finalist in study.finalists {
                study.finals.append(
                    try result(of: finalist.arm, on: problem, seeds: seeds.finals, in: library, progress))
            }
        }
        if names.count == problems.count { try files("").write(study) }
        return study
    }

    /// The study after stage 1, which is run as far as it is missing if that is asked for, and otherwise read.
    private func screened(_ runs: Bool, _ progress: ProgressDisplay) throws -> ExponentStudy {
        let files = files("/screening/result")
        var study = ExponentStudy(
            environment: .current(), screening: [], screeningArmCount: screening.count, finals: [],
            problems: problems.map { .init(name: $0.name, command: $0.command) })
        guard runs else {
            let known = files.hasResult ? try files.read(ExponentStudy.self).screening : []
            // Of another plan's arms only those that are the same count.
            study.screening = screening.compactMap { arm in
                known.first { $0.arm == arm && $0.problem == screeningProblem.name }
            }
            return study
        }
        let library = RunLibrary(path: "\(folder)/screening")
        for arm in screening {
            study.screening.append(
                try result(of: arm, on: screeningProblem, seeds: seeds.screening, in: library, progress))
            try files.write(study)
        }
        return study
    }

    private func files(_ below: String) -> StudyFiles { StudyFiles(folder: folder + below) }

    private func result(
        of arm: ExponentArm, on problem: Problem, seeds: [UInt64], in library: RunLibrary,
        _ progress: ProgressDisplay
    ) throws -> ExponentResult {
        let tuned = try library.tuned(
            Arm(arm.optimizer, rates: ExponentPlan.rates(of: arm, on: problem), label: arm.label),
            on: problem, seeds: seeds, progress: progress)
        return ExponentResult(
            problem: problem.name, arm: arm, rate: tuned.rate, isInterior: tuned.isInterior,
            trials: tuned.trials.map { .init(rate: $0.rate, loss: $0.loss) },
            runs: tuned.runs.map {
                .init(seed: $0.record.seed, loss: $0.record.completedLoss, seconds: $0.record.seconds)
            })
    }
}
