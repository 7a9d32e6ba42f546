import Fisher
import FisherMedia
import FisherTraining
import Foundation

/// What the file of a speech recognizer's weights says of it: enough to make it again.
struct SpeechModelFile: Codable, Hashable {
    /// The model's sizes.
    let configuration: Conformer.Configuration
    /// The classes of its texts.
    let alphabet: String
    /// Samples in a second of the sounds.
    let rate: Int
    /// By what features are centered and scaled.
    let normalization: String
    /// The hypotheses that its run kept in decoding.
    let beam: Int

    private static let key = "swift_fisher_speech"

    init(
        configuration: Conformer.Configuration, alphabet: Alphabet, rate: Int,
        normalization: FeatureNormalization, beam: Int
    ) {
        self.configuration = configuration
        self.alphabet = alphabet.rawValue
        self.rate = rate
        self.normalization = normalization.rawValue
        self.beam = beam
    }

    /// The metadata of the file.
    var metadata: [String: String] {
        [Self.key: String(decoding: StoredJSON.encode(self, indented: false), as: UTF8.self)]
    }

    /// Reads the metadata of a file.
    init(_ file: SafetensorsFile, path: String) throws(SafetensorsError) {
        func failing(_ reason: String) -> SafetensorsError {
            SafetensorsError(.malformed, path: path, reason: reason)
        }
        guard let text = file.metadata[Self.key],
            let found = try? JSONDecoder().decode(Self.self, from: Data(text.utf8))
        else {
            throw failing(
                "its metadata do not specify a speech recognizer (those of a checkpoint of fisher train speech do)"
            )
        }
        if let complaint = found.configuration.complaint {
            throw failing("it holds an impossible speech recognizer: \(complaint)")
        }
        guard let alphabet = Alphabet(rawValue: found.alphabet),
            alphabet.classCount == found.configuration.classes,
            FeatureNormalization(rawValue: found.normalization) != nil,
            (1000...192_000).contains(found.rate), (1...1024).contains(found.beam)
        else { throw failing("it holds a speech recognizer whose alphabet or features are not known") }
        self = found
    }
}

/// Writes what is spoken in sound files.
public struct Transcriber {
    private let model: Conformer
    private let alphabet: Alphabet
    private let logMel: LogMel
    private let normalization: FeatureNormalization
    private let reader: SoundReader
    private let beam: Int

    /// Reads a model.
    ///
    /// - Parameters:
    ///   - path: the safetensors file of its weights.
    ///   - beam: the hypotheses that decoding keeps; nil for as many as in the run.
    ///   - mixesDown: whether several channels are averaged, which are an error otherwise.
    /// - Throws: `SafetensorsError` for an invalid file or one of another model, `WeightError` for weights that do not fit,
    ///   `SpeechError` for a model whose features need statistics of its training data.
    public init(modelAt path: String, beam: Int? = nil, mixesDown: Bool = false) throws {
        let file = try SafetensorsFile(path: path)
        let description = try SpeechModelFile(file, path: path)
        let configuration = description.configuration
        guard let alphabet = Alphabet(rawValue: description.alphabet),
            let normalization = FeatureNormalization(rawValue: description.normalization)
        else { preconditionFailure("the description was read") }
        guard normalization != .global else {
            throw SpeechError.badData(
                "\(path) was trained with --normalization global, whose statistics of the training speech are not in "
                    + "the file; train with utterance or none to transcribe other recordings")
        }
        let counts = file.tensors.filter { !$0.name.contains(".running") }.map { entry in
            entry.shape.reduce(1.0) { $0 * Double($1) }
        }
        guard counts.reduce(0, +) == configuration.parameterCount else {
            throw WeightError(
                description:
                    "\(path) holds \(Int(counts.reduce(0, +))) numbers; the Conformer that its metadata describe "
                    + "has " + String(format: "%.0f", configuration.parameterCount))
        }
        model = Conformer(configuration, using: try RandomGenerator(seed: 0))
        try model.load(from: path)
        model.setTraining(false)
        self.alphabet = alphabet
        self.normalization = normalization
        logMel = LogMel(rate: description.rate, bands: configuration.mels)
        reader = SoundReader(rate: description.rate, mixesDown: mixesDown)
        self.beam = beam ?? description.beam
    }

    /// The text of a sound file.
    ///
    /// - Throws: `MediaError` for a file that cannot be read, `SpeechError` for one that is too short.
    public func callAsFunction(_ path: String) throws -> String {
        let sound = try reader.sound(at: path)
        let frames = logMel.frameCount(ofSamples: sound.samples.count)
        guard frames > 0 else {
            throw SpeechError.badData("\(path) is too short: it holds no frame of 25 ms")
        }
        var features = logMel.transform()(sound.samples)
        if normalization == .utterance { features = LogMel.normalized(features) }
        return try withoutGradients {
            let labels = try SpeechLikelihood(model, features: features.unsqueezed(0), frameCounts: [frames])
                .labels(beam: beam)
            return alphabet.text(of: labels.first ?? [])
        }
    }
}
