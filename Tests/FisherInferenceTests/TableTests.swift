import FisherTables
import Foundation
import Testing

@Suite struct TableTests {
    private func table(_ text: String) throws(TableError) -> Table {
        try TableReader().table(of: Array(text.utf8), path: "t.csv")
    }

    @Test(arguments: [
        "a,b\n1,x\n2,y\n", "a,b\r\n1,x\r\n2,y", "\u{FEFF}a;b\n1;x\n\n2;y\n",
        "\"a\"\t\"b\"\n1\t\"x\"\n 2 \t y\n",
    ])
    func formsOfOneTable(_ text: String) throws {
        let found = try table(text)
        #expect(found.rowCount == 2 && found.columns.map(\.name) == ["a", "b"])
        #expect(found.columns[0].isNumeric && found.columns[0].number(at: 1) == 2)
        #expect(!found.columns[1].isNumeric && found.columns[1].levels == ["x", "y"])
    }

    @Test func quotesHoldSeparatorsLinesAndQuotes() throws {
        let found = try table("name,n\n\"a, \"\"b\"\"\nc\",1\nd,NA\n")
        #expect(found.columns[0].texts == ["a, \"b\"\nc", "d"])
        #expect(found.columns[1].isMissing(at: 1) && found.columns[1].isNumeric)
        #expect(found.place(ofRow: 1).description == "t.csv, line 4")
    }

    @Test func levelsOfNumbersAreSortedBySize() throws {
        #expect(try table("a\n10\n9\n-1e2\n9\n").columns[0].levels == ["-1e2", "9", "10"])
        #expect(try !table("a\n0x10\n").columns[0].isNumeric)
    }

    @Test(arguments: [
        ("", "is empty"), ("a,b\n", "no rows"), ("a,a\n1,2\n", "line 1, names two columns \"a\""),
        ("a,b\n1\n", "line 2, has 1 field, where the header has 2"),
        ("a,\n1,2\n", "line 1, has no name for column 2"),
        ("a\n\"x\n", "line 2, opens a quote"), ("a\n\"x\"y\n", "line 2, has text behind a closing quote"),
        ("a\n\u{0}\n", "is no text"),
    ])
    func badTablesAreRefused(_ text: String, _ reason: String) {
        #expect { try table(text) } throws: { "\($0)".contains(reason) && "\($0)".hasPrefix("t.csv") }
    }

    @Test func filesAreOneTable() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "table-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = ["a,b\n1,x\n", "b,a\ny,2\n", "a,c\n1,2\n"].enumerated().map { index, text in
            let path = folder.appending(path: "\(index).csv").path
            try? Data(text.utf8).write(to: URL(filePath: path))
            return path
        }
        let found = try TableReader().table(of: Array(paths[..<2]))
        #expect(found.columns[0].texts == ["1", "2"] && found.columns[1].texts == ["x", "y"])
        #expect(found.place(ofRow: 1).description == "\(paths[1]), line 2")
        #expect { try TableReader().table(of: paths) } throws: { "\($0)".contains("has other columns") }
        #expect { try TableReader().table(of: [paths[0] + "x"]) } throws: {
            ($0 as? TableError)?.storage != nil
        }
        #expect { try found.column("q") } throws: { "\($0)".contains("its columns are a, b") }
    }
}
