import Fisher
import FisherMedia
import FisherTraining
import Foundation

/// A spoken text: its features and its labels.
public struct Utterance: Sendable, Hashable {
    /// The sound file.
    public let path: String
    /// What is spoken, in the alphabet's characters.
    public let text: String
    /// The classes of the text, without the blank.
    public let labels: [Int]
    /// Frames of features.
    public let frames: Int
    /// The features, frame by frame.
    public let features: [Float]
    let place: String
    let speaker: String?
    let chapter: String?
    /// A hash of the sound file and the text.
    let hash: UInt64

    /// The least frames in which CTC can write the labels: one for each, and a blank between two equal ones.
    public var leastPositions: Int { labels.count + zip(labels, labels.dropFirst()).count { $0 == $1 } }
}

/// Speech with its texts, divided into what is trained on and what is held out, as features in memory.
public struct SpeechCorpus: Sendable {
    /// A short name for readers.
    public let name: String
    /// The classes of the texts.
    public let alphabet: Alphabet
    /// How the features are computed.
    public let logMel: LogMel
    /// The utterances that are trained on.
    public let training: [Utterance]
    /// The utterances that are held out.
    public let validation: [Utterance]
    /// By what the division was made: `speakers`, `chapters`, `recordings` or `files`.
    public let division: String
    /// Recordings that were left out because they are longer than was asked for.
    public let leftOut: Int

    /// A hash of all sounds and texts and of the division (64-bit FNV-1a, as 16 hexadecimal digits).
    public var fingerprint: String {
        var hash = FNV1a()
        for side in [training, validation] {
            for utterance in side {
                hash.add(withUnsafeBytes(of: utterance.hash.littleEndian) { Array($0) })
            }
            hash.add([UInt8(ascii: "|")])
        }
        let digits = String(hash.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Minutes of the features' frames.
    public static func minutes(of utterances: [Utterance]) -> Double {
        Double(utterances.reduce(0) { $0 + $1.frames }) / 6000
    }

    /// The training side alone, divided once more: what options are tuned on, so that the held-out speech stays unseen
    /// until the end. Throws `SpeechError` where it is too small to be divided.
    public func tuningSplit() throws(SpeechError) -> SpeechCorpus {
        let (own, other, division) = try Self.divided(training, name: name)
        return SpeechCorpus(
            name: name + " (tuning split)", alphabet: alphabet, logMel: logMel, training: own,
            validation: other,
            division: division, leftOut: leftOut)
    }

    /// Throws unless a network's positions suffice for every text under CTC.
    ///
    /// - Parameter positions: the positions of the network's output for so many frames.
    public func requirePositions(_ positions: (_ frames: Int) -> Int) throws(SpeechError) {
        for utterance in training + validation {
            let found = positions(utterance.frames)
            guard found >= utterance.leastPositions else {
                throw .badData(
                    "\(utterance.path) is too short for its text (\(utterance.place)): the network has \(found) "
                        + "\(found == 1 ? "position" : "positions") for it, and the text needs \(utterance.leastPositions)"
                )
            }
        }
    }

    /// Divides utterances: about a tenth of them, by whole speakers where there are at least five, else by whole chapters where
    /// there are at least five, else by recordings, equal ones on one side.
    static func divided(
        _ utterances: [Utterance], name: String
    ) throws(SpeechError) -> (training: [Utterance], validation: [Utterance], division: String) {
        let keys: [(String, (Utterance) -> String?)] = [
            ("speakers", \.speaker), ("chapters", \.chapter), ("recordings", { String($0.hash) }),
        ]
        for (division, key) in keys {
            let groups = utterances.compactMap(key)
            guard groups.count == utterances.count, Set(groups).count >= (division == "recordings" ? 2 : 5)
            else {
                continue
            }
            let hashes = groups.map { FNV1a(of: Array($0.utf8)).value }
            let held = Corpus.heldOut(hashes, sizes: utterances.map(\.frames), fraction: 0.1)
            func side(_ isHeld: Bool) -> [Utterance] {
                zip(hashes, utterances).filter { held.contains($0.0) == isHeld }.map(\.1)
            }
            return (side(false), side(true), division)
        }
        throw .badData("\(name) has fewer than two different recordings, so that none can be held out")
    }
}
