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

    func run() throws {
        let directories = try folders.flatMap { try RunDirectory.runs(under: $0) }
        try RunDirectory.requireDistinct(directories)
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
        print(RunTable(chosen, by: sort, descending: descending).text(keys: show))
    }
}

extension RunTable.Order: ExpressibleByArgument {}
