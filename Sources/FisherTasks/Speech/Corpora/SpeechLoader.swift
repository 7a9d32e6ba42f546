import Fisher
import FisherMedia
import FisherTraining
import Foundation

/// Reads recordings as utterances.
struct SpeechLoader {
    var alphabet = Alphabet.characters
    var logMel = LogMel()
    var normalization = FeatureNormalization.utterance
    var mixesDown = false
    /// The longest recording that is used, in seconds.
    var longest = 20.0
    var progress = LoadingProgress(nil)

    /// Reads a corpus.
    ///
    /// - Parameters:
    ///   - name: a short name for readers.
    ///   - recordings: the recordings to train on, or to be divided.
    ///   - heldOut: those that are held out; nil to divide.
    /// - Throws: `SpeechError` for a text without labels or a sound without features, `MediaError` for a sound that cannot be
    ///   read, `Interrupted` if a signal requests to stop.
    func corpus(named name: String, of recordings: [Recording], heldOut: [Recording]?) throws -> SpeechCorpus
    {
        let all = recordings + (heldOut ?? [])
        // Texts cost nothing to check, and are checked before hours of sound are read.
        let texts = try all.map(labels(of:))
        let transform = logMel.transform()
        let reader = SoundReader(rate: logMel.rate, mixesDown: mixesDown)
        var utterances: [Utterance?] = []
        var room = Int(clamping: ProcessInfo.processInfo.physicalMemory / 4 * 3)
        for (index, (recording, labels)) in zip(all, texts).enumerated() {
            try Interruption.poll()
            progress.show(index, of: all.count, "recordings read")
            let utterance = try utterance(of: recording, labels: labels, by: reader, transform)
            room -= (utterance?.features.count ?? 0) * MemoryLayout<Float>.stride
            guard room > 0 else {
                throw SpeechError.storage(
                    StorageError(
                        .tooLarge, path: recording.path,
                        reason:
                            "is recording \(index + 1) of \(all.count), and the features of those before it fill this "
                            + "machine's memory: use fewer recordings, or fewer --bands"))
            }
            utterances.append(utterance)
        }
        let sides = (
            own: utterances[..<recordings.count].compactMap(\.self),
            held: utterances[recordings.count...].compactMap(\.self)
        )
        guard !sides.own.isEmpty, heldOut == nil || !sides.held.isEmpty else {
            throw SpeechError.badData(
                "\(name) has no recording of at most \(longest) s, the longest that --longest allows")
        }
        var (training, validation, division) = (sides.own, sides.held, "files")
        if heldOut == nil {
            (training, validation, division) = try SpeechCorpus.divided(sides.own, name: name)
        }
        if normalization == .global { try normalize(&training, &validation) }
        return SpeechCorpus(
            name: name, alphabet: alphabet, logMel: logMel, training: training, validation: validation,
            division: division, leftOut: utterances.count { $0 == nil })
    }

    private func labels(of recording: Recording) throws(SpeechError) -> [Int] {
        do throws(Alphabet.Unknown) {
            let labels = try alphabet.labels(of: recording.text)
            guard !labels.isEmpty else {
                throw Alphabet.Unknown(reason: "has an empty text for \(recording.path)")
            }
            return labels
        } catch { throw .badData("\(recording.place), \(error.reason)") }
    }

    /// The utterance of a recording; nil if it is too long.
    private func utterance(
        of recording: Recording, labels: [Int], by reader: SoundReader, _ transform: LogMel.Transform
    ) throws -> Utterance? {
        let bytes: [UInt8]
        do throws(StorageError) { bytes = try FileReader(recording.path).contents(limit: 1 << 32) } catch {
            throw SpeechError.storage(error)
        }
        let sound = try reader.sound(of: bytes, path: recording.path)
        guard sound.seconds <= longest else { return nil }
        let frames = logMel.frameCount(ofSamples: sound.samples.count)
        guard frames > 0 else {
            throw SpeechError.badData(
                "\(recording.path) is too short: its \(sound.samples.count) samples at \(sound.rate) Hz hold no frame of 25 ms"
            )
        }
        var features = transform(sound.samples)
        if normalization == .utterance { features = LogMel.normalized(features) }
        var hash = FNV1a(of: Array(recording.text.utf8))
        hash.add(withUnsafeBytes(of: CRC32C.of(bytes).littleEndian) { Array($0) })
        hash.add(withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Array($0) })
        return Utterance(
            path: recording.path, text: alphabet.text(of: labels), labels: labels, frames: frames,
            features: try features.contiguous().scalars(as: Float.self), place: recording.place,
            speaker: recording.speaker, chapter: recording.chapter, hash: hash.value)
    }

    /// Centers and scales all features by the mean and the deviation of each band over the training side.
    private func normalize(_ training: inout [Utterance], _ validation: inout [Utterance]) throws {
        let bands = logMel.bands
        var (sums, squares, count) = (
            [Double](repeating: 0, count: bands), [Double](repeating: 0, count: bands), 0
        )
        for utterance in training {
            let features = Tensor(utterance.features, shape: [utterance.frames, bands])
            let own = try features.sum(along: 0).scalars(as: Float.self)
            let ownSquares = try features.squared().sum(along: 0).scalars(as: Float.self)
            for band in 0..<bands {
                sums[band] += Double(own[band])
                squares[band] += Double(ownSquares[band])
            }
            count += utterance.frames
        }
        let means = sums.map { $0 / Double(count) }
        let deviations = zip(squares, means).map { square, mean in
            (max(0, square / Double(count) - mean * mean) + LogMel.varianceFloor).squareRoot()
        }
        let mean = Tensor(means.map(Float.init), shape: [1, bands])
        let deviation = Tensor(deviations.map(Float.init), shape: [1, bands])
        func normalized(_ old: Utterance) throws -> Utterance {
            let features = (Tensor(old.features, shape: [old.frames, bands]) - mean) / deviation
            return Utterance(
                path: old.path, text: old.text, labels: old.labels, frames: old.frames,
                features: try features.scalars(as: Float.self), place: old.place, speaker: old.speaker,
                chapter: old.chapter, hash: old.hash)
        }
        training = try training.map(normalized)
        validation = try validation.map(normalized)
    }
}
