import FisherFiles
import FisherTables

/// Everything that makes a model of a table: the same for every part of the data, so that their statistics add up.
package struct ModelSpecification: Codable, Hashable, Sendable {
    package var formula: String
    package var family: ModelFamily
    package var link: Link
    package var dispersion: Dispersion
    package var response: String
    package var responseLevels: [String]
    package var trials: String?
    package var offset: String?
    package var weights: String?
    package var weightKind: WeightKind
    package var cluster: String?
    package var design: DesignSpecification

    /// What a user says; the rest follows from the table.
    package struct Options: Sendable {
        package var formula = ""
        package var family = ModelFamily.gaussian
        package var link: Link?
        package var dispersion: Dispersion?
        package var trials: String?
        package var offset: String?
        package var weights: String?
        package var weightKind = WeightKind.frequency
        package var cluster: String?
        package var levels: [String: [String]] = [:]
        package init() {}
    }

    /// Resolves the options on a table: its columns, and the levels of its categories.
    package init(_ options: Options, table: Table) throws(ModelError) {
        let parsed = try Formula(options.formula)
        formula = options.formula
        family = options.family
        link = options.link ?? options.family.links[0]
        guard family.links.contains(link) else {
            throw ModelError(
                "the family \(family.rawValue) has no link \(link.rawValue); it has "
                    + family.links.map(\.rawValue).joined(separator: ", "), isUsage: true)
        }
        dispersion = options.dispersion ?? (family == .gaussian ? .learned : .known(1))
        if family.hasLevels, dispersion != .known(1) {
            throw ModelError("the family \(family.rawValue) has no dispersion", isUsage: true)
        }
        (trials, offset, weights) = (options.trials, options.offset, options.weights)
        (weightKind, cluster) = (options.weightKind, options.cluster)
        if trials != nil, family != .binomial {
            throw ModelError("trials are those of the family binomial", isUsage: true)
        }
        response = parsed.response
        if let column = options.levels.keys.sorted().first(where: { name in
            !table.columns.contains { $0.name == name }
        }) {
            throw ModelError("there is no column \(column.quoted()) to have levels", isUsage: true)
        }
        responseLevels = try Self.levels(of: response, family, trials, options.levels, table)
        let others = [options.trials, options.offset, options.weights, options.cluster].compactMap(\.self)
        design = try DesignSpecification(
            parsed, hasThresholds: family == .ordinal, table: table, levels: options.levels,
            used: Set(others))
    }

    private static func levels(
        of response: String, _ family: ModelFamily, _ trials: String?, _ given: [String: [String]],
        _ table: Table
    ) throws(ModelError) -> [String] {
        guard family.hasLevels || family == .binomial, trials == nil else { return [] }
        let column = try DesignSpecification.column(response, of: table)
        if family == .binomial, column.isNumeric, given[response] == nil { return [] }
        let found = given[response] ?? column.levels
        if family == .ordinal, !column.isNumeric, given[response] == nil {
            throw ModelError(
                "the order of the levels of \(response.quoted()) is not known: give it with --levels \(response)=\(found.prefix(10).joined(separator: ","))",
                isUsage: true)
        }
        let most = family == .binomial ? 2 : 100
        guard found.count >= 2, found.count <= most else {
            throw ModelError(
                "the response \(response.quoted()) has \(found.count) levels, where the family \(family.rawValue) takes \(most == 2 ? "two" : "two to \(most)")"
            )
        }
        return found
    }

    /// The table's rows as a model, and the number of rows that were left out.
    ///
    /// - Parameter dropsMissing: leaves rows out where a value is missing; otherwise the first is an error.
    package func model(of table: Table, dropsMissing: Bool) throws(ModelError) -> (
        model: RegressionModel, dropped: Int
    ) {
        let (rows, dropped) = try rows(of: table, dropsMissing: dropsMissing)
        func numbers(_ text: String?) throws(ModelError) -> [Double]? {
            guard let text else { return nil }
            return try DesignMatrix.numbers(text, table: table, rows: rows)
        }
        let weightValues = try numbers(weights)
        let counts = try numbers(trials)
        let responses = try responses(of: table, rows: rows, trials: counts)
        for (row, weight) in zip(rows, weightValues ?? []) where weight < 0 {
            throw ModelError("\(table.place(ofRow: row)): the weight \(weight) is negative")
        }
        var clusters: [Int]?
        if let cluster {
            let column = try DesignSpecification.column(cluster, of: table)
            let places = Dictionary(uniqueKeysWithValues: column.levels.enumerated().map { ($1, $0) })
            clusters = rows.map { places[column.texts[$0]] ?? 0 }
        }
        let matrix = try DesignMatrix(design, table: table, rows: rows)
        let model = RegressionModel(
            family: family, link: link, dispersion: dispersion, design: matrix, response: responses,
            levels: responseLevels, trials: counts, weights: weightValues, weightKind: weightKind,
            offset: try numbers(offset), clusters: clusters)
        guard !model.parameterNames.isEmpty else {
            throw ModelError("the formula \(formula.quoted()) has no parameter", isUsage: true)
        }
        guard model.parameterNames.count <= 1000 else {
            throw ModelError(
                "the model has \(model.parameterNames.count) parameters; the whole information matrix is computed for up to 1,000"
            )
        }
        guard model.unitCount > 0 else { throw ModelError("there are no observations of positive weight") }
        return (model, dropped)
    }

    private func rows(
        of table: Table, dropsMissing: Bool
    ) throws(ModelError) -> (rows: [Int], dropped: Int) {
        let texts = [response, trials, offset, weights, cluster].compactMap(\.self) + design.sources
        var names: [String] = []
        for text in texts {
            let isColumn = table.columns.contains { $0.name == text }
            let own = isColumn ? [text] : ((try? Expression(text))?.names ?? [text])
            names += own.filter { !names.contains($0) }
        }
        var columns: [Table.Column] = []
        for name in names { columns.append(try DesignSpecification.column(name, of: table)) }
        var rows: [Int] = []
        for row in 0..<table.rowCount {
            guard let column = columns.first(where: { $0.isMissing(at: row) }) else {
                rows.append(row)
                continue
            }
            guard dropsMissing else {
                throw ModelError(
                    "\(table.place(ofRow: row)): \(column.name.quoted()) is missing; --missing drop leaves such rows out"
                )
            }
        }
        guard !rows.isEmpty else { throw ModelError("every row has a missing value") }
        return (rows, table.rowCount - rows.count)
    }

    private func responses(
        of table: Table, rows: [Int], trials: [Double]?
    ) throws(ModelError) -> [Double] {
        if !responseLevels.isEmpty {
            return try DesignMatrix.codes(response, levels: responseLevels, table: table, rows: rows)
                .map(Double.init)
        }
        let values = try DesignMatrix.numbers(response, table: table, rows: rows)
        guard family != .gaussian else { return values }
        for (index, row) in rows.enumerated() {
            let (value, most) = (values[index], family == .poisson ? .infinity : trials?[index] ?? 1)
            guard value >= 0, value <= most, value == value.rounded(), most >= 1, most == most.rounded()
            else {
                let wanted =
                    family == .poisson
                    ? "a count"
                    : trials == nil ? "0 or 1 (counts need --trials)" : "a count of at most the trials"
                throw ModelError(
                    "\(table.place(ofRow: row)): \(response.quoted()) is \(value), where the family \(family.rawValue) needs \(wanted)"
                )
            }
        }
        return values
    }
}
