import ArgumentParser
import Fisher
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher landscape`: the loss around and between the ends of runs.
struct Landscape: DeviceCommand {
    static let configuration = CommandConfiguration(
        commandName: "landscape",
        abstract: "Measure how flat the loss is at the ends of runs, and what lies between and around them.",
        discussion: """
            Runs of one task, named one by one or as the folder of a comparison, at their newest checkpoints: the \
            largest eigenvalues of the Hessian and its trace, with their errors; the loss along lines from one end to \
            another, with the height of the barrier; the loss on a plane of two random directions around each end, filter \
            by filter as long as the weights (Li et al. 2018). All on the same training batches, and lines on held-out \
            data too. Runs of one optimizer are its seeds: tables give their mean and interval.

            fisher landscape runs/compare --output runs/landscape
            fisher landscape runs/sgd runs/kfac --lines 1 --plane 0
            """)

    @Argument(
        help:
            "Runs' folders (searched with those below them), checkpoints' folders, or files of weights of a run."
    )
    var paths: [String]
    @Option(help: "Training batches whose mean loss is looked at, the same for all runs.")
    var batches = 4
    @Option(help: "Seed of the batches, the directions and the probes.")
    var seed: UInt64 = 0
    @Option(
        help:
            "The most lines between runs: first those of equal seeds, then neighbors of one optimizer; 0: none."
    )
    var lines = 10
    @Option(
        help:
            "Points of a line from end to end, both included; it goes on a quarter of its length at either end."
    )
    var points = 21
    @Option(help: "Points of a plane along each side; 0: no planes.")
    var plane = 21
    @Option(help: "The most planes, of the first seed's runs first.")
    var planes = 8
    @Option(help: "Half the side of a plane, in filter norms.")
    var range = 1.0
    @Option(help: "Eigenvalues of the Hessian; 0: no curvature.")
    var eigenvalues = 3
    @Option(help: "Steps of Lanczos' iteration.")
    var lanczosSteps = 40
    @Option(help: "Random probes of the trace.")
    var probes = 30
    @Flag(help: "Make products with the Hessian by differences of gradients, also where derivatives exist.")
    var differences = false
    @OptionGroup var threads: ThreadArguments
    @OptionGroup var figures: FigureArguments
    @Flag(help: "Print the result as JSON instead of tables.")
    var json = false
    @Flag(help: "Continue the same study, where none is begin it: what is finished is not repeated.")
    var resume = false
    @Option(name: .shortAndLong, help: "The folder for results.csv, results.json and report.html.")
    var output = "runs/landscape"
    @OptionGroup(title: "Names") var marks: MarkArguments
    @OptionGroup var place: DeviceArguments

    func validate() throws {
        try requirePositive(["batches": batches, "lanczos-steps": lanczosSteps, "probes": probes])
        for (name, value, allowed) in [
            ("batches", batches, 1...100_000), ("lines", lines, 0...10_000), ("points", points, 2...1001),
            ("plane", plane, 0...1001), ("planes", planes, 0...10_000),
            ("eigenvalues", eigenvalues, 0...1000),
            ("lanczos-steps", lanczosSteps, 1...10_000), ("probes", probes, 1...1_000_000),
        ] where !allowed.contains(value) {
            throw ValidationError(
                "--\(name) must lie between \(allowed.lowerBound) and \(allowed.upperBound), not \(value).")
        }
        guard plane != 1 else { throw ValidationError("--plane must be 0 or at least 2 points.") }
        guard eigenvalues <= lanczosSteps else {
            throw ValidationError(
                "--eigenvalues \(eigenvalues) needs as many --lanczos-steps, not \(lanczosSteps).")
        }
        guard range > 0, range <= 1e6 else {
            throw ValidationError("--range must be more than zero, not \(range).")
        }
    }

    func compute() throws {
        Interruption.install()
        try figures.check(names: LandscapeStudy.figureNames)
        threads.apply(usual: 1)
        let subjects = try LandscapeSubject.all(at: paths)
        let name = subjects[0].document.taskName
        try measure(try TaskRegistry.task(named: name), subjects)
    }

    private var settings: LandscapeSettings {
        var settings = LandscapeSettings()
        (settings.batchCount, settings.seed) = (batches, seed)
        (settings.linePoints, settings.planePoints, settings.planeRange) = (points, plane, range)
        settings.eigenvalueCount = eigenvalues
        (settings.lanczosSteps, settings.probes) = (lanczosSteps, probes)
        settings.usesDifferences = differences
        return settings
    }

    private func measure<Task: ConfigurableTask>(_: Task.Type, _ subjects: [LandscapeSubject]) throws {
        let folder = try StudyDirectory(
            path: output, kind: .landscape, resuming: resume,
            advice: "continue with --resume, choose another folder with --output, or remove it")
        defer { withExtendedLifetime(folder) {} }
        let files = folder.files
        let layers = [try ConfigurationLayer(tomlFile: subjects[0].configuration, followingLinks: false)]
        let task = try Task(try ResolvedConfiguration<Task.Options>(layers).value.task)
        let survey = try LandscapeSurvey(task, settings)
        var study = LandscapeStudy(task: task.summary, environment: .current(), settings: settings)
        if resume, files.hasResult {
            let old = try files.read(LandscapeStudy.self)
            guard old.task == study.task, old.settings == settings else {
                throw UsageError(
                    description:
                        "\(output) holds a landscape of another task or settings: choose another --output")
            }
            study = old
        }
        let pairs = LandscapeStudy.pairs(of: subjects.map { ($0.label, $0.seed) }, most: lines)
        let progress = ProgressDisplay(runCount: subjects.count + pairs.count)
        let title = try marks.apply(to: folder.path).title
        let status = StudyStatus(
            .landscape, of: study.task, by: .current(), planned: subjects.count + pairs.count)
        func work() throws {
            let points = try subjects.map { try survey.point(of: $0.weights) }
            try requireSame(study, subjects, points.map(\.fingerprint))
            let drawn = Set(planeOrder(subjects).prefix(planes))
            for position in subjects.indices {
                try measure(
                    subjects[position], position, points[position], survey,
                    drawsPlane: drawn.contains(position),
                    into: &study, files, progress)
            }
            for pair in pairs {
                progress.begin(
                    "\(study.runs[pair.from].name) to \(study.runs[pair.to].name)",
                    totalSteps: settings.linePlaces.count)
                if study.lines.contains(where: { $0.from == pair.from && $0.to == pair.to }) {
                    progress.endRun("finished before")
                    continue
                }
                let line = try survey.line(
                    from: (points[pair.from], pair.from), to: (points[pair.to], pair.to)
                ) { progress.update(step: $0) }
                study.lines.append(line)
                try files.write(study)
                let barrier = LandscapeLine.barrier(line.losses, at: settings.linePlaces)
                progress.endRun("barrier \(String(format: "%.3g", barrier.height))")
            }
        }
        do {
            try status.recorded(in: folder.path) {
                defer { progress.finish() }
                do { try work() } catch let error as Interrupted {
                    try files.writeWithReport(study, title: title)
                    throw error
                }
                try files.writeWithReport(study, title: title)
            }
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)",
                kept: study.runs.isEmpty ? "nothing was measured yet" : "what was measured is saved",
                command: Invocation.repeated(with: "--resume"))
        }
        if json {
            print(String(decoding: study.json(), as: UTF8.self), terminator: "")
        } else {
            print("\n" + shown(study))
            print("report: \(URL(filePath: files.report).path)")
        }
        try figures.write(study, quietly: json)
    }

    /// Throws unless the runs that are known already are the first of those that are named.
    private func requireSame(
        _ study: LandscapeStudy, _ subjects: [LandscapeSubject], _ fingerprints: [String]
    ) throws {
        let known = study.runs.map { "\($0.name) \($0.fingerprint)" }
        let named = zip(subjects, fingerprints).map { subject, print in
            let seed = subject.seed.map { ", seed \($0)" } ?? ""
            return "\(subject.label)\(seed) \(print)"
        }
        guard known.count <= named.count, known == Array(named.prefix(known.count)) else {
            throw UsageError(
                description: "\(output) holds a landscape of other runs: choose another --output")
        }
    }

    /// The runs in the order in which planes are drawn: the first of each optimizer, then the second.
    private func planeOrder(_ subjects: [LandscapeSubject]) -> [Int] {
        var counts: [String: Int] = [:]
        let ranks = subjects.map { subject in
            counts[subject.label, default: 0] += 1
            return counts[subject.label] ?? 0
        }
        return subjects.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
    }

    /// Measures what is missing of a run.
    private func measure<Task: ConfigurableTask>(
        _ subject: LandscapeSubject, _ position: Int, _ point: LossSurface<Task>.Point,
        _ survey: LandscapeSurvey<Task>, drawsPlane: Bool, into study: inout LandscapeStudy,
        _ files: StudyFiles,
        _ progress: ProgressDisplay
    ) throws {
        let cells = drawsPlane ? settings.planePoints * settings.planePoints : 0
        progress.begin(
            subject.label + (subject.seed.map { ", seed \($0)" } ?? ""), totalSteps: max(1, cells))
        if position == study.runs.count {
            study.runs.append(
                try survey.run(
                    at: point, label: subject.label, seed: subject.seed, path: subject.path,
                    recordedLoss: subject.recordedLoss))
        }
        if study.runs[position].curvature == nil, settings.eigenvalueCount > 0 {
            study.runs[position].curvature = try survey.curvature(at: point)
            try files.write(study)
        }
        if study.runs[position].plane == nil, cells > 0 {
            study.runs[position].plane = try survey.plane(around: point) { progress.update(step: $0) }
        }
        try files.write(study)
        let run = study.runs[position]
        let top = run.curvature?.eigenvalues.first.map { String(format: ", largest eigenvalue %.3g", $0) }
        progress.endRun(String(format: "loss %.4g", run.loss) + (top ?? ""))
    }
}

/// Weights of a run, with what the run says of them.
private struct LandscapeSubject {
    let path: String
    let weights: String
    let configuration: String
    let document: RunDocument
    var label: String
    let seed: UInt64?
    /// The held-out loss after the last step, if these weights are of that step.
    let recordedLoss: Double?

    /// The weights at paths: of a run's folder the newest checkpoint, of a folder of several runs those of each, of a
    /// checkpoint or a file itself. All must be of one model and its data.
    static func all(at paths: [String]) throws -> [LandscapeSubject] {
        var found: [LandscapeSubject] = []
        var directories: [RunDirectory] = []
        for path in paths {
            let isCheckpoint = try DurableStorage.kind(of: path + "/MANIFEST", followingLinks: true) != nil
            guard try DurableStorage.kind(of: path, followingLinks: true) == .folder, !isCheckpoint else {
                found.append(try LandscapeSubject(saved: path))
                continue
            }
            let runs = try RunDirectory.runs(under: path, includesTrials: false)
            guard !runs.isEmpty else { throw StorageError(.notFound, path: path, reason: "holds no run") }
            directories += runs
            found += try runs.map { try LandscapeSubject(run: $0) }
        }
        try RunDirectory.requireDistinct(directories)
        for subject in found.dropFirst() {
            let (own, first) = (subject.document, found[0].document)
            let difference: String? =
                if own.dataFingerprint != first.dataFingerprint {
                    "its runs were on other data, so that their losses mean different things"
                } else if own.task.description != first.task.description {
                    "other model (\(own.task.description), \(first.task.description))"
                } else { nil }
            if let difference {
                throw StorageError(
                    .damaged, path: subject.path,
                    reason: "cannot be compared with \(found[0].path): \(difference)")
            }
        }
        return distinguished(found)
    }

    /// Labels that are of one optimizer with one set of options each: others get a number.
    private static func distinguished(_ subjects: [LandscapeSubject]) -> [LandscapeSubject] {
        var kinds: [(label: String, options: [Setting])] = []
        return subjects.map { subject in
            let options = subject.document.options
            if !kinds.contains(where: { $0.label == subject.label && $0.options == options }) {
                kinds.append((subject.label, options))
            }
            let same = kinds.filter { $0.label == subject.label }
            let place = same.firstIndex { $0.options == options } ?? 0
            var subject = subject
            if place > 0 { subject.label += " (\(place + 1))" }
            return subject
        }
    }

    private init(run directory: RunDirectory) throws {
        let document = try directory.document()
        guard let newest = try directory.checkpoints.newest()?.checkpoint else {
            throw StorageError(.notFound, path: directory.path, reason: "holds no checkpoint")
        }
        (path, weights) = (directory.path, newest.modelFile)
        configuration = directory.configurationFile
        self.document = document
        (label, seed) = (document.label, document.record.seed)
        recordedLoss = newest.step == document.steps ? document.record.finalValidationLoss : nil
    }

    private init(saved path: String) throws {
        let saved = try SavedModel(at: path)
        guard let configuration = saved.configuration, let document = try saved.run else {
            throw StorageError(
                .damaged, path: path,
                reason: "is of no run, so that its data are not known: name a run or one of its checkpoints")
        }
        self.path = path
        weights = saved.weights
        self.configuration = configuration
        self.document = document
        let folder = saved.weights == path ? DurableStorage.folder(of: path) : path
        let step = try? Checkpoint(at: folder).step
        label = document.label + (step.map { ", step \($0)" } ?? "")
        seed = document.record.seed
        recordedLoss = step == document.steps ? document.record.finalValidationLoss : nil
    }
}
