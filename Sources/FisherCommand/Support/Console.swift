import FisherStudies
import FisherTraining
import Foundation

/// Prints a line and flushes it, so that it precedes progress on standard error.
func say(_ line: String) {
    print(line)
    StandardDescriptors.flushLines()
}

/// Prints a sentence on standard error after the program's name, with control characters escaped: it may quote what is in a
/// file.
func warn(_ sentence: String) { tell("fisher: \(sentence)") }

/// Prints a line on standard error, with control characters escaped.
func tell(_ line: String) {
    // Where standard error is full there is nobody to tell; the exit status still does.
    try? FileHandle.standardError.write(contentsOf: Data("\(line.printable)\n".utf8))
}

/// Rows of cells as lines of text, the headings first if they have some, fitted into the terminal if standard output is one.
func alignedColumns(_ rows: [[String]], hasHeadings: Bool = true, indent: Int = 0) -> String {
    let columns = rows[0].indices.map { column in
        StudyColumn<[String]>([hasHeadings ? rows[0][column] : ""], .left) { .init($0[column]) }
    }
    let body = hasHeadings ? Array(rows.dropFirst()) : rows
    let width = ProgressOutput.standardOutput().tableWidth.map { max($0 - indent, 1) }
    let margin = String(repeating: " ", count: indent)
    return StudyTable(body, columns).lines(width: width, head: hasHeadings ? .plain : .none).map {
        $0.isEmpty ? $0 : margin + $0
    }.joined(separator: "\n")
}

/// A sentence in lines between whose words a terminal breaks it; as it is for files and other programs.
func paragraph(_ text: String) -> String {
    guard let width = ProgressOutput.standardOutput().tableWidth else { return text }
    return DisplayWidth.paragraph(text, width: width).joined(separator: "\n")
}

/// The text of a study, fitted into the terminal if standard output is one.
func shown(_ study: some StudyDocument) -> String {
    let screen = ProgressOutput.standardOutput()
    return study.text(width: screen.tableWidth, usesColor: screen.usesColor)
}
