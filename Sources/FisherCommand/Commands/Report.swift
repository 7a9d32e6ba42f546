import ArgumentParser
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher report`: one page of several runs or comparisons.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Make one report of several runs, or make a study's page again.",
        discussion: """
            Runs of one optimizer with one set of options are its seeds. The first one is the baseline. A run counts once, \
            and the trials of a tuning do not count. A single folder of compare, ablate, continual, hierarchy, landscape or reproduce is \
            shown by its own page, and so is a single run.
            """)

    @Argument(help: "Folders of runs (searched with those below them), or of one study.")
    var folders: [String]
    @Option(name: .shortAndLong, help: "The page to write.")
    var output = "report.html"
    @Option(help: "The title of the page; by default the one that the run or the study was given.")
    var title: String?
    @OptionGroup var judgement: JudgementArguments<StudyJudgement>
    @OptionGroup var figures: FigureArguments

    func run() throws {
        try figures.check(page: ("--output", output))
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
                try show(
                    part.study, page: "\(stem)-\(part.name).html", from: folders[0] + "/" + part.name,
                    part: part.name)
            }
        } else if let (run, document) = try singleRun() {
            try show(run, document)
        } else {
            try show(try ReportSource.study(of: folders), page: output, from: folders.joined(separator: ", "))
        }
    }

    /// Writes the page and prints the tables.
    private func show(
        _ study: any ReportedStudy, page: String, from folder: String, part: String? = nil
    ) throws {
        var study = study
        if var comparison = study as? OptimizerComparison {
            comparison.plan = judgement.plan(comparison.plan)
            study = comparison
        }
        try figures.check(among: study.figures.map(\.name))
        let hasResults = folders.count == 1 && StudyFiles(folder: folder).hasResult
        try study.writeReport(
            to: page,
            PageOptions(
                title: title ?? ownTitle,
                source: hasResults
                    ? "The numbers are in results.json and results.csv in \(folder)."
                    : "The numbers are in run.json and metrics.jsonl of each run in \(folder)."))
        if judgement.json {
            guard let comparison = study as? OptimizerComparison else {
                throw UsageError(
                    description: "--json is for comparisons: results.json holds the other studies")
            }
            printJSON(ComparisonSummary(of: comparison).json())
            return try figures.write(study, part: part, quietly: true)
        }
        say(shown(study))
        say("report: \(URL(filePath: page).path)")
        try figures.write(study, part: part)
    }

    /// The title that the run or the study was given.
    private var ownTitle: String? { folders.count == 1 ? (try? RunMarks(in: folders[0]))?.title : nil }

    /// The run in the folder that is named, if it is one run and no study.
    private func singleRun() throws -> (RunDirectory, RunDocument)? {
        guard folders.count == 1, let folder = folders.first, !StudyFiles(folder: folder).hasResult,
            !judgement.json
        else { return nil }
        let found = try RunDirectory.runs(under: folder, includesTrials: false)
        return try found.count == 1 ? (found[0], found[0].document()) : nil
    }

    /// Writes the page of one run, and prints its figures.
    private func show(_ run: RunDirectory, _ document: RunDocument) throws {
        let page = RunReport(document, folder: run.path, PageOptions(title: title ?? ownTitle))
        try figures.check(among: page.figures.map(\.name))
        try page.write(to: output)
        let screen = ProgressOutput.standardOutput()
        say(page.text(width: screen.tableWidth))
        say("report: \(URL(filePath: output).path)")
        try figures.write(figures: page.figures, table: page.table)
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
}
