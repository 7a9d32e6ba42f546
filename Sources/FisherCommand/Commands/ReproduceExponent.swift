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
    @Option(help: "A file for the article, as Markdown.")
    var article: String?
    @Option(help: "A file for its data, as comma-separated values.")
    var data: String?
    @Flag(help: "Print the study as JSON instead of a table.")
    var json = false

    func run() throws {
        for path in [article, data].compactMap(\.self) { try FileWriter.check(path) }
        Interruption.install()
        // Sums of several threads round differently; small problems gain nothing by them.
        Engine.threadCount = 1
        let progress = ProgressDisplay(runCount: 0)
        let reproduction = ExponentReproduction(in: output)
        let study: ExponentStudy
        do {
            study = try reproduction.run(screensOnly: screeningOnly, progress: progress)
            progress.finish()
        } catch let error as Interrupted {
            progress.finish()
            throw Resumable(signal: error.signal, command: "the same command")
        }
        if let data { try StudyFiles.replaceFile(at: data, with: Data(study.csv().utf8)) }
        if let article {
            let text = study.article(data: data ?? reproduction.files.csv, powers: ExponentPlan.powers)
            try StudyFiles.replaceFile(at: article, with: Data(text.utf8))
        }
        if json { return printJSON(study.json()) }
        say(study.text(usesColor: ProgressOutput.standardOutput().usesColor))
        if study.isComplete { say(study.conclusion) }
    }
}
