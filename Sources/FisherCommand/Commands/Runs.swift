import ArgumentParser
import Fisher
import FisherTraining

/// `fisher runs`: tables of runs and studies, what differs between two, and what people call them.
struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List runs and studies, compare two of them, and name them.",
        discussion: """
            fisher runs runs --sort best --filter optimizer.rule=fadam --show optimizer.learning_rate
            fisher runs diff runs/first runs/second
            fisher runs mark runs/first --name baseline --tag paper --note "before the new data"

            A folder of one of these names is listed as ./diff.
            """,
        subcommands: [RunsList.self, RunsDiff.self, RunsMark.self], defaultSubcommand: RunsList.self)
}

/// `fisher runs list`.
struct RunsList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List runs and studies with their state, progress and results.",
        discussion: """
            Comparisons, ablations, pilots, continual and hierarchy studies, landscapes and claims come first, each with \
            its state, what is done of what is planned, and its best result. Their own runs are listed if the folder of the \
            study is named, with --members, and where --filter or --show asks for them.

            A run is killed if it was running and no process is at work on it any more.
            """)

    @Argument(help: "Folders, searched with those below them.")
    var folders = ["runs"]
    @Option(help: "Sort by path, best, final, steps, seconds or date.")
    var sort = RunTable.Order.path
    @Flag(help: "Largest first.")
    var descending = false
    @Option(
        parsing: .singleValue,
        help:
            "key=value: a configuration key, or label, rule, phase, seed, task, name, tag, kind; repeatable.")
    var filter: [SettingArgument] = []
    @Option(parsing: .singleValue, help: "Show a configuration key as a column; repeatable.")
    var show: [String] = []
    @Flag(help: "List the runs of studies too.")
    var members = false
    @Flag(help: "Print JSON instead of tables.")
    var json = false
    @Flag(help: "Read every byte of the runs instead, and name what is not as it was written.")
    var verify = false

    func run() throws {
        if verify {
            let directories = try folders.flatMap { try RunDirectory.runs(under: $0) }
            try RunDirectory.requireDistinct(directories)
            return try verify(directories)
        }
        let listing = try RunListing(of: folders)
        for trouble in listing.troubles { warn(trouble) }
        try requireKnown(listing)
        let named = Set(folders.map { RunDirectory(path: $0).path })
        let listsAll = members || !filter.isEmpty || !show.isEmpty
        let runs = listing.runs.filter { run in
            (listsAll || run.study.map { named.contains($0) } ?? true)
                && filter.allSatisfy { RunTable.matches(run, key: $0.name, value: $0.value) }
        }
        let studies = listing.studies.filter { study in
            filter.allSatisfy { RunTable.matches(study, key: $0.name, value: $0.value) }
        }
        guard !runs.isEmpty || !studies.isEmpty else {
            throw StorageError(
                .notFound, path: folders.joined(separator: ", "),
                reason: listing.runs.isEmpty && listing.studies.isEmpty
                    ? "holds no run" : "holds no run that passes the filter")
        }
        let table = RunTable(runs, studies, by: sort, descending: descending)
        if json { return printJSON(StoredJSON.encode(RunListingDocument(table))) }
        print(table.text(keys: show, width: ProgressOutput.standardOutput().tableWidth))
    }

    /// Throws for a key to filter by that nothing has.
    private func requireKnown(_ listing: RunListing) throws {
        let own = Set(listing.runs.flatMap { $0.document.map { Array($0.configuration.keys) } ?? [] })
        guard !listing.runs.isEmpty || !listing.studies.isEmpty else { return }
        for setting in filter where !RunTable.keys.contains(setting.name) && !own.contains(setting.name) {
            throw UsageError(
                description: unknownName(
                    setting.name, called: "key of these runs", among: RunTable.keys + own.sorted()))
        }
    }

    /// Prints a line a run, or one for each of its damages; throws if there are any.
    private func verify(_ directories: [RunDirectory]) throws {
        var damaged = 0
        for directory in directories {
            let damages = RunVerification(directory).damages
            damaged += damages.isEmpty ? 0 : 1
            say(
                (damages.isEmpty ? ["\(directory.path.printable) is intact"] : damages.map { "\($0)" })
                    .joined(separator: "\n"))
        }
        guard damaged == 0 else { throw DamagedRuns(damaged: damaged, count: directories.count) }
    }
}

extension RunTable.Order: ExpressibleByArgument {}

/// The tables as JSON.
private struct RunListingDocument: Encodable {
    struct Run: Encodable {
        let path, phase: String
        let label, rule, study: String?
        let seed: UInt64?
        let steps, plannedSteps: Int?
        let best, final, seconds: Double?
        let date: String?
        let configuration: [String: String]?
        let marks: RunMarks
    }

    struct Study: Encodable {
        let path, kind, task, state, date: String
        let finished: Int
        let planned: Int?
        let best: String?
        let marks: RunMarks
    }

    let studies: [Study]
    let runs: [Run]

    init(_ table: RunTable) {
        studies = table.studies.map {
            Study(
                path: $0.path, kind: $0.kind.rawValue, task: $0.task, state: $0.state, date: $0.date,
                finished: $0.finished, planned: $0.planned, best: $0.best, marks: $0.marks)
        }
        runs = table.runs.map { run in
            let document = run.document
            return Run(
                path: run.directory.path, phase: run.state, label: document?.label, rule: document?.rule,
                study: run.study, seed: document?.record.seed,
                steps: document.map { $0.record.curve.last?.step ?? 0 }, plannedSteps: document?.steps,
                best: document?.record.bestValidationLoss, final: document?.record.completedLoss,
                seconds: document?.record.seconds, date: document?.environment.date,
                configuration: document?.configuration, marks: run.marks)
        }
    }
}
