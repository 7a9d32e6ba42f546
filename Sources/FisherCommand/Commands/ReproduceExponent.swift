import ArgumentParser
import Fisher
import FisherClaims
import FisherFiles
import FisherStudies
import FisherTraining
import Foundation

/// `fisher reproduce exponent-study`.
struct ReproduceExponent: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exponent-study",
        abstract: "Study what FAdam's exponent does: direction or length; hours, and not among the claims.",
        discussion: """
            Stage 1 screens powers, lengths, clips, decays and sources of the information, and controls, on one problem with \
            two seeds. Stage 2 takes six of them at most to ten problems with ten seeds. What is finished is kept, and the same \
            command goes on where it was stopped; several processes may run it at once and share the work.

            fisher reproduce exponent-study --article Documentation/Exponent.md --data Documentation/Data/exponent.csv
            """)

    @Option(name: .shortAndLong, help: "The folder of runs and results.")
    var output = "runs/reproduce"
    @Flag(help: "End after stage 1.")
    var screeningOnly = false
    @Flag(help: "Train nothing: take the results as far as they are there.")
    var resultsOnly = false
    @Option(help: "A file for the article, as Markdown.")
    var article: String?
    @Option(help: "A file for its data, as comma-separated values.")
    var data: String?
    @Flag(help: "Print the study as JSON instead of a table.")
    var json = false

    func run() throws {
        for path in [article, data].compactMap(\.self) { try FileWriter.check(path) }
        let reproduction = ExponentReproduction(in: output)
        let study = resultsOnly ? try reproduction.files.read(ExponentStudy.self) : try trained(reproduction)
        if let data { try StudyFiles.replaceFile(at: data, with: Data(study.csv().utf8)) }
        if let article {
            let text = study.article(data: data ?? reproduction.files.csv, powers: ExponentPlan.powers)
            try StudyFiles.replaceFile(at: article, with: Data(text.utf8))
        }
        if json { return printJSON(study.json()) }
        say(shown(study))
        if !study.finals.isEmpty { say(study.conclusion) }
    }

    /// The study after what was missing of it has been trained.
    private func trained(_ reproduction: ExponentReproduction) throws -> ExponentStudy {
        Interruption.install()
        // Sums of several threads round differently; small problems gain nothing by them.
        Engine.threadCount = 1
        let progress = ProgressDisplay(runCount: 0)
        defer { progress.finish() }
        do {
            return try reproduction.run(screensOnly: screeningOnly, progress: progress)
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)", kept: "its runs are saved",
                command: Invocation.repeated())
        }
    }
}
