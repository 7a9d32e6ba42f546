import Testing

@testable import FisherFiles

@Suite("Text that is safe to show")
struct PrintableTextTests {
    @Test(
        "Control characters and invisible formatting are escaped, letters and joined emoji stay",
        arguments: [
            ("plain name-1.txt", "plain name-1.txt"),
            ("a\u{1B}[2Jb", #"a\u{1b}[2Jb"#),
            ("line\nbreak\r\t\0\u{7F}", #"line\u{a}break\u{d}\u{9}\u{0}\u{7f}"#),
            ("\u{202E}gpj.exe\u{2028}\u{9B}", #"\u{202e}gpj.exe\u{2028}\u{9b}"#),
            ("é 漢字 👩\u{200D}🚀", "é 漢字 👩\u{200D}🚀"),
        ])
    func printable(text: String, shown: String) { #expect(text.printable == shown) }

    @Test("An error of a file shows its path escaped")
    func description() {
        let error = StorageError(.notFound, path: "/tmp/\u{1B}]0;x\u{7}", reason: "is not there")
        #expect(error.description == #"/tmp/\u{1b}]0;x\u{7} is not there"#)
        #expect(error.path == "/tmp/\u{1B}]0;x\u{7}")
    }

    @Test("Quoted text escapes quotes, and is cut where it is long")
    func quoted() {
        #expect("a\"\\\n".quoted() == #""a\"\\\u{a}""#)
        #expect(String(repeating: "é", count: 300).quoted(limit: 2) == "\"éé…\" (600 bytes long)")
    }
}
