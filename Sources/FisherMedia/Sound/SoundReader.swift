import FisherFiles
import Torch

/// Reads sound files as one channel at one rate.
///
/// Plain WAV (PCM of 8, 16, 24 or 32 bits, or float32) is read by this package; FLAC, Ogg, MP3, AIFF and all else by
/// libsndfile, which is opened at the first such file.
///
///     let reader = SoundReader(rate: 16_000)
///     let sound = try reader.sound(at: "84-121123-0000.flac")
public final class SoundReader {
    /// Samples in a second of what is returned; nil for the file's own rate.
    public let rate: Int?
    /// Whether several channels are averaged into one; otherwise a file with several is an error.
    public let mixesDown: Bool
    private var library: SoundLibrary?
    private var resamplers: [Int: Resampler] = [:]

    /// The most samples of all channels that a file may hold: three hours of two channels at 48 kHz.
    static let mostSamples = 1 << 30
    private static let mostBytes = 1 << 32

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - rate: samples in a second of what is returned; nil for each file's own rate.
    ///   - mixesDown: whether several channels are averaged into one.
    public init(rate: Int? = nil, mixesDown: Bool = false) {
        self.rate = rate
        self.mixesDown = mixesDown
    }

    /// The sound of a file.
    ///
    /// - Throws: `MediaError` for a file that cannot be read, holds no sound or several channels, or needs libsndfile
    ///   where there is none; `TorchError` where a sound cannot be brought to the rate.
    public func sound(at path: String) throws -> Sound {
        let bytes: [UInt8]
        do throws(StorageError) {
            bytes = try FileReader(path).contents(limit: Self.mostBytes)
        } catch { throw MediaError.storage(error) }
        return try sound(of: bytes, path: path)
    }

    /// The sound of a file's bytes, which errors name by a path.
    package func sound(of bytes: [UInt8], path: String) throws -> Sound {
        let decoded = try decoded(bytes, path: path)
        guard decoded.channels == 1 || mixesDown else {
            throw MediaError.badFile(
                path,
                reason: "has \(decoded.channels) channels where one is expected; "
                    + "--mix-down averages them, for recordings in which that makes sense")
        }
        let samples = decoded.mono
        guard !samples.isEmpty else { throw MediaError.badFile(path, reason: "holds no sound") }
        guard samples.allSatisfy(\.isFinite) else {
            throw MediaError.badFile(path, reason: "has a sample that is not a finite number")
        }
        guard let rate, rate != decoded.rate else { return Sound(samples: samples, rate: decoded.rate) }
        if resamplers[decoded.rate] == nil {
            guard let resampler = Resampler(from: decoded.rate, to: rate) else {
                throw MediaError.badFile(
                    path,
                    reason: "has \(decoded.rate) samples in a second, which cannot be brought to \(rate): "
                        + "the two have too small a common divisor")
            }
            resamplers[decoded.rate] = resampler
        }
        return Sound(samples: try resamplers[decoded.rate]?(samples) ?? samples, rate: rate)
    }

    private func decoded(_ bytes: [UInt8], path: String) throws(MediaError) -> DecodedSound {
        do throws(WaveFile.Fault) {
            if let wave = try WaveFile(bytes) { return wave.sound }
        } catch { throw .badFile(path, reason: error.reason) }
        guard !bytes.isEmpty else { throw .badFile(path, reason: "is empty; a sound file is expected") }
        if library == nil { library = try SoundLibrary(neededBy: path) }
        guard let library else { preconditionFailure("the library was opened") }
        return try library.decode(bytes, path: path, most: Self.mostSamples)
    }
}
