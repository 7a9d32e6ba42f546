import FisherTables

/// What is done with cells that have no value.
public enum MissingCells: String, CaseIterable, Sendable {
    /// They are an error that names the line and the column.
    case error
    /// Rows with such a cell are left out.
    case drop
    /// A number becomes the mean of the rows to train on, a category none of its levels.
    case impute
}

/// How the columns of a table become numbers: a number as it is, a category as a column of 0 and 1 for each of its levels.
public struct TableEncoding: Codable, Hashable, Sendable {
    /// One column of the table.
    public struct Column: Codable, Hashable, Sendable {
        /// Its name.
        public let name: String
        /// The levels of a category; nil for numbers.
        public let levels: [String]?
    }

    /// The columns that are inputs, in the table's order.
    public let columns: [Column]

    /// The most levels of a category.
    static let mostLevels = 1000

    /// Takes the columns of a table but for some; throws ``DataError`` for texts of more than 1,000 levels, which are names
    /// rather than a category.
    init(of table: Table, without others: Set<String>, path: String) throws(DataError) {
        columns = try table.columns.filter { !others.contains($0.name) }.map { column throws(DataError) in
            if column.isNumeric { return Column(name: column.name, levels: nil) }
            let levels = column.levels
            guard levels.count <= Self.mostLevels else {
                throw DataError(
                    path,
                    "has \(levels.count) different texts in the column \(column.name.quoted()), too many for a category: "
                        + "leave it out with --drop \(column.name)")
            }
            return Column(name: column.name, levels: levels)
        }
        guard !columns.isEmpty else { throw DataError(path, "has no column left for the inputs") }
    }

    /// The names of the numbers that a row becomes: `age`, and `color=red` for a level.
    public var names: [String] {
        columns.flatMap { column in column.levels.map { $0.map { "\(column.name)=\($0)" } } ?? [column.name] }
    }

    /// Whether each of the numbers that a row becomes is a number of the table, not a level.
    package var areNumbers: [Bool] {
        columns.flatMap { column in column.levels.map { $0.map { _ in false } } ?? [true] }
    }

    /// The rows of a table without missing cells in the inputs and in other columns, or all of them.
    ///
    /// Throws ``DataError`` for a missing cell where `missing` says so.
    func rows(
        of table: Table, and others: [String], missing: MissingCells
    ) throws -> [Int] {
        let inputs = try columns.map { try table.column($0.name) }
        let targets = try others.map { try table.column($0) }
        func complaint(_ row: Int, _ column: Table.Column, _ remedy: String) -> DataError {
            DataError(
                "\(table.place(ofRow: row)),", "has no value in the column \(column.name.quoted()): \(remedy)"
            )
        }
        return try (0..<table.rowCount).filter { row in
            if let column = targets.first(where: { $0.isMissing(at: row) }) {
                guard missing == .drop else {
                    throw complaint(row, column, "it is a target; --missing drop leaves such rows out")
                }
                return false
            }
            guard missing != .impute, let column = inputs.first(where: { $0.isMissing(at: row) }) else {
                return true
            }
            guard missing == .drop else {
                throw complaint(
                    row, column,
                    "fill it in, or give --missing impute for the mean of the rows to train on, or --missing drop to leave "
                        + "such rows out")
            }
            return false
        }
    }

    /// The numbers of some rows, NaN for a missing number, with the levels that the encoding does not know.
    ///
    /// Throws ``DataError`` for an infinite number and for a text in a column of numbers, `TableError` for a column that is
    /// not there.
    func numbers(of table: Table, rows: [Int]) throws -> (numbers: [Double], unknown: Set<String>) {
        let width = areNumbers.count
        var numbers = [Double](repeating: 0, count: rows.count * width)
        var unknown: Set<String> = []
        var place = 0
        for column in columns {
            let cells = try table.column(column.name)
            guard let levels = column.levels else {
                for (index, row) in rows.enumerated() {
                    numbers[index * width + place] = try Self.number(cells, row, table)
                }
                place += 1
                continue
            }
            let places = Dictionary(uniqueKeysWithValues: zip(levels, levels.indices))
            for (index, row) in rows.enumerated() where !cells.isMissing(at: row) {
                if let level = places[cells.texts[row]] {
                    numbers[index * width + place + level] = 1
                } else {
                    unknown.insert("\(column.name)=\(cells.texts[row])")
                }
            }
            place += levels.count
        }
        return (numbers, unknown)
    }

    /// The number of a cell; NaN where it is missing.
    static func number(_ cells: Table.Column, _ row: Int, _ table: Table) throws -> Double {
        if cells.isMissing(at: row) { return .nan }
        guard let value = cells.number(at: row) else {
            throw DataError(
                "\(table.place(ofRow: row)),",
                "has \(cells.texts[row].quoted()) in the column \(cells.name.quoted()), which holds numbers")
        }
        guard value.isFinite else {
            throw DataError(
                "\(table.place(ofRow: row)),", "holds an infinite number in the column \(cells.name.quoted())"
            )
        }
        return value
    }
}
