import ArgumentParser
import Fisher
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher continual`: elastic weight consolidation with several sources of the Fisher information, side by side.
struct Continual: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "continual",
        abstract:
            "Learn tasks one after another, and show how much each kind of Fisher information preserves.",
        discussion: """
            The tasks are the digits with their pixels in another order each. A small classifier learns them in \
            turn; elastic weight consolidation holds weights that earlier tasks need, by a diagonal of the Fisher \
            information from one source or another. Methods: \
            \(ContinualMethod.allCases.map { "\($0.rawValue) (\($0.explanation))" }.joined(separator: ", ")).

            Several --strengths are tried for every method on a split of the training images, and the best is \
            taken: fisher continual --methods none,l2,exact --strengths 1,10,100,1000

            Every run has a run folder below the comparison's, with metrics, events and a checkpoint; fisher runs lists them.
            """)

    @Option(help: "The number of tasks.")
    var tasks = 5
    @Option(help: "Methods, with commas between them; by default all.")
    var methods = MethodList(ContinualMethod.allCases)
    @Option(help: "Strengths (lambda) to choose from, with commas between them.")
    var strengths = StrengthList([0.001, 0.01, 0.1, 1, 10, 30, 100, 300, 1000, 3000, 10000])
    @Option(help: "Seeds with which each strength is tried.")
    var tuningSeeds = 1
    @Option(help: "How tasks are remembered: separate penalties, or one online.")
    var memory = MemoryName.separate
    @Option(help: "gamma of the online memory: what of the old information is kept at each task.")
    var decay = 1.0
    @Option(help: "The optimizer, with its options after a colon.")
    var optimizer: OptimizerSpecification = OptimizerSpecification(
        name: "sgd", settings: [("momentum", "0.9")])
    @Option(help: "The largest learning rate.")
    var learningRate = 0.05
    @Option(help: "Its course in each task: constant or cosine.")
    var schedule = OptimizerConfiguration.Course.cosine
    @Option(help: "Steps on each task.")
    var steps = 400
    @Option(help: "Images in a batch.")
    var batch = 64
    @Option(help: "The width of both hidden layers.")
    var width = 100
    @OptionGroup var seeds: SeedArguments
    @Option(help: "The share of the images that is held out.")
    var testShare = 0.25
    @OptionGroup var threads: ThreadArguments
    @Flag(help: "Print the result as JSON instead of a table.")
    var json = false
    @Flag(help: "Continue the same comparison, where none is begin it: finished runs are not repeated.")
    var resume = false
    @Flag(help: "Resume runs although checkpoints that were saved, or part of metrics.jsonl, are gone.")
    var acceptDamage = false
    @Option(name: .shortAndLong, help: "The folder for results.csv, results.json, report.html and all runs.")
    var output = "runs/continual"
    @OptionGroup(title: "Names") var marks: MarkArguments

    func validate() throws {
        try requirePositive(["tasks": tasks, "steps": steps, "batch": batch, "width": width])
        try SeedArguments.require(tuningSeeds: tuningSeeds)
        guard (0...1).contains(decay) else {
            throw ValidationError("--decay must lie between 0 and 1, not \(decay).")
        }
        guard learningRate > 0, learningRate.isFinite else {
            throw ValidationError("--learning-rate must be more than zero, not \(learningRate).")
        }
    }

    @OptionGroup var figures: FigureArguments

    func run() throws {
        Interruption.install()
        try figures.check(names: ContinualComparison.figureNames)
        threads.apply(usual: 1)
        var course = OptimizerConfiguration()
        (course.learningRate, course.schedule) = ("\(learningRate)", schedule)
        let rate = try course.learningRate(steps: steps)
        guard !tasks.multipliedReportingOverflow(by: max(1, steps)).overflow,
            tasks * steps <= 1_000_000_000_000
        else {
            throw UsageError(
                description: "--tasks \(tasks) of --steps \(steps) are more steps than a run can have")
        }
        let candidate = try optimizer.candidate(sharing: [("learning_rate", "\(rate)")], clip: nil)
        // A folder that cannot be used is reported before anything is computed.
        if resume { try Invocation.requireSomething(toResumeIn: output, Invocation.onlyResumes()) }
        let folder = try StudyDirectory(path: output, kind: .continual, resuming: resume)
        defer { withExtendedLifetime(folder) {} }
        let files = folder.files
        let (training, test) = try Digits.all.split(test: testShare)
        let comparison = ContinualRunner(
            training: try made(candidate, training, test),
            tuning: try made(candidate, try training.split(test: testShare, seed: 1)),
            methods: methods.values, strengths: strengths.values,
            seeds: try seeds.numbers(3), tuningSeeds: tuningSeeds)
        var result = ContinualComparison(
            task: try summary(candidate, training, test),
            environment: .current())
        if resume, files.hasResult {
            let old = try files.read(ContinualComparison.self)
            guard old.task == result.task else {
                throw UsageError(
                    description:
                        "\(output) holds a comparison of other tasks or settings: choose another --output")
            }
            result = old
        }
        if !json { say(result.task.description) }
        let missing = comparison.runCount(after: result)
        let status = StudyStatus(
            .continual, of: result.task, by: .current(),
            planned: StudyDigest(result).finished + missing)
        let progress = ProgressDisplay(runCount: missing)
        let title = try marks.apply(to: folder.path).title
        do {
            result = try status.recorded(in: folder.path) {
                defer { progress.finish() }
                let found = try comparison(
                    into: result, in: folder, allowing: acceptDamage ? .damage : [], progress: progress
                ) { try files.writeWithReport($0, title: title) }
                try files.writeWithReport(found, title: title)
                return found
            }
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)", command: Invocation.repeated(with: "--resume"))
        }
        if json {
            print(String(decoding: result.json(), as: UTF8.self), terminator: "")
        } else {
            print("\n" + shown(result))
            print("report: \(URL(filePath: files.report).path)")
        }
        try figures.write(result, quietly: json)
        try requireCompleted(result)
    }

    /// A comparison in which no run of any method came to its end is a divergence.
    private func requireCompleted(_ result: ContinualComparison) throws {
        let runs = result.entries.flatMap(\.runs)
        guard !runs.isEmpty, runs.allSatisfy({ $0.averageAccuracy == nil }) else { return }
        throw AllDiverged(reason: "\(runs[0].status)")
    }

    private func made(
        _ candidate: OptimizerCandidate, _ training: Digits, _ test: Digits
    ) throws -> ContinualTraining {
        try ContinualTraining(
            candidate, taskCount: tasks, steps: steps, batch: batch, width: width,
            memory: memory == .separate ? .separate : .online(decay: decay), training: training, test: test)
    }

    private func made(
        _ candidate: OptimizerCandidate, _ split: (training: Digits, test: Digits)
    ) throws -> ContinualTraining {
        try made(candidate, split.training, split.test)
    }

    private func summary(_ candidate: OptimizerCandidate, _ training: Digits, _ test: Digits) throws
        -> TaskSummary
    {
        let parameters = try made(candidate, training, test).parameterCount
        return TaskSummary(
            name: "permuted digits",
            description:
                "\(tasks) tasks of permuted digits in turn, \(steps) steps each, classifier 64-\(width)-"
                + "\(width)-10",
            parameterCount: parameters, lossUnit: "image",
            settings: [
                Setting("tasks", "\(tasks)"), Setting("steps a task", "\(steps)"),
                Setting("batch", "\(batch) images"),
                Setting("images", "\(training.count) to train on, \(test.count) held out, in each task"),
                Setting("network", "64-\(width)-\(width)-10, relu"),
                Setting("optimizer", "\(candidate.label), made anew for each task"),
                Setting("memory", memory == .separate ? "a penalty a task" : "online, decay \(decay)"),
                Setting("strengths", strengths.defaultValueDescription.replacing(",", with: ", ")),
            ] + candidate.options.map { Setting("optimizer: \($0.name)", $0.value) })
    }
}

/// How tasks are remembered.
enum MemoryName: String, CaseIterable, ExpressibleByArgument {
    case separate, online
}

/// `none,l2,exact`.
struct MethodList: DescribedArgument {
    let values: [ContinualMethod]

    init(_ values: [ContinualMethod]) { self.values = values }

    init?(argument: String) {
        let names = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let found = names.compactMap(ContinualMethod.init(rawValue:))
        guard found.count == names.count, Set(found).count == found.count else { return nil }
        values = found
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let known = ContinualMethod.allCases.map(\.rawValue)
        if let wrong = names.first(where: { !known.contains($0) }) {
            return wrong.isEmpty
                ? "has an empty name; methods are \(known.joined(separator: ", "))"
                : "names a method that is not known: \(unknownName(wrong, called: "method", among: known))"
        }
        return "names a method twice"
    }

    var defaultValueDescription: String { values.map(\.rawValue).joined(separator: ",") }
}

/// `1,10,100`.
struct StrengthList: DescribedArgument {
    let values: [Double]

    init(_ values: [Double]) { self.values = values }

    init?(argument: String) {
        let pieces = argument.split(separator: ",", omittingEmptySubsequences: false)
        let found = pieces.compactMap { Double($0) }
        guard found.count == pieces.count, Set(found).count == found.count,
            found.allSatisfy({ $0 >= 0 && $0.isFinite })
        else { return nil }
        values = found
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        "is not different numbers of zero or more with commas between them, such as 1,10,100"
    }

    var defaultValueDescription: String {
        values.map { $0 == $0.rounded() && $0 < 1e15 ? "\(Int($0))" : "\($0)" }.joined(separator: ",")
    }
}

extension OptimizerConfiguration.Course: ExpressibleByArgument {}
