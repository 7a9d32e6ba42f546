import Fisher
import FisherMedia
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

/// Small recordings in a folder of their own.
struct SpeechFolder {
    let path: String

    static func with(_ body: (SpeechFolder) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "speech-\(UUID())")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        try body(SpeechFolder(path: root.path))
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let url = URL(filePath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    /// A tone of 8 kHz in WAV.
    func tone(_ name: String, seconds: Double = 0.2, pitch: Double = 300) throws {
        let samples = (0..<Int(8000 * seconds)).map { Float(0.3 * sin(2 * .pi * pitch * Double($0) / 8000)) }
        try write(Sound(samples: samples, rate: 8000).waveFile, to: name)
    }

    static func options(_ speech: [String], heldOut: [String] = []) -> SpeechDataOptions {
        var options = SpeechDataOptions()
        options.speech = speech
        options.heldOut = heldOut
        options.rate = 8000
        options.bands = 4
        return options
    }

    func corpus(_ change: (inout SpeechDataOptions) -> Void = { _ in }) throws -> SpeechCorpus {
        var options = Self.options([path])
        change(&options)
        return try options.read(progress: LoadingProgress(nil))
    }
}

@Suite("Speech: texts and features")
struct SpeechFeatureTests {
    @Test(
        "Texts become letters, apostrophes and single spaces",
        arguments: [
            ("HELLO  World.", "hello world"), ("It\u{2019}s re-read, \"now\"!", "it's re read now"),
            ("press 1 or 2", "press one or two"), (" \u{2026}to leave\u{2014}now ", "to leave now"),
        ])
    func plainText(_ text: String, _ expected: String) throws {
        let labels = try Alphabet.characters.labels(of: text)
        #expect(Alphabet.characters.text(of: labels) == expected)
        #expect(labels.allSatisfy { (1..<Alphabet.characters.classCount).contains($0) })
        let bytes = try Alphabet.bytes.labels(of: text)
        #expect(Alphabet.bytes.text(of: bytes) == text && bytes.allSatisfy { (1...256).contains($0) })
    }

    @Test(
        "Characters without a class are named",
        arguments: [("caf\u{e9}", "é"), ("press #", "#"), ("dial 42", "number")])
    func unknown(_ text: String, _ named: String) {
        let error = #expect(throws: Alphabet.Unknown.self) { try Alphabet.characters.labels(of: text) }
        #expect(error?.reason.contains(named) == true)
    }

    struct Fixture: Decodable {
        struct Features: Decodable {
            let rate: Int
            let bands: Int
            let samples: [Float]
            let expected: [[Float]]
        }
        let features: [Features]
    }

    /// The logarithms of silence differ by the rounding of float32, so that powers are compared.
    @Test("Log-mel features agree with the transform written out in float64", arguments: 0..<3)
    func features(_ index: Int) throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/sound/sound.json").standardizedFileURL.path
        let data = try #require(FileManager.default.contents(atPath: path))
        let fixture = try JSONDecoder().decode(Fixture.self, from: data).features[index]
        let settings = LogMel(rate: fixture.rate, bands: fixture.bands)
        let found = settings.transform()(fixture.samples)
        #expect(found.shape == [fixture.expected.count, fixture.bands])
        #expect(settings.frameCount(ofSamples: fixture.samples.count) == fixture.expected.count)
        for (a, b) in zip(try found.contiguous().scalars(as: Float.self), fixture.expected.joined()) {
            #expect(abs(a - b) < 2e-3)
        }
    }

    @Test func normalizedBandsHaveMeanZeroAndVarianceOne() throws {
        let features = LogMel.normalized(Tensor([1, 5, 3, 5, 8, 5] as [Float], shape: [3, 2]))
        let values = try features.scalars(as: Float.self)
        #expect(abs(values[0] + values[2] + values[4]) < 1e-5)
        #expect(abs(values[0] * values[0] + values[2] * values[2] + values[4] * values[4] - 3) < 1e-4)
        #expect([values[1], values[3], values[5]] == [0, 0, 0])
    }

    @Test("Masks are no wider than asked for, lie within the utterance, and all occur")
    func masks() {
        var augment = SpecAugment()
        (augment.frequencyMasks, augment.frequencyWidth) = (1, 3)
        (augment.timeMasks, augment.timeShare) = (1, 0.4)
        var generator = Xoshiro256(seed: 1)
        var widths: (Set<Int>, Set<Int>) = ([], [])
        for _ in 0..<300 {
            var features = [Float](repeating: 1, count: 2 * 10 * 6)
            augment.mask(&features, frameCounts: [10, 5], longest: 10, bands: 6, using: &generator)
            // The padding of the second utterance stays as it is.
            #expect(features[(10 + 5) * 6..<120].allSatisfy { $0 == 1 })
            let rows = (0..<10).filter { row in features[row * 6..<row * 6 + 6].allSatisfy { $0 == 0 } }
            let bands = (0..<6).filter { band in (0..<10).allSatisfy { features[$0 * 6 + band] == 0 } }
            widths.0.insert(bands.count)
            widths.1.insert(rows.count)
            #expect(bands.last.map { $0 - bands[0] < 3 } ?? true)
        }
        #expect(widths.0 == [0, 1, 2, 3] && widths.1 == [0, 1, 2, 3, 4])
        var untouched: [Float] = [1, 2, 3, 4]
        SpecAugment.none.mask(&untouched, frameCounts: [2], longest: 2, bands: 2, using: &generator)
        #expect(untouched == [1, 2, 3, 4])
    }
}

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

@Suite("Speech: synthetic corpus")
struct SyntheticSpeechTests {
    @Test func heldOutVoicesAreNoOthers() {
        let lines = SyntheticSpeech().lines
        #expect(lines.count == 1200 && lines.count { $0.isHeldOut } == 200)
        let voices = { (held: Bool) in Set(lines.filter { $0.isHeldOut == held }.map(\.voice)) }
        #expect(voices(true).isDisjoint(with: voices(false)) && voices(false).count > 50)
        #expect(
            lines.allSatisfy { (try? Alphabet.plain($0.text)) == $0.text && (10...30).contains($0.noise) })
        var digits = SyntheticSpeech()
        digits.hasPhrases = false
        #expect(
            digits.lines.allSatisfy {
                $0.text.split(separator: " ").allSatisfy { Alphabet.digits.contains(String($0)) }
            })
    }

    @Test func noiseHasThePowerAskedFor() {
        var samples = [Float](repeating: 0.5, count: 20_000)
        var generator = Xoshiro256(seed: 3)
        SyntheticSpeech.addNoise(to: &samples, decibels: 20, using: &generator)
        let power = samples.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / 20_000
        #expect(abs(power / 0.0025 - 1) < 0.05)
    }

    @Test func withoutTheProgramTheErrorSaysWhatToInstall() throws {
        let error = #expect(throws: SpeechError.self) {
            try SyntheticSpeech().tables(
                cache: "/nowhere", environment: ["PATH": "/nowhere"], progress: LoadingProgress(nil))
        }
        #expect(error?.description.contains("apt-get install espeak-ng") == true)
    }

    @Test(
        "The recipe gives the same files each time, once",
        .enabled(if: ChildProgram(named: "espeak-ng") != nil, "espeak-ng is not installed"))
    func sameFiles() throws {
        try SpeechFolder.with { folder in
            var recipe = SyntheticSpeech()
            (recipe.count, recipe.rate) = (12, 8000)
            let first = try recipe.tables(cache: folder.path + "/a", progress: LoadingProgress(nil))
            let again = try recipe.tables(cache: folder.path + "/a", progress: LoadingProgress(nil))
            #expect(first == again)
            let other = try recipe.tables(cache: folder.path + "/b", progress: LoadingProgress(nil))
            #expect(other.training != first.training)
            let a = try SpeechFolder.options([first.training], heldOut: [first.heldOut]).read(
                progress: LoadingProgress(nil))
            let b = try SpeechFolder.options([other.training], heldOut: [other.heldOut]).read(
                progress: LoadingProgress(nil))
            #expect(
                a.fingerprint == b.fingerprint && a.training.map(\.features) == b.training.map(\.features))
            #expect(a.training.count == 10 && a.validation.count == 2)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/a")
            #expect(names.count == 1 && names[0].hasPrefix("espeak-"))
        }
    }
}

@Suite("Speech: batches")
struct SpeechBatchTests {
    static let utterances = (0..<23).map { index in
        let frames = 5 + 7 * index % 31
        return Utterance(
            path: "\(index)", text: "a", labels: [3 + index % 5], frames: frames,
            features: (0..<frames * 3).map { Float(1 + index * 1000 + $0) }, place: "", speaker: nil,
            chapter: nil,
            hash: UInt64(index))
    }

    static func batches(
        seed: UInt64 = 5, batch: Int = 4, buckets: Int = 3, augment: SpecAugment = SpecAugment()
    )
        throws -> SpeechBatches
    {
        try SpeechBatches(
            utterances, bands: 3, batch: batch, buckets: buckets, augment: augment, seed: seed)
    }

    /// The numbers of a batch's utterances, by their first feature.
    static func numbers(_ batch: SpeechBatch) throws -> [Int] {
        try (0..<batch.unitCount).map { row in
            (Int(try batch.features.selecting(0, row).selecting(0, 0).scalars(as: Float.self)[0]) - 1) / 1000
        }
    }

    @Test("An epoch has every utterance at most once, in batches of like length with zeros behind")
    func epoch() throws {
        var batches = try Self.batches(augment: .none)
        var padding: [Int] = []
        for pass in 0..<2 {
            var seen: [Int] = []
            for _ in 0..<5 {
                #expect(batches.position.pass == pass)
                let batch = batches.next()
                seen += try Self.numbers(batch)
                let longest = try #require(batch.frameCounts.max())
                #expect(batch.features.shape == [4, longest, 3])
                for (row, frames) in batch.frameCounts.enumerated() where frames < longest {
                    let rest = batch.features.selecting(0, row).narrowed(
                        0, from: frames, length: longest - frames)
                    #expect(try rest.largestMagnitude() == 0)
                }
                padding.append(batch.frameCounts.reduce(0) { $0 + longest - $1 })
            }
            #expect(seen.count == 20 && Set(seen).count == 20)
        }
        var plain = try Self.batches(buckets: 1, augment: .none)
        let unsorted = (0..<10).map { _ in
            let counts = plain.next().frameCounts
            return counts.reduce(0) { $0 + (counts.max() ?? 0) - $1 }
        }
        #expect(padding.reduce(0, +) < unsorted.reduce(0, +))
    }

    @Test("A stream continues to the bit from a position in JSON", arguments: [0, 3, 5, 12])
    func position(_ steps: Int) throws {
        var batches = try Self.batches()
        for _ in 0..<steps { _ = batches.next() }
        let saved = try JSONEncoder().encode(batches.position)
        let expected = (0..<7).map { _ in batches.next() }
        var other = try Self.batches(seed: 99)
        try other.restore(try JSONDecoder().decode(SpeechPosition.self, from: saved))
        for batch in expected {
            let found = other.next()
            #expect(found.labels == batch.labels && found.frameCounts == batch.frameCounts)
            #expect(try found.features.scalars(as: Float.self) == batch.features.scalars(as: Float.self))
        }
        #expect(other.position == batches.position)
    }

    @Test func foreignAndDamagedPositionsAreRefused() throws {
        var batches = try Self.batches()
        let other = try Self.batches(batch: 5).position
        #expect(throws: BatchError.self) { try batches.restore(other) }
        #expect(throws: BatchError.self) { try Self.batches(batch: 24) }
        let text = String(decoding: try JSONEncoder().encode(batches.position), as: UTF8.self)
        let damaged = text.replacing("\"offset\":0", with: "\"offset\":5")
        #expect(damaged != text)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(SpeechPosition.self, from: Data(damaged.utf8))
        }
    }

    @Test func slicesKeepTheirUtterances() throws {
        let batch = SpeechBatch(Array(Self.utterances[..<5]), bands: 3)
        let slice = batch.slice(1..<3)
        #expect(slice.unitCount == 2 && slice.frameCounts == Array(batch.frameCounts[1..<3]))
        #expect(slice.labels == Array(batch.labels[1..<3]))
        #expect(try Self.numbers(slice) == [1, 2])
    }
}
