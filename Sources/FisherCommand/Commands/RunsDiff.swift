import ArgumentParser
import FisherTraining

/// `fisher runs diff`.
struct RunsDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show what differs between two runs, or two comparisons: configuration and results.",
        discussion: """
            The first table has the configuration keys whose values differ, the second the results side by side with the \
            second's less the first's. Of comparisons the results are the means of final losses over the seeds of each \
            optimizer; two runs are two samples, and a difference between them says nothing about their optimizers.

            fisher runs diff runs/first runs/second
            """)

    @Argument(help: "A run's or a comparison's folder.")
    var first: String
    @Argument(help: "Another of the same kind.")
    var second: String
    @Flag(help: "Print JSON instead of tables.")
    var json = false

    func run() throws {
        let difference: RunDifference
        switch (try Side(first), try Side(second)) {
        case (.run(let a), .run(let b)): difference = RunDifference(of: a, and: b)
        case (.comparison(let a), .comparison(let b)): difference = RunDifference(of: a, and: b)
        default:
            throw UsageError(
                description: "\(first) and \(second) are a run and a comparison: name two of one kind")
        }
        if json { return printJSON(StoredJSON.encode(difference)) }
        print(difference.text(first, second, width: ProgressOutput.standardOutput().tableWidth))
    }

    /// What a folder holds.
    private enum Side {
        case run(RunDocument)
        case comparison(RunDifference.Comparison)

        init(_ folder: String) throws {
            let directory = RunDirectory(path: folder)
            guard let found = try DurableStorage.names(inFolder: folder) else {
                throw StorageError(.notFound, path: folder, reason: "is not there")
            }
            let names = Set(found)
            if names.contains("run.json") {
                self = .run(try directory.document())
                return
            }
            let files = StudyFiles(folder: directory.path)
            guard names.contains("results.json") else {
                throw StorageError(
                    .notFound, path: folder, reason: "holds neither a run nor the results of a comparison")
            }
            guard let result = try files.readResult() as? OptimizerComparison else {
                throw UsageError(
                    description:
                        "\(folder) holds \(try files.resultLayout()?.described ?? "another study"): diff is of runs and of comparisons"
                )
            }
            let layer =
                names.contains("config.toml")
                ? try ConfigurationLayer(tomlFile: directory.configurationFile, followingLinks: false) : nil
            self = .comparison(RunDifference.Comparison(result, configuration: layer))
        }
    }
}
