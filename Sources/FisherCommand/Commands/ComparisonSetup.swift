import ArgumentParser
import Fisher
import FisherReports
import FisherTraining
import Foundation

/// A comparison on a task, ready to be run: it writes its files and shows its results.
struct ComparisonSetup<Task: ConfigurableTask> {
    let arguments: ComparisonArguments<Task>
    let kind: StudyKind
    /// Everything that was asked for.
    private(set) var resolved: ResolvedComparison<Task.Options>
    /// Whether the command line asks for nothing but to go on.
    let isBare: Bool
    private(set) var configuration: RunConfiguration<Task.Options>
    let learningRate: Schedule

    /// The comparison's own options.
    var options: ComparisonConfiguration { resolved.comparison }

    /// The command's name and the task's.
    private var words: [String] { [kind == .ablation ? "ablate" : "compare", Task.name] }

    /// The file that gives the comparison again.
    var toml: String { "# fisher \(words.joined(separator: " "))\n" + resolved.toml }

    /// The length, checkpoints and logs of each run.
    var runs: StudyRuns {
        var runs = StudyRuns(configuration)
        if arguments.acceptDamage { runs.allowances = .damage }
        return runs
    }

    /// The same on other data or with another model.
    func with(_ options: Task.Options) throws -> ComparisonSetup {
        var changed = self
        changed.resolved = try resolved.with(options)
        changed.configuration.task = options
        return changed
    }

    /// The optimizers by their names in the configuration.
    func specifications() throws -> [OptimizerSpecification] {
        try options.optimizers.map { text in
            guard let found = OptimizerSpecification(argument: text) else {
                throw UsageError(
                    description:
                        "comparison.optimizers: \(text) is not NAME or NAME:option=value,option=value")
            }
            return found
        }
    }

    /// Grids by their texts in the configuration.
    func grids(_ texts: [String], of key: String) throws -> [GridArgument] {
        try texts.map { text in
            guard let grid = GridArgument(argument: text) else {
                throw UsageError(description: "comparison.\(key): \(text) is not NAME=v1,v2")
            }
            return grid
        }
    }

    /// The seeds of the runs.
    func seeds() throws -> [UInt64] { try SeedArguments.numbers(options.seeds, from: options.firstSeed) }

    /// The optimizers as they are named, with what all of them share.
    ///
    /// Throws for an option of the command line that none of them has.
    func candidates(_ specifications: [OptimizerSpecification]) throws -> [OptimizerCandidate] {
        guard !arguments.configuration.values.contains(where: { $0.key == "optimizer.rule" }) else {
            throw UsageError(
                description:
                    "--set optimizer.rule: the optimizers are named by --optimizer NAME, repeated for several"
            )
        }
        let rate = (name: "learning_rate", value: "\(learningRate)")
        let candidates = try specifications.map { specification in
            let isMeant = resolved.rule.map { $0 == specification.name } ?? true
            return try specification.candidate(
                sharing: [rate] + (isMeant ? resolved.shared.map { ($0.name, $0.value) } : []),
                clip: configuration.optimizer.clipGradientNorm,
                fisherClip: configuration.optimizer.clipFisherNorm)
        }
        for option in resolved.shared where option.origin == .commandLine {
            if candidates.contains(where: { $0.rule.hasOption(named: option.name) }) { continue }
            let keys = RunConfiguration<Task.Options>.options.map(\.name).filter {
                $0.hasSuffix(".\(option.name)")
            }
            let names = keys + candidates.flatMap { $0.rule.options.map(\.name) }
            let hint = keys.first ?? nearestName(to: option.name, among: names)
            throw UsageError(
                description: "--set \(option.name): none of the optimizers has this option"
                    + (hint.map { "; did you mean \($0)?" } ?? ""))
        }
        try Self.requireDistinct(candidates)
        return candidates
    }

    /// Throws for an optimizer that is named twice: its runs would be the same.
    static func requireDistinct(_ candidates: [OptimizerCandidate]) throws {
        var labels = Set<String>()
        for candidate in candidates where !labels.insert(candidate.label).inserted {
            throw UsageError(description: "\(candidate.label) is named twice: name each optimizer once")
        }
    }

    /// The folder of a comparison, or of a part of one; where none is named, after the command and the task.
    func place(_ part: String?) -> String {
        let words = Task.name(with: configuration.task).split { !$0.isLetter && !$0.isNumber }
        let command = kind == .pilot ? "pilot" : self.words[0]
        let folder = arguments.output ?? "runs/\(command)-\(words.joined(separator: "-"))"
        return folder + (part.map { "/" + $0 } ?? "")
    }

    /// Checks the folder as `run` does and shows what the comparison costs.
    func dryRun(_ comparison: TunedComparison, part: String? = nil) throws {
        try requireDisjointSeeds(comparison)
        let folder = place(part)
        try StudyDirectory.check(folder, for: kind, resuming: arguments.resume)
        try setThreads(configuration.training.threads)
        let (count, threads) = try sideBySide(comparison, in: folder)
        if count > 1 { Engine.threadCount = threads }
        try withDevice(configuration.training.chosenDevice) {
            let task = try Task.make(configuration)
            try ComparisonDryRun(
                task: task, workload: comparison.workload, training: runs.training,
                directory: RunDirectory(path: folder), sideBySide: count
            ).show()
        }
    }

    private func requireDisjointSeeds(_ comparison: TunedComparison) throws {
        guard let shared = comparison.sharedSeeds.first else { return }
        throw UsageError(
            description: "seed \(shared) is one of those that tune: choose another --first-seed")
    }

    /// Makes the comparison.
    ///
    /// - Parameters:
    ///   - comparison: what is trained.
    ///   - pilot: what is to be read from the runs of a pilot; nil for a comparison.
    ///   - part: the folder's name below that of the command, where it makes several comparisons.
    ///   - study: the number of the comparison among those that the command makes.
    ///   - shared: the processes that share every batch, of which this one is the first.
    func run(
        _ comparison: TunedComparison, pilot: PilotPlan? = nil, part: String? = nil, study: Int = 0,
        with shared: SharedRuns? = nil
    ) throws -> ComparisonSummary {
        var comparison = comparison
        comparison.shared = shared
        shared?.study = study
        // Processes of a start that was killed save their runs before they end.
        comparison.waitsForOthers = arguments.resume
        try requireDisjointSeeds(comparison)
        try arguments.figures.check(names: OptimizerComparison.figureNames)
        try setThreads(configuration.training.threads)
        warnOfSlowProducts(in: configuration.training.precision)
        let device = configuration.training.chosenDevice
        try device.requireAvailable()
        // A folder that cannot be used is reported before data are read.
        let folder = try opened(place(part))
        do {
            return try withDevice(device) {
                comparison.makers = try makers(for: comparison, study: study, in: folder)
                defer { comparison.makers?.dismiss() }
                return try run(comparison, on: try Task.make(configuration), in: folder, pilot, part)
            }
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)", kept: kept(folder.path),
                command: resumption(folder.path, part))
        } catch let error as ProcessGroupError where Self.holdsRuns(folder.path) {
            throw Resumable(
                reason: "\(error)", kept: Self.keptByCheckpoints, command: resumption(folder.path, part))
        } catch let error as FailedRun where error.status == nil && Self.holdsRuns(folder.path) {
            throw Resumable(
                reason: "\(error)", kept: "\(Self.keptByCheckpoints), the other runs whole",
                command: resumption(folder.path, part))
        } catch {
            folder.withdraw()
            throw error
        }
    }

    /// The command line that continues. What is asked for anew replaces a folder's configuration only once data were read.
    func resumption(_ folder: String, _ part: String?) -> String {
        let path = arguments.output ?? (part == nil ? folder : nil)
        guard !arguments.resume, let path, (try? RunDirectory(path: path).hasConfiguration()) == true else {
            return Invocation.repeated(with: "--resume")
        }
        let started =
            (arguments.sharing.processes.map { ["--processes", "\($0)"] } ?? [])
            + (arguments.parallel.jobs.map { ["--jobs", "\($0)"] } ?? [])
        return Invocation.resuming(words + started, in: path)
    }

    /// Takes the folder, and keeps in it what was asked for.
    private func opened(_ path: String) throws -> StudyDirectory {
        if arguments.resume { try Invocation.requireSomething(toResumeIn: path, isBare) }
        let folder = try StudyDirectory(path: path, kind: kind, resuming: arguments.resume)
        // Of an earlier start it is replaced only when that has been found to fit.
        let directory = RunDirectory(path: path)
        if !folder.files.hasResult, try !directory.hasConfiguration() {
            try directory.writeConfiguration(toml)
        }
        return folder
    }

    /// What is kept of a comparison that was stopped.
    private func kept(_ folder: String) -> String {
        Self.holdsRuns(folder) ? "everything is saved" : "nothing was trained yet"
    }

    /// Whether a folder holds runs, of the comparison or of tuning.
    static func holdsRuns(_ folder: String) -> Bool {
        ["runs", "tuning"].contains {
            !((try? DurableStorage.names(inFolder: "\(folder)/\($0)")) ?? []).isEmpty
        }
    }

    private func run(
        _ comparison: TunedComparison, on task: Task, in folder: StudyDirectory, _ pilot: PilotPlan?,
        _ part: String?
    ) throws -> ComparisonSummary {
        defer { withExtendedLifetime(folder) {} }
        var summary = task.summary
        summary.settings += sharedForReaders
        let files = folder.files
        var result = OptimizerComparison(task: summary, environment: .current(), entries: [])
        if arguments.resume { result = try continued(result, files) }
        if let shared = comparison.shared {
            result.environment.processes = shared.processes.size
        } else if comparison.makers != nil {
            (result.environment.threads, result.environment.threadChoice) = (Engine.threadCount, nil)
        } else if configuration.training.threads == 0, Device.current == .cpu {
            let choice = try threads(of: comparison, on: task, in: folder)
            (result.environment.threads, result.environment.threadChoice) = (choice.count, choice.reason)
            if let sentence = choice.sentence { warn(sentence) }
        }
        if result.entries.contains(where: { !$0.runs.isEmpty }), (result.plan?.pilot == nil) != (pilot == nil)
        {
            let kind = pilot == nil ? "a pilot, whose seeds no comparison takes" : "a comparison, not a pilot"
            throw UsageError(description: "\(files.json) is of \(kind): choose another --output")
        }
        var plan = arguments.judgement.plan(result.plan)
        plan.target = options.target ?? plan.target
        plan.margin = options.margin ?? plan.margin
        if resolved.isSet("comparison.variances") { plan.variances = options.variances }
        plan.pilot = pilot
        result.plan = plan
        let status = StudyStatus(kind, of: summary, by: .current(), planned: comparison.runCount)
        let marks = try arguments.marks.apply(to: folder.path)
        let progress = ProgressDisplay(runCount: comparison.runCount)
        result = try status.recorded(in: folder.path) {
            defer { progress.finish() }
            try RunDirectory(path: folder.path).writeConfiguration(toml)
            say(summary.description)
            let found = try comparison(
                on: task, tuningOn: { try task.tuningTask() }, in: folder, into: result, progress: progress
            ) { try files.writeWithReport($0, title: marks.title) }
            try files.writeWithReport(found, title: marks.title)
            return found
        }
        let judged = ComparisonSummary(of: result)
        if !arguments.judgement.json { show(judged, files) }
        let runs = result.entries.flatMap(\.runs)
        if let first = runs.first, runs.allSatisfy({ $0.completedLoss == nil }) {
            throw AllDiverged(reason: "\(first.status)")
        }
        try arguments.figures.write(result, part: part, quietly: arguments.judgement.json)
        return judged
    }

    /// The threads of all runs: those of an earlier start, or what the first optimizer's steps gain by.
    private func threads(
        of comparison: TunedComparison, on task: Task, in folder: StudyDirectory
    ) throws -> ThreadChoice {
        if let earlier = try earlierThreads(in: folder.path) {
            Engine.threadCount = earlier
            return ThreadChoice(count: Engine.threadCount, reason: nil)
        }
        guard let first = comparison.firstCandidate else {
            return ThreadChoice(count: Engine.threadCount, reason: nil)
        }
        return try ThreadChoice.choose(
            for: task, with: first, seed: configuration.training.seed,
            microBatches: configuration.training.microBatches, precision: configuration.training.precision,
            steps: comparison.runCount * configuration.training.steps)
    }

    private var sharedForReaders: [Setting] {
        let (optimizer, steps) = (configuration.optimizer, configuration.training.steps)
        return [
            Setting("steps", "\(steps)"),
            Setting("learning rate", "\(learningRate), unless tuned or named"),
            Setting("warm-up", optimizer.warmUp == 0 ? "none" : "\(optimizer.warmUp) steps"),
            Setting(
                "gradient clipping", optimizer.clipGradientNorm.map { "\($0)" } ?? "none, unless named"),
        ]
    }

    /// The result of an earlier start, if it was the same comparison.
    private func continued(
        _ fresh: OptimizerComparison, _ files: StudyFiles
    ) throws -> OptimizerComparison {
        guard files.hasResult else { return fresh }
        let old = try files.read(OptimizerComparison.self)
        guard old.task == fresh.task else {
            throw UsageError(
                description: "\(files.json) is of another task or length: choose another --output")
        }
        return old
    }

    private func show(_ summary: ComparisonSummary, _ files: StudyFiles) {
        let screen = ProgressOutput.standardOutput()
        let width = screen.tableWidth
        if !summary.tuning.isEmpty { print("\n" + summary.tuningText(width: width)) }
        print("\n" + summary.text(width: width, usesColor: screen.usesColor))
        print("report: \(URL(filePath: files.report).path)")
    }
}
