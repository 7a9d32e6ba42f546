import Foundation

/// The result of a study as it is written down: read and written as JSON, its records as comma-separated values, an
/// overview as text and Markdown.
///
/// A study describes its tables once; all forms come from them. On a page it is drawn by `FisherReports`.
public protocol StudyDocument: Codable, Sendable {
    /// What a file of it is in a sentence, for example `a comparison's result`.
    static var kind: String { get }
    /// The version of the JSON layout that this package writes and reads.
    static var currentFormatVersion: Int { get }
    /// What was studied, in a line; empty where the table needs none.
    var title: String { get }
    /// All that was measured, in the finest rows: what `results.csv` holds.
    var records: StudyTable { get }
    /// What a reader looks at first.
    var overview: StudyTable { get }
    /// What the columns of the overview mean.
    var legend: String { get }
    /// What a reader should not overlook, a sentence each.
    var warnings: [String] { get }
}

extension StudyDocument {
    /// The records are the overview unless a study has finer ones.
    public var records: StudyTable { overview }

    /// No line above the table.
    public var title: String { "" }

    /// Nothing to warn of.
    public var warnings: [String] { [] }

    /// The study as indented JSON with sorted keys: equal results give equal bytes.
    ///
    /// Numbers that JSON lacks are written as the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
    public func json() -> Data { StoredJSON.encode(self) }

    /// Reads what `json()` wrote.
    ///
    /// - Throws: `StudyFileError.wrongContent` or `.unknownVersion`, naming `path`.
    public init(json data: Data, path: String) throws(StudyFileError) {
        do {
            // The version is looked at alone: a later layout may lack what this one expects.
            let version = try StoredJSON.decode(DocumentVersion.self, from: data).formatVersion
            if let version, version != Self.currentFormatVersion {
                throw StudyFileError.unknownVersion(
                    path: path, version: version, current: Self.currentFormatVersion)
            }
            self = try StoredJSON.decode(Self.self, from: data)
        } catch let error as StudyFileError {
            throw error
        } catch {
            throw .wrongContent(path: path, expected: Self.kind, reason: StoredJSON.reason(error))
        }
    }

    /// The records as comma-separated values under their keys.
    public func csv() -> String { records.csv() }

    /// The overview as text, for a terminal or a file, with its legend and warnings.
    public func text(usesColor: Bool = false) -> String {
        var lines = (title.isEmpty ? [] : [title]) + overview.lines(usesColor: usesColor)
        if !legend.isEmpty { lines += [""] + DisplayWidth.wrapped(legend, width: 100) }
        lines += warnings.flatMap { DisplayWidth.wrapped("Warning: \($0)", width: 100) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The overview as a table of Markdown, its title above and its legend below.
    public func markdown() -> String {
        (title.isEmpty ? "" : "\(title)\n\n") + overview.markdown() + (legend.isEmpty ? "" : "\n\(legend)\n")
    }
}

/// What every layout of a document has; the first ones of some do not say it.
private struct DocumentVersion: Decodable {
    let formatVersion: Int?
}
