import FisherMedia
import Foundation
import Testing

/// What `fisher train speech` says of recordings that cannot be used.
@Suite("Speech on the command line") struct SpeechCommandTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let status: Int32
        /// A part of the sentence; `@` stands for the folder.
        let said: String
        let files: [(name: String, bytes: [UInt8])]
        let arguments: [String]
        var variables: [String: String] = [:]
        var testDescription: String { said }
    }

    /// A second of a tone at 8 kHz in 16 bits.
    static let tone = Sound(
        samples: (0..<8000).map { Float(0.3 * sin(0.2 * Double($0))) }, rate: 8000
    ).waveFile
    static let stereo: [UInt8] = {
        var bytes = tone
        (bytes[22], bytes[32]) = (2, 4)
        return bytes
    }()

    static func table(_ text: String, sound: [UInt8], named: String = "a.wav") -> [(
        name: String, bytes: [UInt8]
    )] {
        [(named, sound), ("b.wav", tone), ("t.tsv", Array("\(named)\t\(text)\nb.wav\ttwo\n".utf8))]
    }

    static let cases: [Case] = [
        Case(
            status: 65,
            said: "@/a.wav is cut off: its samples should have 16000 bytes, of which 4956 are there",
            files: table("one", sound: Array(tone.prefix(5000))), arguments: ["--speech", "@/t.tsv"]),
        Case(
            status: 65, said: "@/a.wav has 2 channels where one is expected",
            files: table("one", sound: stereo),
            arguments: ["--speech", "@/t.tsv"]),
        Case(
            status: 65, said: "@/t.tsv, line 1, has the character \"ü\"", files: table("grün", sound: tone),
            arguments: ["--speech", "@/t.tsv"]),
        Case(
            status: 65, said: "@/t.tsv, line 1, has an empty text", files: table("", sound: tone),
            arguments: ["--speech", "@/t.tsv"]),
        Case(
            status: 65, said: "@/a.wav is too short for its text (@/t.tsv, line 1)",
            files: table(String(repeating: "too long for a second ", count: 20), sound: tone),
            arguments: ["--speech", "@/t.tsv"]),
        Case(
            status: 65, said: "@/chapter/b.wav has no transcript in @/chapter/x.trans.txt",
            files: [
                ("chapter/a.wav", tone), ("chapter/b.wav", tone),
                ("chapter/x.trans.txt", Array("a one\n".utf8)),
            ],
            arguments: ["--speech", "@"]),
        Case(
            status: 66, said: "@/gone.wav cannot be opened",
            files: [("t.tsv", Array("gone.wav\tone\n".utf8))], arguments: ["--speech", "@/t.tsv"]),
        Case(status: 66, said: "@/nowhere is not there", files: [], arguments: ["--speech", "@/nowhere"]),
        Case(
            status: 69, said: "FISHER_SNDFILE names a file that cannot be opened (@/a.flac needs it)",
            files: table("one", sound: Array("fLaC".utf8), named: "a.flac"),
            arguments: ["--speech", "@/t.tsv"],
            variables: ["FISHER_SNDFILE": "/nowhere/libsndfile.so"]),
        Case(
            status: 69, said: "the program espeak-ng, which speaks this corpus, is not installed", files: [],
            arguments: ["--corpus", "digits"], variables: ["PATH": "/nowhere"]),
    ]

    @Test("Bad recordings are one sentence that names the file", arguments: cases)
    func badData(_ given: Case) throws {
        try CommandTests.withFolder { root in
            for file in given.files {
                let url = URL(filePath: root + "/" + file.name)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(file.bytes).write(to: url)
            }
            let process = Process()
            let errors = Pipe()
            process.executableURL = CommandTests.executable
            process.arguments =
                ["train", "speech", "--steps", "100", "--output", root + "/run"]
                + given.arguments.map { $0.replacing("@", with: root) }
            process.environment = ProcessInfo.processInfo.environment.merging(given.variables) { $1 }
            (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
            try process.run()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == given.status, "\(text)")
            #expect(text.contains(given.said.replacing("@", with: root)), "\(text)")
            #expect(text.split(separator: "\n").count == 1, "\(text)")
        }
    }
}
