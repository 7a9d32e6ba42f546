import FisherStudies
import Foundation

/// A study with an HTML page.
public protocol ReportedStudy: StudyDocument {
    /// The study as one self-contained HTML page.
    func report() -> String
}

extension ReportedStudy {
    /// Writes the page alone, whole or not at all.
    public func writeReport(to path: String) throws(StudyFileError) {
        try StudyFiles.replaceFile(at: path, with: Data(report().utf8))
    }
}

extension StudyFiles {
    /// Writes the JSON, the table and the page, each of them whole or not at all, and makes the folder where it is
    /// missing.
    ///
    /// - Throws: `StudyFileError`, naming the file or the folder.
    public func writeWithReport(_ result: some ReportedStudy) throws(StudyFileError) {
        try write(result)
        try result.writeReport(to: report)
    }
}
