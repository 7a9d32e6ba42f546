/// A sound of one channel.
public struct Sound: Sendable, Hashable {
    /// The amplitude at each instant; full scale is from -1 to 1.
    public var samples: [Float]
    /// Samples in a second.
    public var rate: Int

    /// Joins samples and their rate, which must be positive.
    public init(samples: [Float], rate: Int) {
        precondition(rate > 0, "a rate of \(rate) samples in a second")
        self.samples = samples
        self.rate = rate
    }

    /// The length in seconds.
    public var seconds: Double { Double(samples.count) / Double(rate) }
}

/// A sound as a file holds it.
struct DecodedSound {
    /// The samples of all channels, frame by frame.
    var samples: [Float]
    let channels: Int
    let rate: Int

    /// The mean of the channels.
    var mono: [Float] {
        if channels == 1 { return samples }
        let scale = 1 / Float(channels)
        return stride(from: 0, to: samples.count, by: channels).map { first in
            samples[first..<first + channels].reduce(0, +) * scale
        }
    }
}
