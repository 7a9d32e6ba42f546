import Foundation
import Testing

@testable import FisherTraining

/// Configurations are read as Python's `tomllib` reads them, and refused with the line where it refuses them.
@Suite struct TOMLTests {
    private func values(_ text: String) throws(ConfigurationError) -> [String: [String]] {
        let layer = try ConfigurationLayer(toml: Array(text.utf8), path: "a.toml")
        return Dictionary(uniqueKeysWithValues: layer.values.map { ($0.key, $0.pieces) })
    }

    @Test(arguments: [
        ("a = 1_000 # c\nc = -0\n", ["a": ["1000"], "c": ["0"]]),
        ("a=0x1F\nb=0o17\nc=0b1_0", ["a": ["31"], "b": ["15"], "c": ["2"]]),
        (
            "a = 1e-3\nb = -inf\nc = 6.0_1E+2\nd=1e400",
            ["a": ["0.001"], "b": ["-inf"], "c": ["601.0"], "d": ["inf"]]
        ),
        ("t = true\n[x]\nf = false", ["t": ["true"], "x.f": ["false"]]),
        ("a = 'C:\\x'\nb = \"\\u00e9\\U0001F600\\t\\\"\"", ["a": ["C:\\x"], "b": ["é😀\t\""]]),
        ("a = \"\"\"\nx\\\n   \r\n  y\"\"\"\"\nb = '''\r\nz\r\n'''", ["a": ["xy\""], "b": ["z\n"]]),
        ("a = [ 'x', \"y\", # c\n 3, true, ]\nb=[]", ["a": ["x", "y", "3", "true"], "b": []]),
        (
            "[ a . \"b c\" ]\nd.e = 1\nd.f = { g.h = 2, i = 'x' }",
            ["a.b c.d.e": ["1"], "a.b c.d.f.g.h": ["2"], "a.b c.d.f.i": ["x"]]
        ),
        ("[a.b]\nc=1\n[a]\nd=2\n[a.b.e]\nf=3", ["a.b.c": ["1"], "a.d": ["2"], "a.b.e.f": ["3"]]),
        ("", [:]), ("# only a comment", [:]), ("[a]", [:]), ("a = {}", [:]),
    ])
    func whatTOMLAllowsIsRead(text: String, expected: [String: [String]]) throws {
        #expect(try values(text) == expected)
    }

    /// The first two ended the process in an assertion of the library that was used before.
    @Test(arguments: [
        ("[.]", 1, "no key"), ("[=]", 1, "no key"), ("[", 1, "no key"), ("a", 1, "lacks the ="),
        ("a =", 1, "no value"),
        ("\na = 1 b = 2", 2, "more than one"), ("a = 1\n\na = 2", 3, "sets a again"),
        ("[a]\n[b]\n[a]", 3, "begins the table a again"), ("a.b = 1\n[a]", 2, "again"),
        ("[a.b]\nc = 1\n[a]\nb.d = 2", 4, "from outside"), ("a = { b = 1 }\n[a.c]", 2, "is a value"),
        ("a = 1\na.b = 2", 2, "is a value"), ("a = { b = 1, }", 1, "no key"),
        ("a = { b = 1\n}", 1, "lacks a ,"),
        ("a = 01", 1, "neither a number"), ("a = 1__0", 1, "neither"), ("a = _1", 1, "neither"),
        ("a = 1.", 1, "neither"),
        ("a = .5", 1, "neither"), ("a = 0x", 1, "neither"), ("a = +0x1", 1, "neither"),
        ("a = 1e_5", 1, "neither"),
        ("a = 9223372036854775808", 1, "neither"), ("a = fadam", 1, "quotation marks"),
        ("a = 1979-05-27", 1, "neither"),
        ("a = [[1]]", 1, "list of other"), ("a = [{}]", 1, "list of other"), ("a = [1 2]", 1, "lacks a ,"),
        ("[[a]]\n", 1, "array of tables"), ("a = \"\\x41\"", 1, "escape"),
        ("a = \"\\ud800\"", 1, "no character"),
        ("a = \"x", 1, "closing"), ("\na = '''x\ny", 2, "closing"), ("a = \"x\ny\"", 1, "closing"),
        ("a = 'x\u{1}'", 1, "control"), ("# \u{7F}", 1, "control"), ("a = 1\rb = 2", 1, "neither"),
        ("\u{FEFF}a = 1", 1, "no key"), ("größe = 1", 1, "lacks the ="),
        ("\"a.b\" = 1\n[a]\nb = 2", 3, "sets a.b again"),
        (String(repeating: "a.", count: 100_000) + "b = 1", 1, "more than 32 parts"),
        ("a = " + String(repeating: "{ b = ", count: 100_000), 1, "more than 32 parts"),
    ])
    func whatTOMLForbidsIsRefusedWithTheLine(text: String, line: Int, reason: String) {
        let error = #expect(throws: ConfigurationError.self) { try values(text) }
        #expect(error?.description.hasPrefix("a.toml, line \(line) ") == true, "\(error?.description ?? "")")
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func bytesThatAreNotUTF8AreRefusedWithTheLine() {
        let bytes = Array("a = 1\nb = '".utf8) + [0xC3, 0x28] + Array("'".utf8)
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationLayer(toml: bytes, path: "a.toml")
        }
        #expect(error?.description == "a.toml, line 2 is not valid UTF-8")
    }

    /// A file of the name `007` became the file `7` in the configuration that was kept.
    @Test(arguments: [
        "007", "1e5", "+5", "0x1p3", "True", "1.50", "a\u{1}\u{7F}\"\\\n\r\tß", "nan", "infinity", "",
    ])
    func textsAreKeptLetterByLetter(text: String) throws {
        let written = TOMLText.value([text], form: .quoted)
        #expect(try values("a = \(written)") == ["a": [text]])
        #expect(try values("a = \(TOMLText.value([text, text], form: .list))") == ["a": [text, text]])
    }
}
