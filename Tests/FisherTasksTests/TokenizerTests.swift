import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

/// The byte-pair tokenizer against transformers, whose answers Reference/tokenizer.py wrote.
@Suite struct TokenizerTests {
    struct Case: Decodable {
        let text: String
        let tokens: [Int32]
        let spaced: [Int32]
    }

    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/tokenizer").standardizedFileURL.path

    static func cases() throws -> [Case] {
        try JSONDecoder().decode(
            [Case].self, from: Data(contentsOf: URL(filePath: fixtures + "/cases.json")))
    }

    static func file(_ name: String) throws -> String {
        try String(contentsOfFile: fixtures + "/" + name, encoding: .utf8)
    }

    /// A folder of some of the files, changed, and what is added to it.
    static func withFolder(
        _ names: [String], adding more: [String: String] = [:], _ body: (String) throws -> Void
    ) throws {
        var files = more
        for name in names { files[name] = try file(name) }
        try CorpusTests.withFolder(files, body)
    }

    @Test(arguments: [["tokenizer.json"], ["vocab.json", "merges.txt"]])
    func tokensAreThoseOfTransformers(_ names: [String]) throws {
        try Self.withFolder(names) { folder in
            let tokenizer = try BytePairTokenizer(folder: folder)
            #expect(tokenizer.vocabularySize == 400)
            let cases = try Self.cases()
            #expect(cases.count > 50)
            for known in cases {
                let bytes = Array(known.text.utf8)
                #expect(tokenizer.encode(bytes) == known.tokens, "\(known.text.debugDescription)")
                #expect(tokenizer.decode(known.tokens) == bytes, "\(known.text.debugDescription)")
            }
        }
    }

    @Test func aSpaceIsAddedWhereTheSettingsSaySo() throws {
        let settings = #"{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true}"#
        try Self.withFolder(["tokenizer.json"], adding: ["tokenizer_config.json": settings]) { folder in
            let tokenizer = try BytePairTokenizer(folder: folder)
            for known in try Self.cases() {
                #expect(
                    tokenizer.encode(Array(known.text.utf8)) == known.spaced, "\(known.text.debugDescription)"
                )
            }
        }
    }

    @Test func bothFormsOfFilesAreOneTokenizer() throws {
        let whole = try BytePairTokenizer(json: Array(try Self.file("tokenizer.json").utf8), path: "t")
        try Self.withFolder(["vocab.json", "merges.txt"]) { folder in
            let parts = try BytePairTokenizer(folder: folder)
            #expect(parts.fingerprint == whole.fingerprint)
        }
        // Merges of two strings and of one are the same.
        let pairs = try Self.file("tokenizer.json").replacing(
            #/\[\s*"([^"\s]+)",\s*"([^"\s]+)"\s*\]/#
        ) { "\"\($0.1) \($0.2)\"" }
        #expect(pairs != (try Self.file("tokenizer.json")))
        #expect(try BytePairTokenizer(json: Array(pairs.utf8), path: "t").fingerprint == whole.fingerprint)
    }

    /// Whatever the bytes are, UTF-8 or not, decoding gives them back.
    @Test func anyBytesAreEncodedAndDecoded() throws {
        let tokenizer = try BytePairTokenizer(folder: Self.fixtures)
        var generator = SystemRandomNumberGenerator()
        for length in [1, 2, 3, 7, 40, 300, 5000] {
            for most in [UInt8(127), 255] {
                let bytes = (0..<length).map { _ in UInt8.random(in: 0...most, using: &generator) }
                #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
            }
        }
        #expect(BytePairTokenizer.ofBytes.encode([0, 104, 255]) == [0, 104, 255])
        // A word of 200,000 letters has to be merged as one.
        let long = [UInt8](repeating: UInt8(ascii: "e"), count: 200_000)
        #expect(tokenizer.decode(tokenizer.encode(long)) == long)
    }

    @Test func theByteTokenizerIsReadAgain() throws {
        let read = try BytePairTokenizer(json: LanguageExport.byteTokenizer(), path: "t")
        #expect(read.isOfBytes && read.encode(Array("Größe".utf8)) == "Größe".utf8.map(Int32.init))
    }

    @Test func charactersArePassedOnWhole() {
        let text = Array("aé€😀\u{301}z".utf8)
        var assembler = UTF8Assembler()
        var pieces: [[UInt8]] = []
        for byte in text { pieces.append(assembler.add([byte])) }
        #expect(
            pieces.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
                == ["a", "é", "€", "😀", "\u{301}", "z"])
        #expect(assembler.finish().isEmpty)
        // What can be no character is not kept back.
        #expect(assembler.add([0xFF, 0x80, 0x41]) == [0xFF, 0x80, 0x41])
        #expect(assembler.add([0x80, 0x80, 0x80, 0x80]) == [0x80, 0x80, 0x80, 0x80])
        #expect(assembler.add([0xF0, 0x9F]).isEmpty && assembler.finish() == [0xF0, 0x9F])
    }

    /// What is not supported is named, never passed over.
    @Test(arguments: [
        (#""type": "BPE""#, #""type": "Unigram""#, "has a model of type Unigram, which is not supported"),
        (#""normalizer": null"#, #""normalizer": {"type": "NFC"}"#, "the normalizer NFC"),
        (#""truncation": null"#, #""truncation": {"max_length": 3}"#, "truncation"),
        (#""dropout": null"#, #""dropout": 0.1"#, "dropout"),
        (#""ignore_merges": false"#, #""ignore_merges": true"#, "ignore_merges"),
        (#""use_regex": true"#, #""use_regex": false"#, "use_regex"),
        (#""lstrip": false"#, #""lstrip": true"#, "with lstrip"),
        (#""post_processor": null"#, #""post_processor": {"type": "BertProcessing"}"#, "BertProcessing"),
        (
            #""post_processor": null"#,
            #""post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}]}"#,
            "adds special tokens"
        ),
        (#""version": "1.0""#, #""version": "1.0", "other": 1"#, #"has "other""#),
        (#""continuing_subword_prefix": null"#, #""continuing_subword_prefix": "@@""#, "marks tokens"),
        (#""!": 1,"#, #""!": 2,"#, "gives the number 2 to two tokens"),
        (#""!": 1,"#, "", "has no token for the byte 0x21"),
        (#""!": 1,"#, #""!": 1, "! x": 999,"#, "stands for no byte"),
        (#""he": 257,"#, #""he": 99999999,"#, "numbers up to"),
        (#""version": "1.0""#, #""version": "1.0", "version": "1.0""#, "more than once"),
        ("{", "", "is no tokenizer"),
    ])
    func whatIsNotSupportedIsNamed(_ old: String, _ new: String, _ reason: String) throws {
        let text = try Self.file("tokenizer.json")
        let place = try #require(text.range(of: old), "\(old)")
        let changed = text.replacingCharacters(in: place, with: new)
        let error = #expect(throws: StorageError.self) {
            _ = try BytePairTokenizer(json: Array(changed.utf8), path: "folder/tokenizer.json")
        }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.description.hasPrefix("folder/tokenizer.json ") == true)
    }

    @Test(arguments: [
        ("#version: 0.2\na\n", "line 2"), ("a b c\n", "line 1"), ("a zz\n", "not in the vocabulary"),
        ("h e\nh e\n", "twice"), ("! \"\n", "what they make"),
    ])
    func wrongMergesAreNamed(_ merges: String, _ reason: String) throws {
        try Self.withFolder(["vocab.json"], adding: ["merges.txt": merges]) { folder in
            let error = #expect(throws: StorageError.self) { _ = try BytePairTokenizer(folder: folder) }
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
    }

    @Test func aFolderWithoutATokenizerSaysSo() throws {
        try Self.withFolder(["vocab.json"]) { folder in
            let error = #expect(throws: StorageError.self) { _ = try BytePairTokenizer(folder: folder) }
            #expect(error?.kind == .notFound && error?.path.hasSuffix("merges.txt") == true)
        }
        try Self.withFolder([], adding: ["x": "y"]) { folder in
            let error = #expect(throws: StorageError.self) { _ = try BytePairTokenizer(folder: folder) }
            #expect(error?.kind == .notFound)
        }
    }
}
