import ArgumentParser
import FisherTraining

/// `fisher runs`: a table of runs.
struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List runs with their configuration, progress and results.",
        discussion:
            "fisher runs runs --sort best --filter optimizer.rule=fadam --show optimizer.learning_rate")

    @Argument(help: "Folders, searched with those below them.")
    var folders = ["runs"]
    @Option(help: "Sort by path, best, final, steps, seconds or date.")
    var sort = RunTable.Order.path
    @Flag(help: "Largest first.")
    var descending = false
    @Option(
        parsing: .singleValue,
        help: "key=value: a configuration key, or label, rule, phase, seed; repeatable.")
    var filter: [SettingArgument] = []
    @Option(parsing: .singleValue, help: "Show a configuration key as a column; repeatable.")
    var show: [String] = []
    @Flag(help: "Read every byte of the runs instead, and name what is not as it was written.")
    var verify = false

    func run() throws {
        let directories = try folders.flatMap { try RunDirectory.runs(under: $0) }
        try RunDirectory.requireDistinct(directories)
        if verify { return try verify(directories) }
        var found: [RunTable.Run] = []
        for directory in directories {
            do {
                found.append((directory, try directory.document()))
            } catch {
                warn("\(error)")
            }
        }
        let chosen = found.filter { run in
            filter.allSatisfy { RunTable.matches(run.document, key: $0.name, value: $0.value) }
        }
        guard !chosen.isEmpty else {
            throw StorageError(
                .notFound, path: folders.joined(separator: ", "),
                reason: found.isEmpty ? "holds no run" : "holds no run that passes the filter")
        }
        print(
            RunTable(chosen, by: sort, descending: descending).text(
                keys: show, width: ProgressOutput.standardOutput().tableWidth))
    }
}

extension Runs {
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
