import FisherFiles
import FisherTables

/// How the columns of a design are made of those of a table; the same for every part of the data.
package struct DesignSpecification: Codable, Hashable, Sendable {
    /// One factor of a term.
    package enum Factor: Codable, Hashable, Sendable {
        /// A number: the column of this name, or an expression of columns.
        case number(String)
        /// A category; the first level is the reference.
        case category(column: String, levels: [String])

        var name: String {
            switch self {
            case .number(let name): name
            case .category(let column, _): column
            }
        }
    }

    /// A term: the product of its factors.
    package struct Term: Codable, Hashable, Sendable {
        package let name: String
        package let factors: [Factor]
        /// For each factor whether all its levels have columns, since no other term has its margin.
        let isFull: [Bool]
    }

    package let hasIntercept: Bool
    package let terms: [Term]

    /// Resolves the terms of a formula on a table.
    ///
    /// - Parameters:
    ///   - hasThresholds: whether the model has thresholds in the intercept's place, as an ordinal one has.
    ///   - levels: the levels of columns in their order, the reference first; others are sorted.
    ///   - used: columns that `.` does not stand for.
    package init(
        _ formula: Formula, hasThresholds: Bool = false, table: Table, levels: [String: [String]],
        used: Set<String>
    ) throws(ModelError) {
        var wanted = formula.terms
        if formula.takesRest {
            let taken = used.union(formula.terms.flatMap(\.self)).union([formula.response])
            wanted = table.columns.map(\.name).filter { !taken.contains($0) }.map { [$0] } + wanted
        }
        var made: [(name: String, factors: [Factor])] = []
        for term in wanted {
            var factors: [Factor] = []
            for name in term { factors.append(try Self.factor(name, table: table, levels: levels)) }
            made.append((factors.map(\.name).joined(separator: ":"), factors))
        }
        if hasThresholds, !formula.hasIntercept {
            throw ModelError("an ordinal model has thresholds and no intercept to leave out", isUsage: true)
        }
        hasIntercept = formula.hasIntercept && !hasThresholds
        let present = Set(made.map { Set($0.factors.map(\.name)) })
        var fullMain = formula.hasIntercept
        terms = made.map { term in
            let isFull = term.factors.map { factor in
                let margin = Set(term.factors.map(\.name)).subtracting([factor.name])
                guard case .category = factor else { return false }
                if !margin.isEmpty { return !present.contains(margin) }
                // Without an intercept the first category has all its levels, and stands for it.
                defer { fullMain = true }
                return !fullMain
            }
            return Term(name: term.name, factors: term.factors, isFull: isFull)
        }
    }

    private static func factor(
        _ text: String, table: Table, levels: [String: [String]]
    ) throws(ModelError) -> Factor {
        func category(_ column: Table.Column) throws(ModelError) -> Factor {
            let found = levels[column.name] ?? column.levels
            guard found.count > 1 else {
                throw ModelError(
                    "the column \(column.name.quoted()) has the one value \((found.first ?? "").quoted()): a category needs two; leave it out"
                )
            }
            guard found.count <= 1000 else {
                throw ModelError(
                    "the column \(column.name.quoted()) is no column of numbers and has \(found.count) different values; a category may have 1,000"
                )
            }
            return .category(column: column.name, levels: found)
        }
        if text.hasPrefix("C("), text.hasSuffix(")") {
            return try category(try self.column(String(text.dropFirst(2).dropLast()), of: table))
        }
        if let column = table.columns.first(where: { $0.name == text }) {
            return column.isNumeric && levels[text] == nil ? .number(text) : try category(column)
        }
        guard text.contains("(") else { return .number(try self.column(text, of: table).name) }
        let expression: Expression
        do throws(ExpressionError) { expression = try Expression(text) } catch {
            throw ModelError(error.description, isUsage: true)
        }
        for name in expression.names where !(try column(name, of: table).isNumeric) {
            throw ModelError("\(text) takes \(name.quoted()), which is no column of numbers")
        }
        return .number(text)
    }

    static func column(_ name: String, of table: Table) throws(ModelError) -> Table.Column {
        do throws(TableError) { return try table.column(name) } catch {
            throw ModelError(error.description)
        }
    }

    /// The columns of the table that the terms read.
    var sources: [String] {
        terms.flatMap(\.factors).flatMap { factor in
            switch factor {
            case .category(let column, _): [column]
            case .number(let text): (try? Expression(text))?.names ?? [text]
            }
        }
    }

    /// The reference level of each category that has one.
    package var references: [(column: String, level: String)] {
        var found: [(column: String, level: String)] = []
        for term in terms {
            for (factor, isFull) in zip(term.factors, term.isFull) {
                guard case .category(let column, let levels) = factor, !isFull,
                    !found.contains(where: { $0.column == column })
                else { continue }
                found.append((column, levels[0]))
            }
        }
        return found
    }
}
