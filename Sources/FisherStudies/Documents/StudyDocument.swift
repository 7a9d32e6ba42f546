import Foundation

/// The stored result of a study: read and written as JSON, its records as comma-separated values, an overview
/// as text and Markdown.
///
/// A study describes its tables once; all forms come from them. On a page it is drawn by `FisherReports`.
public protocol StudyDocument: Codable, Sendable {
    /// The name of the document in messages, for example `a comparison's result`.
    static var kind: String { get }
    /// The version of the JSON layout that this package writes and reads.
    static var currentFormatVersion: Int { get }
    /// The subject of the study, in a line; empty if the table needs none.
    var title: String { get }
    /// All measurements, in the finest rows: the contents of `results.csv`.
    var records: StudyTable { get }
    /// The summary for readers.
    var overview: StudyTable { get }
    /// The meaning of the overview's columns.
    var legend: String { get }
    /// Warnings for the reader, a sentence each.
    var warnings: [String] { get }
    /// Further files that are written beside the results, by name; none by default.
    var attachments: [(name: String, contents: Data)] { get }
    /// The study as text, for a terminal or a file; by default the overview with its legend and warnings.
    ///
    /// - Parameters:
    ///   - width: The columns of a terminal, into which tables are fitted; nil for whole lines.
    ///   - usesColor: Whether strong cells are colored.
    func text(width: Int?, usesColor: Bool) -> String
    /// Throws for a number or a text that no study of this kind has, such as a negative count; called for every document
    /// that is read. By default it accepts everything.
    func validate() throws(DocumentFault)
}

extension StudyDocument {
    /// The records are the overview unless a study has finer ones.
    public var records: StudyTable { overview }

    /// No line above the table.
    public var title: String { "" }

    /// No warnings.
    public var warnings: [String] { [] }

    /// No further files.
    public var attachments: [(name: String, contents: Data)] { [] }

    /// Everything is accepted.
    public func validate() throws(DocumentFault) {}

    /// The study as indented JSON with sorted keys: equal results give equal bytes.
    ///
    /// Numbers that JSON lacks are written as the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
    public func json() -> Data { StoredJSON.encode(self) }

    /// Reads what `json()` wrote.
    ///
    /// - Throws: `StudyFileError.wrongContent` or `.unknownVersion`, naming `path`.
    public init(json data: Data, path: String) throws(StudyFileError) {
        do {
            // The version is decoded separately: a later layout may lack what this one expects.
            let version = try StoredJSON.decode(DocumentVersion.self, from: data).formatVersion
            if let version, version != Self.currentFormatVersion {
                throw StudyFileError.unknownVersion(
                    path: path, version: version, current: Self.currentFormatVersion)
            }
            self = try StoredJSON.decode(Self.self, from: data)
            try validate()
        } catch let error as StudyFileError {
            throw error
        } catch {
            throw .wrongContent(path: path, expected: Self.kind, reason: StoredJSON.reason(error))
        }
    }

    /// The records as comma-separated values under their keys.
    public func csv() -> String { records.csv() }

    /// The overview with its legend and warnings.
    public func text(width: Int?, usesColor: Bool) -> String {
        let title = title.isEmpty ? [] : DisplayWidth.paragraph(title, width: width)
        var lines = title + overview.lines(width: width, usesColor: usesColor)
        if !legend.isEmpty { lines += [""] + DisplayWidth.paragraph(legend, width: width) }
        return (lines + warningLines(width: width)).joined(separator: "\n") + "\n"
    }

    /// The study as text in whole lines without color.
    public func text() -> String { text(width: nil, usesColor: false) }

    /// The warnings as paragraphs below an empty line; nothing if there are none.
    package func warningLines(width: Int?) -> [String] {
        let lines = warnings.flatMap {
            DisplayWidth.paragraph("Warning: \($0.prefix(1).uppercased() + $0.dropFirst())", width: width)
        }
        return lines.isEmpty ? [] : [""] + lines
    }

    /// The overview as a table of Markdown, its title above and its legend below.
    public func markdown() -> String {
        (title.isEmpty ? "" : "\(title)\n\n") + overview.markdown() + (legend.isEmpty ? "" : "\n\(legend)\n")
    }
}

/// The part common to all layouts; the first layouts of some documents lack it.
private struct DocumentVersion: Decodable {
    let formatVersion: Int?
}
