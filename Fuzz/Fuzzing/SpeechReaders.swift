import FisherMedia
import FisherTasks

extension Fuzzed {
    /// Plain WAV; what is accepted has whole frames, and is the same when it is written and read again.
    static let wave = Fuzzed(
        "wave", weight: 100, tokens: ["RIFF", "WAVE", "fmt ", "data", "LIST", "\u{1}", "\u{0}\u{0}"]
    ) {
        bytes in
        let found: WaveFile?
        do throws(WaveFile.Fault) { found = try WaveFile(bytes) } catch {
            try FuzzFailure.require(error.reason.utf8.count < 1000, "a long message")
            return false
        }
        guard let sound = found?.sound else { return false }
        let mono = sound.mono
        try FuzzFailure.require(mono.count * sound.channels == sound.samples.count, "a frame lacks channels")
        // Amplitudes within full scale survive 16 bits to a step.
        guard mono.allSatisfy({ abs($0) <= 1 }) else { return true }
        let again = try WaveFile(Sound(samples: mono, rate: sound.rate).waveFile)?.sound
        try FuzzFailure.require(
            again?.rate == sound.rate && again?.samples.count == mono.count
                && zip(again?.samples ?? [], mono).allSatisfy { abs($0 - $1) <= 1 / 32_768 },
            "a sound is another one when it is read again")
        return true
    }

    private static let speechTokens = ["\t", "\n", "\r\n", " ", "'", "\u{2019}", "é", "1", "12", "\u{feff}"]

    /// A transcript in LibriSpeech's layout.
    static let transcript = Fuzzed("transcript", weight: 30, tokens: speechTokens) { bytes in
        try recordings {
            () throws(SpeechError) in
            try TranscriptFolder.recordings(
                of: TextLines.lines(of: bytes, path: "a/x.trans.txt"), path: "a/x.trans.txt",
                among: ["a/84-1-0000.flac", "a/84-1-0001.wav", "a/84-1-0002.flac"])
        }
    }

    /// A table of paths and texts, with or without names of its columns.
    static let recordings = Fuzzed(
        "recordings", weight: 30, tokens: speechTokens + ["path", "text", "sentence", "/"]
    ) {
        bytes in
        try recordings { () throws(SpeechError) in try RecordingTable.recordings(of: bytes, path: "a/x.tsv") }
    }

    /// Reads recordings; a text that has labels is the one that these write.
    private static func recordings(_ read: () throws(SpeechError) -> [Recording]) throws -> Bool {
        let found: [Recording]
        do throws(SpeechError) { found = try read() } catch {
            let message = "\(error)"
            try FuzzFailure.require(
                message.utf8.count < 20_000 && !message.contains("\n"), "a message of several lines")
            return false
        }
        for recording in found {
            guard let labels = try? Alphabet.characters.labels(of: recording.text) else { continue }
            let text = Alphabet.characters.text(of: labels)
            try FuzzFailure.require(
                try Alphabet.characters.labels(of: text) == labels,
                "a text is another one when it is written again")
        }
        return true
    }
}
