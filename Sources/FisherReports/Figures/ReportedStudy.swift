import FisherStudies
import Foundation

/// What a page says besides its study.
public struct PageOptions: Sendable, Hashable {
    /// The title at the head of the page; nil for the task's name.
    public var title: String?
    /// Where the numbers of the page lie, a sentence for its last line; nil if it is not known.
    public var source: String?

    /// The runs that are under way while the page is made: they are drawn, and no sentence rests on them.
    public var running: Set<RunName> = []

    /// One run among those of a comparison.
    public struct RunName: Hashable, Sendable {
        let label: String
        let seed: UInt64

        /// Names a run by its optimizer and its seed.
        public init(label: String, seed: UInt64) { (self.label, self.seed) = (label, seed) }
    }

    /// Gathers what a page says.
    public init(title: String? = nil, source: String? = nil) { (self.title, self.source) = (title, source) }

    /// The page of a study's folder, with the results beside it.
    public static let besideResults = PageOptions(
        source: "The numbers are in results.json and results.csv beside this page.")
}

/// A study with an HTML page and figures.
public protocol ReportedStudy: StudyDocument {
    /// The study as one self-contained HTML page.
    func report(_ options: PageOptions) -> String
    /// The figures for papers that these results have, the main one first.
    var figures: [StudyFigure] { get }
    /// The names of all figures that a study of this kind can have.
    static var figureNames: [String] { get }
}

extension ReportedStudy {
    /// The page of the study's folder.
    public func report() -> String { report(.besideResults) }

    /// Writes the page alone, whole or not at all.
    public func writeReport(to path: String, _ options: PageOptions = .besideResults) throws(StudyFileError) {
        try StudyFiles.replaceFile(at: path, with: Data(report(options).utf8))
    }
}

extension StudyFiles {
    /// Writes the JSON, the table and the page, each of them whole or not at all, and creates the folder if
    /// it is missing.
    ///
    /// - Parameters:
    ///   - result: the study.
    ///   - title: the title at the head of the page; nil for the task's name.
    /// - Throws: `StudyFileError`, naming the file or the folder.
    public func writeWithReport(_ result: some ReportedStudy, title: String? = nil) throws(StudyFileError) {
        try write(result)
        var options = PageOptions.besideResults
        options.title = title
        try result.writeReport(to: report, options)
    }
}
