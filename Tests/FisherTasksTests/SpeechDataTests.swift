import Fisher
import FisherMedia
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

@Suite("Speech: corpora")
struct SpeechCorpusTests {
    static func library(_ folder: SpeechFolder, speakers: Int = 6) throws {
        for speaker in 0..<speakers {
            for number in 0..<2 {
                let name = "\(speaker)-7-000\(number)"
                try folder.tone("\(speaker)/7/\(name).wav", pitch: 200 + Double(40 * speaker + number))
            }
            try folder.write(
                "\(speaker)-7-0000 FIRST TEXT\n\(speaker)-7-0001 THE SECOND'S\n",
                to: "\(speaker)/7/\(speaker)-7.trans.txt")
        }
    }

    @Test("LibriSpeech's layout is divided by speakers, and divided again for tuning")
    func library() throws {
        try SpeechFolder.with { folder in
            try Self.library(folder, speakers: 12)
            let corpus = try folder.corpus()
            #expect(corpus.training.count + corpus.validation.count == 24 && corpus.division == "speakers")
            #expect(Set(corpus.training.map(\.speaker)).isDisjoint(with: corpus.validation.map(\.speaker)))
            #expect(Set((corpus.training + corpus.validation).map(\.text)) == ["first text", "the second's"])
            #expect(corpus.training.allSatisfy { $0.frames == 21 && $0.features.count == 84 })
            let again = try folder.corpus()
            #expect(again.fingerprint == corpus.fingerprint && again.training == corpus.training)
            let tuning = try corpus.tuningSplit()
            #expect(Set(tuning.training + tuning.validation) == Set(corpus.training))
            #expect(!tuning.validation.isEmpty && tuning.fingerprint != corpus.fingerprint)
        }
    }

    @Test("A table names files by columns or by their order, and a second one holds out")
    func tables() throws {
        try SpeechFolder.with { folder in
            for name in ["a", "b", "c"] {
                try folder.tone("clips/\(name).wav", pitch: name == "a" ? 200 : 500)
            }
            try folder.write("clips/a.wav\tone\r\nclips/b.wav\ttwo words\n", to: "plain.tsv")
            try folder.write("\u{feff}client_id\tpath\tsentence\nx\tclips/c.wav\tthree\n", to: "named.tsv")
            let options = SpeechFolder.options(
                [folder.path + "/plain.tsv"], heldOut: [folder.path + "/named.tsv"])
            let corpus = try options.read(progress: LoadingProgress(nil))
            #expect(corpus.training.map(\.text) == ["one", "two words"] && corpus.division == "files")
            #expect(corpus.validation.map(\.text) == ["three"] && corpus.validation[0].speaker == "x")
            // Without a second table one of the two is held out.
            let divided = try SpeechFolder.options([folder.path + "/plain.tsv"]).read(
                progress: LoadingProgress(nil))
            #expect(divided.training.count == 1 && divided.validation.count == 1)
            #expect(divided.division == "recordings")
        }
    }

    static let faults: [(String, @Sendable (SpeechFolder) throws -> Void)] = [
        ("a.wav has no transcript in a .trans.txt beside it", { try $0.tone("a.wav") }),
        (
            "b.wav has no transcript in",
            {
                for name in ["a", "b"] { try $0.tone("\(name).wav") }
                try $0.write("a one\n", to: "x.trans.txt")
            }
        ),
        (
            "x.trans.txt, line 2, names \"b\", but no .flac or .wav of that name",
            {
                try $0.write("a one\nb two\n", to: "x.trans.txt"); try $0.tone("a.wav")
            }
        ),
        (
            "x.trans.txt, line 1, has a name and no text",
            {
                try $0.write("a \n", to: "x.trans.txt"); try $0.tone("a.wav")
            }
        ),
        (
            "x.trans.txt, line 1, has an empty text for",
            {
                try $0.write("a ...\n", to: "x.trans.txt"); try $0.tone("a.wav")
            }
        ),
        (
            "x.trans.txt, line 1, has the character \"ß\"",
            {
                try $0.write("a Gruß\n", to: "x.trans.txt"); try $0.tone("a.wav")
            }
        ),
        (
            "x.trans.txt, line 1, has a number of several digits",
            {
                try $0.write("a 12\n", to: "x.trans.txt"); try $0.tone("a.wav")
            }
        ),
        (
            "x.trans.txt, line 1, is not UTF-8",
            {
                try $0.write([0x61, 0x20, 0xFF, 0x0A], to: "x.trans.txt"); try $0.tone("a.wav")
            }
        ),
        (
            "x.trans.txt, line 2, gives",
            {
                try $0.write("a one\na two\n", to: "x.trans.txt"); try $0.tone("a.wav")
            }
        ),
        (
            "a.wav is cut off",
            {
                try $0.write("a one\n", to: "x.trans.txt")
                try $0.write(
                    Array(Sound(samples: [Float](repeating: 0, count: 900), rate: 8000).waveFile.prefix(500)),
                    to: "a.wav")
            }
        ),
        (
            "a.wav has 2 channels",
            {
                try $0.write("a one\n", to: "x.trans.txt")
                var bytes = Sound(samples: [Float](repeating: 0, count: 900), rate: 8000).waveFile
                (bytes[22], bytes[32]) = (2, 4)
                try $0.write(bytes, to: "a.wav")
            }
        ),
        (
            "a.wav is too short: its 80 samples",
            {
                try $0.write("a one\n", to: "x.trans.txt"); try $0.tone("a.wav", seconds: 0.01)
            }
        ),
        (
            "no recording of at most",
            {
                try $0.write("a one\n", to: "x.trans.txt"); try $0.tone("a.wav", seconds: 3)
            }
        ),
        (
            "fewer than two different recordings",
            {
                try $0.write("a one\n", to: "x.trans.txt"); try $0.tone("a.wav")
            }
        ),
        ("holds no .trans.txt", { try $0.write("one\n", to: "a.txt") }),
    ]

    @Test("Bad folders are one sentence that names the file", arguments: faults)
    func badFolder(_ expected: String, _ make: @Sendable (SpeechFolder) throws -> Void) throws {
        try SpeechFolder.with { folder in
            try make(folder)
            let error = #expect(throws: (any Error).self) { try folder.corpus { $0.longest = 2 } }
            let text = error.map { "\($0)" } ?? ""
            #expect(text.contains(expected) && text.contains(folder.path) && !text.contains("\n"), "\(text)")
        }
    }

    @Test(
        "Bad tables are one sentence that names the line",
        arguments: [
            ("", "t.tsv is empty"), ("a.wav one\n", "line 1, has 1 field between tabs"),
            ("a.wav\tone\tx\n", "line 1, has 3 fields"), ("path\ttext\na.wav\n", "line 2, has 1 field"),
            ("path\ttext\n", "names columns and no recording"), ("\tone\n", "line 1, names no sound file"),
            ("a.wav\tone\n\na.wav\ttwo\n", "line 3, names \"a.wav\" again, as line 1"),
            ("gone.wav\tone\n", "gone.wav cannot be opened"),
            ("a.wav\t\u{fc}\n", "line 1, has the character"),
        ])
    func badTable(_ text: String, _ expected: String) throws {
        try SpeechFolder.with { folder in
            try folder.tone("a.wav")
            try folder.write(text, to: "t.tsv")
            let error = #expect(throws: (any Error).self) {
                try SpeechFolder.options([folder.path + "/t.tsv"]).read(progress: LoadingProgress(nil))
            }
            let found = error.map { "\($0)" } ?? ""
            #expect(found.contains(expected) && found.contains(folder.path), "\(found)")
        }
    }

    @Test func missingPathsAndTextsThatDoNotFitAreNamed() throws {
        let error = #expect(throws: SpeechError.self) {
            try SpeechFolder.options(["/nowhere/x"]).read(progress: LoadingProgress(nil))
        }
        #expect(
            error == .notFound("/nowhere/x is not there; a folder or a .tsv file of recordings is expected"))
        try SpeechFolder.with { folder in
            try Self.library(folder)
            let corpus = try folder.corpus()
            try corpus.requirePositions { $0 }
            // 21 frames over 4 give 5 positions; "first text" has two equal neighbors and needs 11 with the blank.
            let short = #expect(throws: SpeechError.self) { try corpus.requirePositions { $0 / 4 } }
            let text = "\(String(describing: short))"
            #expect(text.contains(".wav is too short for its text") && text.contains("has 5 positions"))
        }
    }

    @Test func globalNormalizationIsThatOfTheTrainingSide() throws {
        try SpeechFolder.with { folder in
            try Self.library(folder)
            let corpus = try folder.corpus { $0.normalization = .global }
            let values = corpus.training.flatMap {
                $0.features.enumerated().filter { $0.offset % 4 == 1 }.map(\.element)
            }
            let mean = values.reduce(0, +) / Float(values.count)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count)
            #expect(abs(mean) < 1e-3 && abs(variance - 1) < 1e-2)
        }
    }

    @Test("The list of Asterisk's prompts, and their names where it is missing")
    func asterisk() {
        let lines = [
            "; Core", "goodbye: Goodbye!", "tt-monkeys: [sound of monkeys]", "digits/1: one",
            "x: press * now", "y: 500",
        ].enumerated().map { (number: $0.offset + 1, text: Substring($0.element)) }
        let files = ["goodbye", "tt-monkeys", "digits/1", "x", "y", "unlisted"].map { "/s/\($0).wav" }
        let listed = AsteriskPrompts.recordings(
            of: files, folder: "/s", list: "/l", texts: AsteriskPrompts.texts(of: lines))
        #expect(listed.map(\.text) == ["goodbye", "one"])
        #expect(listed.map(\.place) == ["/l, line 2", "/l, line 4"])
        let named = AsteriskPrompts.recordings(of: files, folder: "/s", list: nil, texts: nil)
        #expect(named.map(\.text) == ["one"])
        for (name, text) in [
            ("digits/15", "fifteen"), ("digits/40", "forty"), ("digits/day-2", "tuesday"),
            ("digits/mon-11", "december"),
            ("digits/a-m", "a m"), ("letters/q", "q"), ("phonetic/w_p", "whiskey"), ("digits/star", "star"),
        ] { #expect(AsteriskPrompts.text(ofName: name) == text) }
        for name in ["digits/h-1", "letters/ascii36", "phonetic/9", "silence/1", "beep"] {
            #expect(AsteriskPrompts.text(ofName: name) == nil)
        }
    }

    @Test(
        "Asterisk's prompts are found where they are installed",
        .enabled(if: AsteriskPrompts.folder != nil, "asterisk-core-sounds-en-wav is not installed"))
    func installedPrompts() throws {
        let recordings = try AsteriskPrompts.recordings()
        #expect(
            recordings.count > 100
                && recordings.contains { $0.path.hasSuffix("digits/7.wav") && $0.text == "seven" })
        #expect(Set(recordings.map(\.path)).count == recordings.count)
    }
}
