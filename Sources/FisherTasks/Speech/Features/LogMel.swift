import Fisher
import FisherOptions
import Foundation

/// By what the features of an utterance are centered and scaled.
public enum FeatureNormalization: String, CaseIterable, OptionValue {
    /// The mean and the standard deviation of each band over the utterance.
    case utterance
    /// Those over all utterances that are trained on.
    case global
    /// Nothing.
    case none
}

/// The logarithms of the power in mel bands: what a speech recognizer sees of a sound.
///
/// A frame is the power spectrum of a Hann window of 25 ms, one every 10 ms, in triangular mel bands; of each band's power,
/// at least 1e-10, the natural logarithm is taken.
public struct LogMel: Hashable, Sendable {
    /// Samples in a second of the sounds.
    public let rate: Int
    /// The number of bands.
    public let bands: Int
    /// Samples in a window.
    public let window: Int
    /// Samples from one window to the next.
    public let hop: Int

    /// The least power of a band, so that silence has a logarithm.
    static let floor = 1e-10
    /// What is added to a variance, so that a band without any change is not divided by zero.
    static let varianceFloor = 1e-5

    /// Features of sounds of a rate; 25 ms must be at least 2 samples.
    public init(rate: Int = 16_000, bands: Int = 80) {
        precondition(rate >= 1000 && bands > 0, "features of \(rate) Hz in \(bands) bands")
        self.rate = rate
        self.bands = bands
        window = rate / 40
        hop = rate / 100
    }

    /// The frames of so many samples: 1 + samples / hop. Zero for a sound that is too short to have any.
    public func frameCount(ofSamples count: Int) -> Int { count > window / 2 ? 1 + count / hop : 0 }

    /// The computation of features, with its window and filters.
    public func transform() -> Transform { Transform(self) }

    /// Features [frames, bands] less their mean over the frames, over their standard deviation: each band has mean 0 and
    /// variance 1.
    public static func normalized(_ features: Tensor) -> Tensor {
        let mean = features.mean(along: 0, keepingDimensions: true)
        let variance = (features - mean).squared().mean(along: 0, keepingDimensions: true)
        return (features - mean) / (variance + varianceFloor).squareRoot()
    }
}

extension LogMel {
    /// Computes features; made once for many sounds.
    public struct Transform {
        private let settings: LogMel
        private let window: Tensor
        private let filters: Tensor

        init(_ settings: LogMel) {
            self.settings = settings
            let count = settings.window
            let hann = (0..<count).map { step in
                Float(0.5 - 0.5 * cos(2 * Double.pi * Double(step) / Double(count)))
            }
            window = Tensor(hann, shape: [count])
            filters = MelFilterBank.weights(
                bins: count / 2 + 1, filters: settings.bands, rate: settings.rate)
        }

        /// The features of samples that have at least one frame, [frames, bands], before they are normalized.
        public func callAsFunction(_ samples: [Float]) -> Tensor {
            precondition(
                settings.frameCount(ofSamples: samples.count) > 0, "a sound of \(samples.count) samples")
            let power = Tensor(samples, shape: [samples.count]).powerSpectrum(
                window: window, hop: settings.hop)
            return power.transposed(0, 1).matmul(filters).clamped(min: LogMel.floor).log()
        }
    }
}
