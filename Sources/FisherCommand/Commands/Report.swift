import ArgumentParser
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher report`: one page of several runs or comparisons.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make one report of several runs, or make a study's page again.",
        discussion: """
            Runs of one optimizer with one set of options are its seeds. The first one is the baseline. A run counts once, \
            and the trials of a tuning do not count. A single folder of compare, ablate, continual, hierarchy, landscape or reproduce is \
            shown by its own page.
            """)

    @Argument(help: "Folders of runs (searched with those below them), or of one study.")
    var folders: [String]
    @Option(name: .shortAndLong, help: "The page to write.")
    var output = "report.html"
    @OptionGroup var judgement: JudgementArguments<StudyJudgement>

    func run() throws {
        try FileWriter.check(output)
        let parts = try parts()
        if parts.count > 1 {
            guard !judgement.json else {
                throw UsageError(
                    description:
                        "--json is for one comparison: name \(folders[0])/\(parts[0].name), or another below it"
                )
            }
            for part in parts {
                let stem = output.hasSuffix(".html") ? String(output.dropLast(5)) : output
                try show(part.study, page: "\(stem)-\(part.name).html")
            }
        } else {
            try show(try study(), page: output)
        }
    }

    /// Writes the page and prints the tables.
    private func show(_ study: any ReportedStudy, page: String) throws {
        var study = study
        if var comparison = study as? OptimizerComparison {
            comparison.plan = judgement.plan(comparison.plan)
            study = comparison
        }
        try study.writeReport(to: page)
        if judgement.json {
            guard let comparison = study as? OptimizerComparison else {
                throw UsageError(
                    description: "--json is for comparisons: results.json holds the other studies")
            }
            printJSON(ComparisonSummary(of: comparison).json())
            return
        }
        let screen = ProgressOutput.standardOutput()
        let text =
            (study as? OptimizerComparison).map {
                ComparisonSummary(of: $0).text(
                    width: screen.isTerminal ? screen.width() : nil, usesColor: screen.usesColor)
            } ?? study.text(usesColor: screen.usesColor)
        say(text)
        say("report: \(URL(filePath: page).path)")
    }

    /// The comparisons of one command on several kinds of data, each in a folder of its own below the one that is named;
    /// empty if it holds none or has results itself.
    private func parts() throws -> [(name: String, study: OptimizerComparison)] {
        guard folders.count == 1, let folder = folders.first, !StudyFiles(folder: folder).hasResult else {
            return []
        }
        let known = BuiltInText.allCases.map(\.rawValue)
        return try known.compactMap { name in
            let files = StudyFiles(folder: folder + "/" + name)
            return files.hasResult ? (name, try files.read(OptimizerComparison.self)) : nil
        }
    }

    private func study() throws -> any ReportedStudy {
        if folders.count == 1, let folder = folders.first {
            let files = StudyFiles(folder: folder)
            if files.hasResult {
                // Each layout has a key that the others lack; what is wrong is told of a comparison's.
                if let hierarchy = try? files.read(HierarchyComparison.self) { return hierarchy }
                if let claim = try? files.read(ClaimDocument.self) { return claim }
                if let landscape = try? files.read(LandscapeStudy.self) { return landscape }
                if let continual = try? files.read(ContinualComparison.self) { return continual }
                return try files.read(OptimizerComparison.self)
            }
        }
        var runs: [RunTable.Run] = []
        for folder in folders {
            let found = try RunDirectory.runs(under: folder, includesTrials: false)
            guard !found.isEmpty else { throw StorageError(.notFound, path: folder, reason: "holds no run") }
            for directory in found { runs.append((directory, try directory.document())) }
        }
        return try OptimizerComparison(runs)
    }
}
