import Foundation
import Testing

@testable import FisherMedia

@Suite("Sound")
struct SoundTests {
    /// The kinds that this package reads by itself.
    static let plain = SoundFixture.all.files.filter { $0.file.hasSuffix(".wav") && $0.file != "mu-law.wav" }
    /// Those that libsndfile reads.
    static let others = SoundFixture.all.files.filter {
        !$0.file.hasSuffix(".wav") || $0.file == "mu-law.wav"
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try #require(FileManager.default.contents(atPath: SoundFixture.folder + "/" + name)))
    }

    @Test("Plain WAV is read without any library, to the last bit", arguments: plain)
    func plainWave(_ file: SoundFixture.File) throws {
        let wave = try #require(try WaveFile(try Self.bytes(file.file)))
        #expect(wave.sound.samples == file.samples)
        #expect(wave.sound.channels == file.channels && wave.sound.rate == file.rate)
    }

    @Test(
        "Compressed sound is read by libsndfile",
        .enabled(if: SoundFixture.hasLibrary, "libsndfile is missing: run make media"), arguments: others)
    func compressed(_ file: SoundFixture.File) throws {
        let bytes = try Self.bytes(file.file)
        #expect(try WaveFile(bytes) == nil)
        let sound = try SoundLibrary(neededBy: nil).decode(bytes, path: file.file, most: 1 << 20)
        #expect(sound.samples == file.samples)
        #expect(sound.channels == file.channels && sound.rate == file.rate)
    }

    @Test("Several channels are an error that names the file, or are averaged", arguments: ["wav", "flac"])
    func stereo(_ kind: String) throws {
        if kind == "flac" && !SoundFixture.hasLibrary { return }
        let path = SoundFixture.folder + "/stereo." + kind
        let error = #expect(throws: MediaError.self) { try SoundReader().sound(at: path) }
        #expect(error?.description.contains("stereo.\(kind) has 2 channels") == true)
        #expect(error?.description.contains("--mix-down") == true)
        let samples = try #require(SoundFixture.all.files.first { $0.file == "stereo.\(kind)" }).samples
        let mixed = try SoundReader(mixesDown: true).sound(at: path).samples
        let means: [Float] = (0..<samples.count / 2).map { (samples[2 * $0] + samples[2 * $0 + 1]) / 2 }
        #expect(mixed == means)
    }

    @Test("Resampling agrees with the sum over all samples", arguments: SoundFixture.all.resampled)
    func resampling(_ fixture: SoundFixture.Resampled) throws {
        let resampler = try #require(Resampler(from: fixture.from, to: fixture.to))
        let found = try resampler(fixture.samples.map(Float.init))
        try #require(found.count == fixture.expected.count)
        for (a, b) in zip(found, fixture.expected) { #expect(abs(Double(a) - b) < 1e-6) }
    }

    @Test func ratesWithoutACommonDivisorAreNamed() {
        let sound = Sound(samples: [0, 0.5], rate: 9_999_991)
        let error = #expect(throws: MediaError.self) {
            try SoundReader(rate: 16_000).sound(of: sound.waveFile, path: "odd.wav")
        }
        #expect(error?.description.contains("odd.wav has 9999991 samples in a second") == true)
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let sound = Sound(samples: [0, 0.5, -1, 0.25, 3, -3], rate: 8000)
        let again = try SoundReader().sound(of: sound.waveFile, path: "a.wav")
        #expect(again.samples == [0, 0.5, -1, 0.25, 32_767.0 / 32_768, -1] && again.rate == 8000)
    }

    /// A file of one format chunk and one data chunk, changed by the caller.
    static func wave(_ chunks: [(String, [UInt8], Int?)]) -> [UInt8] {
        func little(_ number: Int) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        return chunks.reduce(Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WAVE".utf8)) { bytes, chunk in
            let pad: [UInt8] = chunk.1.count % 2 == 1 ? [0] : []
            return bytes + Array(chunk.0.utf8) + little(chunk.2 ?? chunk.1.count) + chunk.1 + pad
        }
    }
    static let format: [UInt8] = [1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 16, 0]
    static func format(changing index: Int, to value: UInt8) -> [UInt8] {
        var bytes = format
        bytes[index] = value
        return bytes
    }

    @Test("Chunks may stand in any order, be odd, and follow the samples cut off")
    func chunks() throws {
        let data: [UInt8] = [0, 0x40, 0, 0xC0]
        for chunks: [(String, [UInt8], Int?)] in [
            [("fmt ", Self.format, nil), ("data", data, nil)],
            [("LIST", [1, 2, 3], nil), ("data", data, nil), ("odd ", [9], nil), ("fmt ", Self.format, nil)],
            [("fmt ", Self.format, nil), ("data", data, nil), ("LIST", [1, 2], 1000)],
            [("fmt ", Self.format, nil), ("data", data, 0xFFFF_FFFF)],
        ] {
            #expect(try WaveFile(Self.wave(chunks))?.sound.samples == [0.5, -0.5])
        }
    }

    static let broken: [(String, [UInt8])] = [
        (
            "is cut off: its samples should have 100 bytes",
            wave([("fmt ", format, nil), ("data", [0, 0], 100)])
        ),
        ("is cut off: its part \"fmt \" should have 400", wave([("fmt ", format, 400)])),
        ("do not divide into frames", wave([("fmt ", format, nil), ("data", [0, 0, 0], nil)])),
        ("without samples", wave([("fmt ", format, nil)])),
        ("does not describe its samples", wave([("data", [0, 0], nil)])),
        ("in 4 bytes, where at least 16", wave([("fmt ", [1, 0, 1, 0], nil), ("data", [0, 0], nil)])),
        ("has no channel", wave([("fmt ", format(changing: 2, to: 0), nil), ("data", [0, 0], nil)])),
        ("do not take 7 bytes", wave([("fmt ", format(changing: 12, to: 7), nil), ("data", [0, 0], nil)])),
        ("describes its samples twice", wave([("fmt ", format, nil), ("fmt ", format, nil)])),
        (
            "two parts with samples",
            wave([("fmt ", format, nil), ("data", [0, 0], nil), ("data", [0, 0], nil)])
        ),
        ("holds no sound", wave([("fmt ", format, nil), ("data", [], nil)])),
        ("is empty", []),
        (
            "not a finite number",
            wave([
                ("fmt ", [3, 0, 1, 0, 64, 31, 0, 0, 0, 125, 0, 0, 4, 0, 32, 0], nil),
                ("data", [0, 0, 0xC0, 0x7F], nil),
            ])
        ),
    ]

    @Test("Bad WAV files are one sentence that names the file", arguments: broken)
    func badWave(_ reason: String, _ bytes: [UInt8]) throws {
        let error = #expect(throws: MediaError.self) { try SoundReader().sound(of: bytes, path: "a.wav") }
        let text = try #require(error).description
        #expect(text.hasPrefix("a.wav ") && text.contains(reason) && !text.contains("\n"), "\(text)")
    }

    @Test(
        "A damaged or foreign file is one sentence that names it",
        .enabled(if: SoundFixture.hasLibrary, "libsndfile is missing: run make media"))
    func badCompressed() throws {
        let flac = try Self.bytes("lossless.flac")
        for bytes in [Array(flac.prefix(flac.count - 40)), Array(flac.prefix(20)), Array("no sound".utf8)] {
            let error = #expect(throws: MediaError.self) {
                try SoundReader().sound(of: bytes, path: "a.flac")
            }
            #expect(error?.description.hasPrefix("a.flac is ") == true, "\(String(describing: error))")
        }
        #expect(throws: MediaError.self) {
            try SoundLibrary(neededBy: nil).decode(flac, path: "a.flac", most: 50)
        }
    }

    @Test func missingAndForeignFilesAreNamed() throws {
        let error = #expect(throws: MediaError.self) { try SoundReader().sound(at: "/nowhere/a.wav") }
        #expect(error?.description.hasPrefix("/nowhere/a.wav cannot be opened") == true)
    }
}
