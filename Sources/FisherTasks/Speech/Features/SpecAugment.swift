import Fisher
import FisherOptions

/// How features are masked while they are trained on (Park et al. 2019, "SpecAugment"): bands and stretches of time are set
/// to zero, the mean of normalized features.
public struct SpecAugment: ConfigurableOptions {
    /// Masks of neighboring bands in an utterance.
    @Configurable(
        "data.frequency_masks", .between(0, 1000), "masked stretches of bands in an utterance; 0: none")
    public var frequencyMasks = 2
    /// The most bands that a mask covers.
    @Configurable(
        "data.frequency_width", .between(0, 1 << 20), "most bands in a masked stretch; 0: none are masked")
    public var frequencyWidth = 15
    /// Masks of neighboring frames in an utterance.
    @Configurable("data.time_masks", .between(0, 1000), "masked stretches of time in an utterance; 0: none")
    public var timeMasks = 2
    /// The largest share of an utterance's frames that a mask covers.
    @Configurable("data.time_share", .fraction, "largest share of an utterance in a masked stretch of time")
    public var timeShare = 0.05

    /// The defaults: two masks of at most 15 bands and two of at most 5 % of the frames.
    public init() {}

    /// No masks.
    public static var none: SpecAugment {
        var none = SpecAugment()
        none.frequencyMasks = 0
        none.timeMasks = 0
        return none
    }

    /// Masks the utterances of a batch in place.
    ///
    /// Each mask has a uniform width from 0 to its most and a uniform place; a mask of time lies within the utterance's
    /// own frames.
    ///
    /// - Parameters:
    ///   - features: the batch's features, [utterances, longest, bands], row by row.
    ///   - frameCounts: the frames of each utterance.
    ///   - generator: draws widths and places; where there is nothing to mask it draws nothing.
    func mask(
        _ features: inout [Float], frameCounts: [Int], longest: Int, bands: Int,
        using generator: inout Xoshiro256
    ) {
        features.withUnsafeMutableBufferPointer { values in
            for (utterance, frames) in frameCounts.enumerated() {
                let rows = utterance * longest..<utterance * longest + frames
                for _ in 0..<frequencyMasks {
                    let range = Self.stretch(most: frequencyWidth, of: bands, using: &generator)
                    for row in rows {
                        for band in range { values[row * bands + band] = 0 }
                    }
                }
                for _ in 0..<timeMasks {
                    let most = Int(timeShare * Double(frames))
                    let range = Self.stretch(most: most, of: frames, using: &generator)
                    for place in range.lowerBound * bands..<range.upperBound * bands {
                        values[rows.lowerBound * bands + place] = 0
                    }
                }
            }
        }
    }

    /// A stretch of 0 to `most` of `count` places.
    private static func stretch(most: Int, of count: Int, using generator: inout Xoshiro256) -> Range<Int> {
        let width = generator.uniform(below: min(most, count) + 1)
        let start = generator.uniform(below: count - width + 1)
        return start..<start + width
    }
}
