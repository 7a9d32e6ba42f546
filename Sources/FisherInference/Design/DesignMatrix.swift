import FisherFiles
import FisherTables

/// The columns by which a model predicts, row-major.
package struct DesignMatrix: Sendable {
    package let names: [String]
    /// The columns of each term; the intercept is none.
    package let terms: [(name: String, columns: Range<Int>)]
    package let rowCount: Int
    package let values: [Double]
    package var columnCount: Int { names.count }

    package init(
        names: [String], terms: [(name: String, columns: Range<Int>)], rowCount: Int, values: [Double]
    ) {
        precondition(values.count == rowCount * names.count, "a design has a value for each row and name")
        (self.names, self.terms, self.rowCount, self.values) = (names, terms, rowCount, values)
    }

    /// The design of some rows of a table.
    ///
    /// Throws `ModelError` for a level that the specification does not have and for numbers that are not finite.
    init(_ specification: DesignSpecification, table: Table, rows: [Int]) throws(ModelError) {
        var names: [String] = []
        var columns: [[Double]] = []
        var terms: [(name: String, columns: Range<Int>)] = []
        if specification.hasIntercept {
            names.append("intercept")
            columns.append(Array(repeating: 1, count: rows.count))
        }
        for term in specification.terms {
            let first = names.count
            var parts: [(name: String, values: [Double])] = [("", Array(repeating: 1, count: rows.count))]
            for (factor, isFull) in zip(term.factors, term.isFull) {
                let own = try Self.columns(of: factor, isFull: isFull, table: table, rows: rows)
                parts = own.flatMap { column in
                    parts.map { part in
                        (
                            part.name.isEmpty ? column.name : part.name + ":" + column.name,
                            zip(part.values, column.values).map { $0 * $1 }
                        )
                    }
                }
            }
            names += parts.map(\.name)
            columns += parts.map(\.values)
            terms.append((term.name, first..<names.count))
        }
        var values = [Double](repeating: 0, count: rows.count * names.count)
        for (j, column) in columns.enumerated() {
            for i in rows.indices { values[i * names.count + j] = column[i] }
        }
        self.init(names: names, terms: terms, rowCount: rows.count, values: values)
    }

    private static func columns(
        of factor: DesignSpecification.Factor, isFull: Bool, table: Table, rows: [Int]
    ) throws(ModelError) -> [(name: String, values: [Double])] {
        switch factor {
        case .number(let text):
            return [(text, try numbers(text, table: table, rows: rows))]
        case .category(let column, let levels):
            let codes = try codes(column, levels: levels, table: table, rows: rows)
            return levels.indices.dropFirst(isFull ? 0 : 1).map { level in
                ("\(column)[\(levels[level])]", codes.map { $0 == level ? 1 : 0 })
            }
        }
    }

    /// A column's numbers, or those of an expression of columns.
    static func numbers(_ text: String, table: Table, rows: [Int]) throws(ModelError) -> [Double] {
        func checked(_ value: Double?, _ row: Int) throws(ModelError) -> Double {
            guard let value, value.isFinite else {
                throw ModelError(
                    "\(table.place(ofRow: row)): \(text.quoted()) is no finite number there")
            }
            return value
        }
        var values: [Double] = []
        values.reserveCapacity(rows.count)
        if let column = table.columns.first(where: { $0.name == text }) {
            for row in rows { values.append(try checked(column.number(at: row), row)) }
            return values
        }
        let expression: Expression
        do throws(ExpressionError) { expression = try Expression(text) } catch {
            throw ModelError(error.description, isUsage: true)
        }
        var columns: [String: Table.Column] = [:]
        for name in expression.names { columns[name] = try DesignSpecification.column(name, of: table) }
        for row in rows {
            let value = expression.evaluated { (name) throws(Never) in
                DualNumber(columns[name]?.number(at: row) ?? .nan)
            }
            values.append(try checked(value.value, row))
        }
        return values
    }

    /// The index of each row's level.
    static func codes(
        _ name: String, levels: [String], table: Table, rows: [Int]
    ) throws(ModelError) -> [Int] {
        let column = try DesignSpecification.column(name, of: table)
        let places = Dictionary(uniqueKeysWithValues: levels.enumerated().map { ($1, $0) })
        var codes: [Int] = []
        codes.reserveCapacity(rows.count)
        for row in rows {
            guard let code = places[column.texts[row]] else {
                throw ModelError(
                    "\(table.place(ofRow: row)): \(column.texts[row].quoted()) is no level of \(name.quoted()), which has \(levels.prefix(20).joined(separator: ", ")); give all of them with --levels"
                )
            }
            codes.append(code)
        }
        return codes
    }
}
