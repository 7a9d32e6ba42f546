import Foundation
import Testing
import Torch

@testable import FisherData

@Suite struct DataReaderTests {
    static func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "data-\(UUID()).csv"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(text.utf8).write(to: URL(filePath: path))
        try body(path)
    }

    static func read(_ path: String, _ change: (inout DataRequest) -> Void) throws -> DataSet {
        var request = DataRequest(inputs: path, memory: 1 << 30)
        change(&request)
        return try DataReader(request).dataSet()
    }

    static let table = """
        age,color,kind,price
        10,red,a,1.5
        20,blue,b,2.5
        30,,a,3
        ,red,b,4

        """

    @Test func columnsBecomeNumbersAndClasses() throws {
        try Self.withFile(Self.table) { path in
            let set = try Self.read(path) { ($0.targetColumns, $0.missing) = (["kind"], .impute) }
            #expect(set.encoding?.names == ["age", "color=blue", "color=red", "price"])
            guard case .classes(let labels, let names)? = set.targets else { return #expect(Bool(false)) }
            #expect(labels == [0, 1, 0, 1] && names == ["a", "b"])
            let scale = try Standardization(
                of: set.inputs, at: [0, 1, 2], isOn: true, areNumbers: set.encoding?.areNumbers)
            #expect(scale.means[0] == 20 && abs(scale.deviations[0] - (200.0 / 3).squareRoot()) < 1e-12)
            #expect(scale.means[1...2] == [0, 0] && scale.deviations[1...2] == [1, 1])
            let filled = try set.inputs.filling(scale.replacements)
            let rows = try scale.inputs(try filled.rows(at: [0, 2, 3])).scalars(as: Double.self)
            // The missing color of row 2 is none of the levels, the missing age of row 3 the mean.
            #expect(rows[1...2] == [0, 1] && rows[5...6] == [0, 0] && rows[8] == 0)
        }
    }

    @Test(arguments: [
        (["price"], MissingCells.error, "line 4, has no value in the column \"color\""),
        (["age"], .impute, "line 5, has no value in the column \"age\": it is a target"),
        (["prise"], .error, "has no column \"prise\""),
        ([], .error, "name the column to predict with --target"),
    ])
    func mistakesNameLineAndColumn(_ target: [String], _ missing: MissingCells, _ words: String) throws {
        try Self.withFile(Self.table) { path in
            let error = try #require(throws: (any Error).self) {
                _ = try Self.read(path) { ($0.targetColumns, $0.missing) = (target, missing) }
            }
            #expect("\(error)".contains(path) && "\(error)".contains(words), "\(error)")
        }
    }

    @Test func rowsWithMissingCellsAreDropped() throws {
        try Self.withFile(Self.table) { path in
            let set = try Self.read(path) { ($0.targetColumns, $0.missing) = (["price"], .drop) }
            guard case .numbers(let array, let names)? = set.targets else { return #expect(Bool(false)) }
            #expect(names == ["price"])
            #expect(try array.tensor().scalars(as: Double.self) == [1.5, 2.5])
            #expect(set.notes.contains("2 rows with missing cells are left out"))
        }
    }

    @Test func wholeNumbersAreClassesOnRequest() throws {
        try Self.withFile("x,y\n1,3\n2,5.0\n3,3\n4,5\n") { path in
            let numbers = try Self.read(path) { $0.targetColumns = ["y"] }
            #expect(numbers.targets?.labels == nil)
            #expect(numbers.notes.contains { $0.contains("--likelihood categorical") })
            let classes = try Self.read(path) { ($0.targetColumns, $0.kind) = (["y"], .classes) }
            #expect(classes.targets?.labels == [0, 1, 0, 1])
        }
        try Self.withFile("x,y\n1,3.5\n2,5\n") { path in
            #expect(throws: DataError.self) {
                _ = try Self.read(path) { ($0.targetColumns, $0.kind) = (["y"], .classes) }
            }
        }
    }

    /// A share of each class is held out, whole groups stay together, and a column can say which rows.
    @Test func divisionsFollowClassesGroupsAndColumns() throws {
        let rows = (0..<40).map {
            "\($0),\($0 % 4 == 0 ? "b" : "a"),g\($0 / 4),\($0 < 30 ? "train" : "test")"
        }
        try Self.withFile("x,y,g,s\n" + rows.joined(separator: "\n")) { path in
            let set = try Self.read(path) { ($0.targetColumns, $0.dropped) = (["y"], ["g", "s"]) }
            let (training, heldOut) = set.divided(Array(0..<40), heldOut: 0.2, seed: 1)
            #expect(heldOut.count { $0 % 4 == 0 } == 2 && heldOut.count == 8)
            #expect(Set(training).union(heldOut) == Set(0..<40) && training.count == 32)
            #expect(set.divided(Array(0..<40), heldOut: 0.2, seed: 1).heldOut == heldOut)
            #expect(set.divided(Array(0..<40), heldOut: 0.2, seed: 2).heldOut != heldOut)
            let grouped = try Self.read(path) {
                ($0.targetColumns, $0.groupColumn, $0.dropped) = (["y"], "g", ["s"])
            }
            let sides = grouped.divided(Array(0..<40), heldOut: 0.2, seed: 0)
            #expect(Set(sides.training.map { $0 / 4 }).isDisjoint(with: sides.heldOut.map { $0 / 4 }))
            #expect(sides.heldOut.count == 8)
            let marked = try Self.read(path) {
                ($0.targetColumns, $0.splitColumn, $0.dropped) = (["y"], "s", ["g"])
            }
            #expect(marked.isHeldOut == (0..<40).map { $0 >= 30 })
            #expect(marked.encoding?.names == ["x"])
        }
    }

    @Test func namesAreTooManyForACategory() throws {
        let rows = (0...1000).map { "name\($0),\($0)" }
        try Self.withFile("n,y\n" + rows.joined(separator: "\n")) { path in
            let error = try #require(throws: DataError.self) {
                _ = try Self.read(path) { $0.targetColumns = ["y"] }
            }
            #expect(error.description.contains("--drop n"))
        }
    }
}
