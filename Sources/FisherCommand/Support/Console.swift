import Foundation

/// Prints a line and flushes it, so that it precedes progress on standard error.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

/// Prints a sentence on standard error after the program's name, with control characters escaped: it may quote what is in a
/// file.
func warn(_ sentence: String) { tell("fisher: \(sentence)") }

/// Prints a line on standard error, with control characters escaped.
func tell(_ line: String) {
    // Where standard error is full there is nobody to tell; the exit status still does.
    try? FileHandle.standardError.write(contentsOf: Data("\(line.printable)\n".utf8))
}

/// Rows of cells as lines of text, every column as wide as its widest cell.
func alignedColumns(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        let cells = zip(row, widths).map { cell, width in
            cell + String(repeating: " ", count: width - cell.count)
        }
        return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
}
