import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

/// What is read, in which order, and what is held out.
@Suite struct CorpusTests {
    /// Makes files in a temporary folder and hands the folder on.
    static func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "corpus-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        for (name, text) in files {
            let file = root.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }
        try body(root.path)
    }

    static let several = Dictionary(
        uniqueKeysWithValues: (0..<30).map {
            ("sub\($0 % 3)/f\($0).txt", String(repeating: "file \($0) ", count: 40))
        })

    @Test func oneFileIsHalved() throws {
        try Self.withFolder(["a.txt": "0123456789"]) { root in
            let corpus = try Corpus(paths: [root + "/a.txt"])
            #expect(corpus.training == Array("01234".utf8))
            #expect(corpus.validation == Array("56789".utf8))
        }
    }

    @Test func wholeFilesAreHeldOut() throws {
        try Self.withFolder(Self.several) { root in
            let corpus = try Corpus(paths: [root])
            let (training, held) = (
                String(decoding: corpus.training, as: UTF8.self),
                String(decoding: corpus.validation, as: UTF8.self)
            )
            #expect(corpus.fileCount == 30)
            for text in Self.several.values {
                #expect(training.contains(text) != held.contains(text))
            }
            let share = Double(held.utf8.count) / Double(held.utf8.count + training.utf8.count)
            #expect((0.05...0.15).contains(share))
        }
    }

    @Test func theDivisionDoesNotDependOnThePlace() throws {
        try Self.withFolder(Self.several) { one in
            try Self.withFolder(Self.several) { two in
                let (a, b) = (try Corpus(paths: [one]), try Corpus(paths: [two]))
                #expect(a.fingerprint == b.fingerprint)
            }
        }
    }

    /// Checkpoints of former versions hold the fingerprint: it stays that of all bytes one after another.
    @Test func theFingerprintIsThatOfBothSides() throws {
        for files in [Self.several, ["a.txt": "0123456789"]] {
            try Self.withFolder(files) { root in
                let corpus = try Corpus(paths: [root])
                let all = corpus.training + Array("|".utf8) + corpus.validation
                #expect(corpus.fingerprint == FNV1a(of: all).text)
            }
        }
    }

    @Test func textsOfManyFilesKeepTheirOrder() throws {
        let files = Dictionary(
            uniqueKeysWithValues: (0..<600).map { (String(format: "%03d.h", $0), "\($0)") })
        try Self.withFolder(files) { root in
            let paths = try Corpus.files(at: root)
            let texts = try Corpus.texts(of: paths) { $0 == Array("7".utf8) ? [] : $0 + $0 }
            let expected = (0..<600).filter { $0 != 7 }.map { Array("\($0)\($0)".utf8) }
            #expect(texts == expected)
            #expect(throws: CorpusError.self) {
                try Corpus.texts(of: paths + [root + "/none.h"]) { $0 }
            }
        }
    }

    @Test func equalFilesStayTogether() throws {
        var files = Self.several
        for k in 0..<10 { files["copies/\(k).txt"] = "the same text in several files" }
        try Self.withFolder(files) { root in
            let corpus = try Corpus(paths: [root])
            let needle = "the same text in several files"
            let inTraining = String(decoding: corpus.training, as: UTF8.self).contains(needle)
            let inHeld = String(decoding: corpus.validation, as: UTF8.self).contains(needle)
            #expect(inTraining != inHeld)
        }
    }

    @Test func hiddenEntriesLinksAndRepetitionsAreLeftOut() throws {
        try Self.withFolder(["a.txt": "aaaa", "b.txt": "bbbb", ".hidden": "hhhh", "empty.txt": ""]) { root in
            try FileManager.default.createSymbolicLink(atPath: root + "/loop", withDestinationPath: root)
            let corpus = try Corpus(paths: [root, root + "/a.txt"])
            #expect(corpus.fileCount == 2)
        }
    }

    @Test func troubleIsNamed() throws {
        try Self.withFolder(["empty.txt": "", "short.txt": "12345678"]) { root in
            let missing = #expect(throws: CorpusError.self) { try Corpus(paths: [root + "/none"]) }
            #expect(missing?.kind == .notFound && missing?.description.contains("/none") == true)
            #expect(throws: CorpusError.self) { try Corpus(paths: [root + "/empty.txt"]) }
            let device = #expect(throws: CorpusError.self) { try Corpus(paths: ["/dev/zero"]) }
            #expect(device?.kind == .unreadable)
            let short = #expect(throws: CorpusError.self) {
                try Corpus(paths: [root + "/short.txt"]).requireContext(4)
            }
            #expect(short?.description.contains("needs 5") == true)
            try Corpus(paths: [root + "/short.txt"]).requireContext(3)
        }
    }

    @Test func theBuiltInTextHasNoLicencesAndNoGeneratedFiles() throws {
        let licence = "// Copyright someone\n// All rights reserved.\n\n"
        try Self.withFolder([
            "ATen/a.h": licence + "#pragma once\nint a;", "c10/b.hpp": "/* License:\n x */\nint b;",
            "ATen/ops/c.h": "int generated;", "d.py": "python",
        ]) { root in
            let corpus = try Corpus.engineHeaders(includeDirectory: root)
            let all = String(decoding: corpus.training + corpus.validation, as: UTF8.self)
            #expect(all.contains("#pragma once\nint a;") && all.contains("int b;"))
            for absent in ["Copyright", "License", "generated", "python"] { #expect(!all.contains(absent)) }
        }
    }

    @Test func windowsAreEvenAndShifted() throws {
        try Self.withFolder(["a.txt": String(repeating: "0123456789", count: 40)]) { root in
            let corpus = try Corpus(paths: [root + "/a.txt"])
            let starts = corpus.validationWindows(context: 9, limit: 5)
            #expect(starts == [0, 36, 72, 108, 153] || starts.count == 5)
            for (a, b) in zip(starts, starts.dropFirst()) { #expect(b - a >= 9) }
            let (inputs, targets) = Corpus.windows(of: corpus.validation, at: starts, context: 9)
            #expect(inputs.count == 45 && targets.count == 45)
            #expect(targets[0] == inputs[1])
        }
    }

    @Test func theSamplerIsExactAndUniform() throws {
        var sampler = ByteSampler(seed: 1, streamLength: 18, batch: 4, context: 8)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<2500 { for start in sampler.next() { counts[start] += 1 } }
        // 10,000 draws over 10 cells: each within five standard deviations of 1,000.
        #expect(counts.allSatisfy { abs($0 - 1000) < 150 })
        let data = try JSONEncoder().encode(sampler)
        var copy = try JSONDecoder().decode(ByteSampler.self, from: data)
        for _ in 0..<10 { #expect(copy.next() == sampler.next()) }
        var other = ByteSampler(seed: 2, streamLength: 18, batch: 4, context: 8)
        #expect((0..<5).map { _ in other.next() } != (0..<5).map { _ in sampler.next() })
    }

    /// The second built-in text: what stands between triple quotes, without code.
    @Test func docstringsAreATextOfTheirOwn() throws {
        let long = String(repeating: "Returns the natural gradient. ", count: 8)
        let source =
            "x = 1\n\"\"\"short\"\"\"\ndef f():\n    \"\"\"\(long)\"\"\"\n    return \"\"\nr\"\"\"\(long)!\"\"\""
        #expect(
            String(decoding: Corpus.docstrings(of: Array(source.utf8)), as: UTF8.self) == "\(long)\n\(long)!")
        #expect(Corpus.docstrings(of: Array("\"\"\"\(long)".utf8)).isEmpty)
        let missing = #expect(throws: CorpusError.self) {
            try Corpus.engineDocstrings(folder: FileManager.default.temporaryDirectory.path + "/none-here")
        }
        #expect(missing?.kind == .notFound)
    }

    /// A comparison without a text of the user's has a table for each built-in text, a run has one.
    @Test func comparisonsShowBothBuiltInTexts() throws {
        func names(_ change: (inout LanguageOptions) -> Void) -> [BuiltInText] {
            var options = LanguageOptions()
            change(&options)
            return LanguageTask.comparisons(of: options).map(\.options.corpus)
        }
        #expect(names { _ in } == [.headers, .docstrings])
        #expect(names { $0.corpus = .both } == [.headers, .docstrings])
        #expect(names { $0.corpus = .docstrings } == [.docstrings])
        #expect(names { $0.text = ["mine"] } == [.automatic])
        #expect(throws: ConfigurationError.self) { try Corpus.text(at: [], builtIn: .both) }
    }
}
