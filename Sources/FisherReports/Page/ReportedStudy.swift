import FisherStudies
import Foundation

/// A study with an HTML page.
public protocol ReportedStudy: StudyDocument {
    /// The study as one self-contained HTML page.
    func report() -> String
    /// The same study with another title on its page; by default the study as it is.
    func titled(_ title: String) -> Self
}

extension ReportedStudy {
    public func titled(_ title: String) -> Self { self }
}

extension ReportedStudy {
    /// Writes the page alone, whole or not at all.
    ///
    /// - Parameters:
    ///   - path: the page's path.
    ///   - title: the page's title; nil for the study's own.
    /// - Throws: `StudyFileError`, naming the file.
    public func writeReport(to path: String, title: String? = nil) throws(StudyFileError) {
        let study = title.map(titled) ?? self
        try StudyFiles.replaceFile(at: path, with: Data(study.report().utf8))
    }
}

extension StudyFiles {
    /// Writes the JSON, the table and the page, each of them whole or not at all, and creates the folder if
    /// it is missing.
    ///
    /// - Parameters:
    ///   - result: the study.
    ///   - title: the page's title; nil for the study's own.
    /// - Throws: `StudyFileError`, naming the file or the folder.
    public func writeWithReport(_ result: some ReportedStudy, title: String? = nil) throws(StudyFileError) {
        try write(result)
        try result.writeReport(to: report, title: title)
    }
}
