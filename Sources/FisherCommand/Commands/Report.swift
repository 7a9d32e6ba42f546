import ArgumentParser
import FisherReports
import FisherTraining
import Foundation

/// `fisher report`: one page of several runs or comparisons.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make one report of several runs, or recreate a comparison's report.",
        discussion:
            "Runs of one optimizer with one set of options are its seeds. The first one is the baseline.")

    @Argument(help: "Folders of runs (searched with those below them), or of one comparison.")
    var folders: [String]
    @Option(name: .shortAndLong, help: "The page to write.")
    var output = "report.html"

    func run() throws {
        try FileWriter.check(output)
        let result = try comparison()
        try result.writeReport(to: output)
        let screen = ProgressOutput.standardOutput()
        say(
            ComparisonSummary(of: result).text(
                width: screen.isTerminal ? screen.width() : nil, usesColor: screen.usesColor))
        say("report: \(URL(filePath: output).path)")
    }

    private func comparison() throws -> OptimizerComparison {
        if folders.count == 1, let folder = folders.first {
            let files = StudyFiles(folder: folder)
            if files.hasResult { return try files.read(OptimizerComparison.self) }
        }
        var runs: [RunTable.Run] = []
        for folder in folders {
            let found = RunDirectory.runs(under: folder)
            guard !found.isEmpty else { throw StorageError(.notFound, path: folder, reason: "holds no run") }
            for directory in found { runs.append((directory, try directory.document())) }
        }
        return try OptimizerComparison(runs)
    }
}
