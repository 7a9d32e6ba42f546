import FisherFiles
import FisherMedia
import FisherTables
import Torch

/// Reads samples from what a request names.
package struct DataReader {
    let request: DataRequest
    let poll: () throws -> Void

    /// A file as its contents say.
    enum Opened {
        case folder
        case table(Table)
        case arrays(ArrayFile)
        case array(DataArray)
    }

    private static let inputNames = [
        "inputs", "x", "X", "data", "images", "features", "input", "x_train", "X_train", "arr_0",
    ]
    private static let targetNames = [
        "targets", "y", "Y", "labels", "target", "label", "y_train", "Y_train", "arr_1",
    ]

    /// Prepares to read; `poll` is called now and then, and what it throws ends the reading.
    package init(_ request: DataRequest, poll: @escaping () throws -> Void = {}) {
        (self.request, self.poll) = (request, poll)
    }

    /// Reads the samples, with the encoding and the classes of others if they are to be like them.
    ///
    /// - Parameters:
    ///   - encoding: the encoding of a table that was read before.
    ///   - classNames: the classes of data that were read before.
    /// - Throws: `StorageError`, `SafetensorsError`, `TableError`, `MediaError` and ``DataError``, each with the file.
    package func dataSet(like encoding: TableEncoding? = nil, classNames: [String]? = nil) throws -> DataSet {
        switch try contents(of: request.inputs) {
        case .folder: return try images(classNames)
        case .table(let table): return try self.table(table, encoding, classNames)
        case .array(let array): return try arrays(array, nil, classNames)
        case .arrays(let file):
            let wanted = request.needsNoTargets ? ["x_test", "X_test"] + Self.inputNames : Self.inputNames
            var found = try arrays(try file.array(named: wanted), file, classNames)
            if request.targets.isEmpty, let inputs = file.find(["x_test", "X_test"]),
                let targets = file.find(["y_test", "Y_test"]), !request.needsNoTargets
            {
                found.heldOut = [
                    try made(
                        inputs, targets: targets, file.path,
                        classNames ?? Self.names(found.targets))
                ]
            }
            return found
        }
    }

    static func names(_ targets: SampleTargets?) -> [String]? {
        if case .classes(_, let names)? = targets { names } else { nil }
    }

    // What is at a path, by its contents.
    func contents(of path: String) throws -> Opened {
        var (file, name) = (path, String?.none)
        if try DurableStorage.kind(of: path, followingLinks: true) == nil,
            let colon = path.lastIndex(of: ":"), colon != path.startIndex,
            try DurableStorage.kind(of: String(path[..<colon]), followingLinks: true) == .file
        {
            (file, name) = (String(path[..<colon]), String(path[path.index(after: colon)...]))
        }
        if try DurableStorage.kind(of: file, followingLinks: true) == .folder { return .folder }
        let source = try ByteSource(path: file)
        switch try source.format {
        case .text:
            // A table takes some six times its text while it is read.
            guard source.byteCount / 2 < Swift.max(request.memory / 12, 1 << 16) else {
                throw DataError(
                    file,
                    "has \(byteText(Double(source.byteCount))) of text; a table is held in memory, where it takes about six "
                        + "times that: raise --memory, or write the numbers with numpy.save, which is read row by row"
                )
            }
            return .table(try Self.table(of: source.bytes(at: 0, count: source.byteCount), file))
        case .png, .jpeg, .gif, .webp, .tiff:
            throw DataError(
                file, "is one image: name the folder that holds a folder of images for each class")
        default:
            let arrays = try ArrayFile(source, path: file)
            guard let name else { return .arrays(arrays) }
            guard let array = arrays.find([name]) else {
                let known = arrays.arrays.prefix(20).map { $0.name.quoted() }.joined(separator: ", ")
                throw DataError(file, "has no array \(name.quoted()); it has \(known)")
            }
            return .array(array)
        }
    }

    /// The table of a text; throws ``DataError`` for a text of another kind, such as a program.
    private static func table(of bytes: [UInt8], _ path: String) throws -> Table {
        do {
            return try TableReader().table(of: bytes, path: path)
        } catch {
            // A table of one column whose rows have several is no table.
            let first = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            guard error.storage == nil, !first.contains(where: { [44, 59, 9, 34].contains($0) }) else {
                throw error
            }
            throw DataError(
                path,
                "is text, but no table of columns that commas, semicolons or tabs separate: its first line is "
                    + "\(String(decoding: first.prefix(60), as: UTF8.self).quoted())")
        }
    }

    /// Whether a file is an archive of NumPy (`.npz`), which must then hold arrays of some names; throws ``DataError`` for one
    /// that it lacks.
    package static func isArchive(_ path: String, of names: [String]) throws -> Bool {
        guard try FileReader(path).format() == .numpyArchive else { return false }
        let file = try ArrayFile(ByteSource(path: path), path: path)
        if let missing = names.first(where: { file.find([$0]) == nil }) {
            let known = file.arrays.prefix(20).map { $0.name.quoted() }.joined(separator: ", ")
            throw DataError(path, "has no array \(missing.quoted()); it has \(known)")
        }
        return true
    }

    /// The array of a name, or the only one, of a file of arrays; of a table all columns [rows, columns], float64.
    ///
    /// - Throws: what opening the file throws, ``DataError`` for a table with texts, and for numbers that are not finite.
    package static func tensor(_ name: String, at path: String) throws -> (tensor: Tensor, isTable: Bool) {
        let reader = DataReader(DataRequest(inputs: path, memory: 1 << 40))
        switch try reader.contents(of: path) {
        case .folder: throw DataError(path, "is a folder, not a file of \(name)")
        case .array(let array): return (try array.tensor(), false)
        case .arrays(let file):
            let names = name == "targets" ? targetNames : inputNames
            return (try file.array(named: names).tensor(), false)
        case .table(let table):
            if let text = table.columns.first(where: { !$0.isNumeric }) {
                throw DataError(
                    path, "has texts in the column \(text.name.quoted()), where numbers are needed")
            }
            var numbers: [Double] = []
            for row in 0..<table.rowCount {
                for column in table.columns {
                    let value = try TableEncoding.number(column, row, table)
                    guard !value.isNaN else {
                        throw DataError(
                            "\(table.place(ofRow: row)),",
                            "has no value in the column \(column.name.quoted())")
                    }
                    numbers.append(value)
                }
            }
            return (Tensor(numbers, shape: [table.rowCount, table.columns.count]), true)
        }
    }

    // MARK: Images

    func images(_ classNames: [String]?) throws -> DataSet {
        guard request.targets.isEmpty, request.targetColumns.isEmpty else {
            throw DataError(
                request.inputs, "is a folder of images, whose classes are its folders: leave out targets")
        }
        let found = try ImageCollection(
            at: request.inputs, size: request.imageSize, channels: request.imageChannels,
            memory: request.memory
        ) { _, _ in try poll() }
        func set(_ images: LabeledImages) throws -> DataSet {
            let names = classNames ?? found.training.classNames
            guard images.classNames == names else {
                throw DataError(
                    request.inputs,
                    "has the classes \(Self.list(images.classNames)), where the samples to train on have "
                        + Self.list(names))
            }
            return DataSet(
                images.name, inputs: .images(images), targets: .classes(images.labels, names: names))
        }
        var made = try set(found.training)
        made.heldOut = try found.heldOut.map { [try set($0)] } ?? []
        return made
    }

    static func list(_ names: [String]) -> String {
        names.prefix(8).map { $0.quoted() }.joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    }

    // MARK: Arrays

    func arrays(
        _ inputs: DataArray, _ file: ArrayFile?, _ classNames: [String]?
    ) throws -> DataSet {
        if request.needsNoTargets { return try paired(inputs, nil, request.inputs) }
        guard request.targets.isEmpty else {
            let (targets, notes) = try ownTargets(classNames)
            var set = try paired(inputs, targets, request.inputs)
            set.notes = notes
            return set
        }
        guard request.targetColumns.isEmpty else {
            throw DataError(
                inputs.path,
                "is no table, so that it has no column for --target: give a file of targets with --targets")
        }
        guard let targets = file?.find(Self.targetNames) else {
            throw DataError(inputs.path, "holds inputs only: name the file of the targets with --targets")
        }
        return try made(inputs, targets: targets, request.inputs, classNames)
    }

    /// The targets of a file of their own.
    func ownTargets(_ classNames: [String]?) throws -> (SampleTargets, notes: [String]) {
        var notes: [String] = []
        let found: SampleTargets
        switch try contents(of: request.targets) {
        case .folder: throw DataError(request.targets, "is a folder, not a file of targets")
        case .array(let array): found = try targets(of: array, classNames, &notes)
        case .arrays(let file):
            found = try targets(of: try file.array(named: Self.targetNames), classNames, &notes)
        case .table(let table):
            let names = request.targetColumns.isEmpty ? table.columns.map(\.name) : request.targetColumns
            for column in try names.map(table.column) {
                guard let row = (0..<table.rowCount).first(where: { column.isMissing(at: $0) }) else {
                    continue
                }
                throw DataError(
                    "\(table.place(ofRow: row)),",
                    "has no value in the column \(column.name.quoted()), which is a target")
            }
            found = try targets(of: table, names, Array(0..<table.rowCount), classNames, &notes)
        }
        return (found, notes)
    }

    func made(
        _ inputs: DataArray, targets: DataArray, _ name: String, _ classNames: [String]?
    ) throws -> DataSet {
        var notes: [String] = []
        let found = try self.targets(of: targets, classNames, &notes)
        var set = try paired(inputs, found, name)
        set.notes = notes
        return set
    }

    func paired(_ inputs: DataArray, _ targets: SampleTargets?, _ name: String) throws -> DataSet {
        guard inputs.shape.count > 0, inputs.count > 0 else {
            throw DataError(inputs.path, "holds no rows of inputs")
        }
        if let targets, targets.count != inputs.count {
            throw DataError(
                inputs.path, "has \(inputs.count) rows, but there are \(targets.count) targets")
        }
        var rows = inputs.shape.count == 1 ? inputs.reshaped([1]) : inputs
        if rows.byteCount <= request.memory {
            rows = try rows.loaded()
            try check(rows)
        }
        return DataSet(name, inputs: .array(rows), targets: targets)
    }

    /// Throws for the first number that is not finite.
    func check(_ array: DataArray) throws {
        guard array.dtype.isFloatingPoint else { return }
        let piece = max(1, (1 << 20) / max(1, array.rowShape.reduce(1, *)))
        for start in stride(from: 0, to: array.count, by: piece) {
            try poll()
            let rows = Array(start..<min(start + piece, array.count))
            try NumberChecks.requireFinite(try array.rows(at: rows), in: array.path, rows: rows)
        }
    }

    /// The targets of an array: classes where they are whole numbers, one a sample, unless numbers are wanted.
    func targets(
        of array: DataArray, _ classNames: [String]?, _ notes: inout [String]
    ) throws -> SampleTargets {
        guard array.shape.count > 0 else { throw DataError(array.path, "holds no rows of targets") }
        let isList = array.rowShape.reduce(1, *) == 1
        let isWhole = !array.dtype.isFloatingPoint
        guard request.kind == .classes || request.kind == nil && isWhole && isList else {
            let numbers = try (array.shape.count == 1 ? array.reshaped([1]) : array).loaded()
            try check(numbers)
            if request.kind == .shares {
                try requireShares(try numbers.tensor().scalars(as: Double.self), array.path)
            }
            return .numbers(numbers, names: [])
        }
        guard isList else {
            throw DataError(
                array.path,
                "has targets of shape \(array.rowShape), where a class is one number for each sample")
        }
        let tensor = try array.tensor()
        try NumberChecks.requireClasses(tensor, in: array.path, count: classNames?.count)
        let labels = try tensor.scalars(as: Int64.self).map(Int.init)
        let most = labels.max() ?? 0
        guard most < 1 << 20 else {
            throw DataError(
                array.path,
                "has the class \(most); whole numbers that are no classes need --likelihood gaussian")
        }
        let names = classNames ?? (0...most).map(String.init)
        if request.kind == nil, classNames == nil {
            notes.append("the targets are whole numbers and taken as \(names.count) classes")
        }
        return .classes(labels, names: names)
    }

    func requireShares(_ values: [Double], _ path: String) throws(DataError) {
        guard let wrong = values.first(where: { !(0...1).contains($0) }) else { return }
        throw DataError(
            path, "has the target \(wrong), where the likelihood bernoulli needs numbers from 0 to 1")
    }
}
