import Fisher
import FisherMedia
import FisherTraining
import Foundation
import TestSupport
import Testing

@testable import FisherTasks

/// Small recordings in a folder of their own.
struct SpeechFolder {
    let path: String

    static func with(_ body: (SpeechFolder) throws -> Void) throws {
        try TemporaryFolder.with { try body(SpeechFolder(path: $0)) }
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
