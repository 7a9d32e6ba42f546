import Fisher

/// Utterances of a step.
public struct SpeechBatch: SliceableBatch {
    /// The features, [utterances, frames, bands], with zeros behind the shorter ones.
    public let features: Tensor
    /// The frames of each utterance.
    public let frameCounts: [Int]
    /// The labels of each utterance, without blanks.
    public let labels: [[Int]]

    /// Joins features, their frames and labels.
    public init(features: Tensor, frameCounts: [Int], labels: [[Int]]) {
        self.features = features
        self.frameCounts = frameCounts
        self.labels = labels
    }

    /// Utterances as they are, without masks.
    public init(_ utterances: [Utterance], bands: Int) {
        var generator = Xoshiro256(seed: 0)
        self.init(utterances, bands: bands, augment: .none, using: &generator)
    }

    /// Utterances with masks.
    init(_ utterances: [Utterance], bands: Int, augment: SpecAugment, using generator: inout Xoshiro256) {
        let longest = utterances.lazy.map(\.frames).max() ?? 0
        frameCounts = utterances.map(\.frames)
        labels = utterances.map(\.labels)
        var values: [Float] = []
        values.reserveCapacity(utterances.count * longest * bands)
        for utterance in utterances {
            values += utterance.features
            values += repeatElement(0, count: (longest - utterance.frames) * bands)
        }
        augment.mask(&values, frameCounts: frameCounts, longest: longest, bands: bands, using: &generator)
        features = Tensor(values, shape: [utterances.count, longest, bands])
    }

    public var unitCount: Int { labels.count }

    /// The utterances of a range, padded as before.
    public func slice(_ range: Range<Int>) -> SpeechBatch {
        SpeechBatch(
            features: features.narrowed(0, from: range.lowerBound, length: range.count),
            frameCounts: Array(frameCounts[range]), labels: Array(labels[range]))
    }
}
