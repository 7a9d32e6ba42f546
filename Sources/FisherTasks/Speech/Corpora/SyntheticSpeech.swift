import Fisher
import FisherMedia
import FisherTraining
import Foundation

/// Strings of digits and short phrases, spoken by the program `espeak-ng` in many voices, with noise.
///
/// The recipe determines every sample: texts, voices, speeds, pitches and noise are drawn from one generator. The sounds are made
/// once and kept, as WAV files with two tables, in the user's cache folder under a hash of the recipe and of the program's
/// version. The held-out utterances are spoken by voices that none of the others has.
struct SyntheticSpeech: Hashable, Sendable {
    /// Utterances, the held-out ones among them.
    var count = 1200
    /// Whether there are phrases besides the strings of digits.
    var hasPhrases = true
    /// Samples in a second.
    var rate = 16_000
    /// Determines texts, voices and noise.
    var seed: UInt64 = 1

    static let accents = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029"]
    static let trainingVariants = ["m1", "m2", "m3", "m5", "m6", "m8", "f1", "f2", "f4", "f5"]
    static let heldOutVariants = ["m4", "m7", "f3"]

    /// One utterance of the recipe.
    struct Line: Hashable, Sendable {
        let text, voice: String
        let speed, pitch: Int
        /// The power of the speech over that of the noise, in decibels.
        let noise: Double
        let isHeldOut: Bool
    }

    /// The utterances, of which every sixth is held out.
    var lines: [Line] {
        var generator = Xoshiro256(seed: seed)
        return (0..<count).map { index in
            func pick<Element>(_ list: [Element]) -> Element { list[generator.uniform(below: list.count)] }
            let isHeldOut = index % 6 == 5
            let isPhrase = hasPhrases && generator.uniform(below: 2) == 1
            let text =
                isPhrase
                ? Self.phrases[generator.uniform(below: Self.phrases.count)].map { pick($0) }.joined(
                    separator: " ")
                : (0..<3 + generator.uniform(below: 4)).map { _ in pick(Alphabet.digits) }.joined(
                    separator: " ")
            let voice =
                pick(Self.accents) + "+" + pick(isHeldOut ? Self.heldOutVariants : Self.trainingVariants)
            return Line(
                text: text, voice: voice, speed: 130 + generator.uniform(below: 71),
                pitch: 30 + generator.uniform(below: 41),
                noise: 10 + Double(generator.uniform(below: 201)) / 10,
                isHeldOut: isHeldOut)
        }
    }

    /// Each phrase is one word of each of its lists.
    static let phrases: [[[String]]] = [
        [
            ["turn", "switch"], ["on", "off"], ["the"], ["kitchen", "bedroom", "garden", "hall"],
            ["light", "heater", "fan"],
        ],
        [["play", "stop", "repeat"], ["the"], ["first", "next", "last"], ["song", "story", "message"]],
        [
            ["call", "write to", "wait for"], ["my"], ["mother", "brother", "doctor", "friend"],
            ["now", "today", "tomorrow"],
        ],
        [["what is"], ["the"], ["time", "weather", "news"], ["in"], ["london", "paris", "rome", "tokyo"]],
        [["set"], ["a"], ["timer", "clock"], ["for"], Alphabet.digits, ["minutes", "hours", "seconds"]],
    ]

    /// The tables of the utterances to train on and of those held out, made now if they are not there yet.
    ///
    /// - Throws: `SpeechError` where the program is missing, fails, or the folder cannot be written; `Interrupted` where a signal
    ///   requests to stop.
    func tables(
        cache: String = Self.cacheFolder, environment: [String: String] = ProcessInfo.processInfo.environment,
        progress: LoadingProgress
    ) throws -> (training: String, heldOut: String) {
        guard let program = ChildProgram(named: "espeak-ng", environment: environment) else {
            throw SpeechError.programMissing(
                "the program espeak-ng, which speaks this corpus, is not installed: apt-get install espeak-ng, "
                    + "or use --corpus asterisk, or name your own recordings with --speech")
        }
        let version = String(decoding: try program.output(["--version"]).prefix { $0 != 0x0A }, as: UTF8.self)
            .split(separator: " Data")[0]
        let hash = SHA256.of("\(version)|\(Self.recipeVersion)|\(rate)|\(lines)".utf8).prefix(16)
        let folder = cache + "/espeak-\(hash)"
        let tables = (training: folder + "/training.tsv", heldOut: folder + "/held-out.tsv")
        do throws(StorageError) {
            if try DurableStorage.kind(of: folder, followingLinks: true) == .folder { return tables }
            try DurableStorage.makeFolder(cache)
        } catch { throw SpeechError.storage(error) }
        try make(folder, in: cache, by: program, progress: progress)
        return tables
    }

    /// Changes where the same lines are to give other samples.
    private static let recipeVersion = 1

    /// Where recordings are kept.
    static var cacheFolder: String {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        return (cache ?? (environment["HOME"] ?? "/") + "/.cache") + "/swift-fisher/speech"
    }

    /// Makes all files in a temporary folder, which is then moved into place.
    private func make(
        _ folder: String, in cache: String, by program: ChildProgram, progress: LoadingProgress
    ) throws {
        do {
            let temporary = try DurableStorage.makeTemporaryFolder(in: cache)
            do {
                try write(to: temporary, by: program, progress: progress)
                try DurableStorage.moveFolder(temporary, to: folder)
            } catch {
                try? DurableStorage.removeFolder(temporary)
                // Another process may have made the same files meanwhile.
                guard try DurableStorage.kind(of: folder, followingLinks: true) == .folder else {
                    throw error
                }
            }
        } catch let error as StorageError { throw SpeechError.storage(error) }
    }

    private func write(to folder: String, by program: ChildProgram, progress: LoadingProgress) throws {
        let work = folder + "/work"
        try DurableStorage.makeFolder(work)
        let reader = SoundReader(rate: rate)
        var noise = Xoshiro256(seed: seed ^ 0x5EED)
        var tables = ["path\ttext\tspeaker\n", "path\ttext\tspeaker\n"]
        for (index, line) in lines.enumerated() {
            try Interruption.poll()
            progress.show(index, of: count, "utterances spoken by espeak-ng")
            let spoken = work + "/spoken.wav"
            _ = try program.output([
                "-v", line.voice, "-s", "\(line.speed)", "-p", "\(line.pitch)", "-w", spoken, line.text,
            ])
            var sound = try reader.sound(at: spoken)
            Self.addNoise(to: &sound.samples, decibels: line.noise, using: &noise)
            let name = String(repeating: "0", count: max(0, 5 - "\(index)".count)) + "\(index).wav"
            try DurableStorage.replaceFile(at: folder + "/" + name, with: Data(sound.waveFile))
            tables[line.isHeldOut ? 1 : 0] += "\(name)\t\(line.text)\t\(line.voice)\n"
        }
        try DurableStorage.removeFolder(work)
        for (name, table) in zip(["training.tsv", "held-out.tsv"], tables) {
            try DurableStorage.replaceFile(at: folder + "/" + name, with: Data(table.utf8))
        }
    }

    /// Adds normal noise (by Box and Muller's method) whose power is so many decibels below that of the speech.
    static func addNoise(to samples: inout [Float], decibels: Double, using generator: inout Xoshiro256) {
        let power = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(samples.count, 1))
        let deviation = (power * pow(10, -decibels / 10)).squareRoot()
        for index in samples.indices {
            let first = (Double(generator.next() >> 11) + 1) * 0x1p-53
            let second = Double(generator.next() >> 11) * 0x1p-53
            samples[index] += Float(deviation * (-2 * log(first)).squareRoot() * cos(2 * .pi * second))
        }
    }
}
