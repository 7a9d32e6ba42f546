import FisherFiles
import FisherMedia
import FisherTables
import Torch

extension DataReader {
    func table(
        _ table: Table, _ known: TableEncoding?, _ classNames: [String]?
    ) throws -> DataSet {
        let path = request.inputs
        guard request.targets.isEmpty else {
            // Rows are paired with those of another file: none can be left out.
            guard request.missing != .drop else {
                throw DataError(
                    path, "has its targets in another file, so that --missing drop cannot leave rows out")
            }
            let encoding =
                try known ?? TableEncoding(of: table, without: Set(request.dropped), path: path)
            let rows = try encoding.rows(of: table, and: [], missing: request.missing)
            let inputs = try self.inputs(of: table, encoding, rows, path)
            let (targets, notes) = try ownTargets(classNames)
            guard targets.count == rows.count else {
                throw DataError(path, "has \(rows.count) rows, but there are \(targets.count) targets")
            }
            var set = DataSet(path, inputs: .array(inputs.array), targets: targets, encoding: encoding)
            set.notes = inputs.notes + notes
            return set
        }
        let targets = request.targetColumns
        if targets.isEmpty, !request.needsNoTargets {
            if let only = table.columns.first, table.columns.count == 1 {
                throw DataError(
                    path,
                    "is text of one column, \(only.name.quoted()), where a table has a column for the targets beside those of the "
                        + "inputs: name a file of targets with --targets, or another file of inputs")
            }
            let names = table.columns.prefix(30).map(\.name).joined(separator: ", ")
            throw DataError(
                path, "is a table: name the column to predict with --target; its columns are \(names)")
        }
        for name in request.dropped + targets { _ = try table.column(name) }
        let sides = [request.splitColumn, request.groupColumn].filter { !$0.isEmpty }
        let encoding =
            try known
            ?? TableEncoding(
                of: table, without: Set(request.dropped + targets + sides), path: path)
        let rows = try encoding.rows(
            of: table, and: request.needsNoTargets ? [] : targets, missing: request.missing)
        guard !rows.isEmpty else { throw DataError(path, "has a missing cell in each of its rows") }
        let inputs = try self.inputs(of: table, encoding, rows, path)
        var notes = inputs.notes
        if rows.count < table.rowCount {
            notes.append("\(table.rowCount - rows.count) rows with missing cells are left out")
        }
        var set = DataSet(
            path, inputs: .array(inputs.array),
            targets: request.needsNoTargets
                ? nil : try self.targets(of: table, targets, rows, classNames, &notes),
            encoding: encoding)
        set.notes = notes
        if !request.splitColumn.isEmpty {
            set.isHeldOut = try isHeldOut(try table.column(request.splitColumn), rows, table)
        }
        if !request.groupColumn.isEmpty {
            let column = try table.column(request.groupColumn)
            let numbers = Dictionary(
                uniqueKeysWithValues: Set(column.texts).sorted().enumerated().map { ($1, $0) })
            set.groups = rows.map { numbers[column.texts[$0]] ?? 0 }
        }
        return set
    }

    func inputs(
        of table: Table, _ encoding: TableEncoding, _ rows: [Int], _ path: String
    ) throws -> (array: DataArray, notes: [String]) {
        let (numbers, unknown) = try encoding.numbers(of: table, rows: rows)
        var notes: [String] = []
        if !unknown.isEmpty {
            notes.append(
                "\(path) has values that the data to train on lack, taken as none of theirs: "
                    + unknown.sorted().prefix(8).joined(separator: ", "))
        }
        return (DataArray(path, numbers, shape: [rows.count, encoding.areNumbers.count]), notes)
    }

    private static let trainingWords: Set = ["train", "training"]
    private static let heldOutWords: Set = ["test", "val", "valid", "validation", "held_out", "heldout"]

    func isHeldOut(_ column: Table.Column, _ rows: [Int], _ table: Table) throws -> [Bool] {
        try rows.map { row in
            let word = column.texts[row].lowercased()
            guard Self.trainingWords.union(Self.heldOutWords).contains(word) else {
                throw DataError(
                    "\(table.place(ofRow: row)),",
                    "has \(column.texts[row].quoted()) in the column \(column.name.quoted()), which says with train or test "
                        + "on which side a row is")
            }
            return Self.heldOutWords.contains(word)
        }
    }

    /// The targets of a table: classes where one column of texts is named, numbers otherwise.
    func targets(
        of table: Table, _ names: [String], _ rows: [Int], _ classNames: [String]?,
        _ notes: inout [String]
    ) throws -> SampleTargets {
        let columns = try names.map { try table.column($0) }
        guard let first = columns.first else { preconditionFailure("a target") }
        let path = table.place(ofRow: 0).path
        let isClass =
            request.kind == .classes || request.kind == nil && columns.count == 1 && !first.isNumeric
        if isClass || request.kind == .shares && columns.count == 1 && !first.isNumeric {
            guard columns.count == 1 else {
                throw DataError(path, "has \(columns.count) targets, where classes are one column")
            }
            // Of whole numbers, 2 and 2.0 are one class.
            let levels = classNames ?? Self.levels(of: first, rows)
            guard levels.count < 1 << 16,
                request.kind != .classes || !first.isNumeric || Self.areWhole(levels)
            else {
                throw DataError(
                    path,
                    "has numbers with a fraction in the column \(first.name.quoted()), which are no classes: "
                        + "leave --likelihood categorical out")
            }
            let places = Dictionary(levels.enumerated().map { ($1, $0) }, uniquingKeysWith: { $1 })
            let labels = try rows.map { row in
                guard let label = places[Self.className(first, row)] else {
                    throw DataError(
                        "\(table.place(ofRow: row)),",
                        "has the class \(first.texts[row].quoted()), which the data to train on lack")
                }
                return label
            }
            if request.kind == .shares {
                guard levels.count == 2 else {
                    throw DataError(
                        path,
                        "has \(levels.count) different texts in \(first.name.quoted()), where bernoulli needs 2"
                    )
                }
                return .numbers(
                    DataArray(path, labels.map(Double.init), shape: [rows.count, 1]),
                    names: ["\(first.name)=\(levels[1])"])
            }
            notes.append("\(first.name) is a class (\(levels.count) of them)")
            return .classes(labels, names: levels)
        }
        if let text = columns.first(where: { !$0.isNumeric }) {
            throw DataError(path, "has texts in the target \(text.name.quoted()), where numbers are needed")
        }
        var numbers: [Double] = []
        for row in rows {
            for column in columns { numbers.append(try TableEncoding.number(column, row, table)) }
        }
        if request.kind == .shares { try requireShares(numbers, path) }
        if request.kind == nil, columns.count == 1 {
            let levels = Set(numbers)
            if levels.count <= 20, levels.allSatisfy({ $0 == $0.rounded() }) {
                notes.append(
                    "\(first.name) has \(levels.count) different whole numbers and is taken as a number; --likelihood "
                        + "categorical takes it as classes")
            }
        }
        return .numbers(DataArray(path, numbers, shape: [rows.count, columns.count]), names: names)
    }

    static func className(_ column: Table.Column, _ row: Int) -> String {
        guard column.isNumeric, let value = column.number(at: row), let whole = Int(exactly: value) else {
            return column.texts[row]
        }
        return "\(whole)"
    }

    static func levels(of column: Table.Column, _ rows: [Int]) -> [String] {
        let found = Set(rows.map { className(column, $0) })
        return Table.Column(name: column.name, texts: Array(found)).levels
    }

    static func areWhole(_ levels: [String]) -> Bool { levels.allSatisfy { Int($0) != nil } }
}
