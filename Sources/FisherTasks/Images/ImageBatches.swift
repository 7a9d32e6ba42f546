import Fisher
import FisherMedia
import FisherTraining

/// Shuffled batches of images, each image cut and mirrored at random if that is wished, and normalized.
public struct ImageBatches: BatchStream {
    /// How images are changed at random.
    public struct Augmentation: Sendable, Hashable {
        /// The pixels of black around an image, out of which its own size is cut.
        public var crop: Int
        /// Whether images are mirrored, left to right, with a probability of a half.
        public var flip: Bool

        /// Describes how images are changed.
        public init(crop: Int = 0, flip: Bool = false) { (self.crop, self.flip) = (crop, flip) }
    }

    /// The place in the stream: which images come next, and what is drawn for them.
    public struct Position: Codable, Sendable, Hashable {
        var indices: ShuffledIndices
        var generator: Xoshiro256
    }

    private let images: LabeledImages
    private let normalization: ImageNormalization
    private let augmentation: Augmentation
    /// The place in the stream.
    public var position: Position

    init(
        _ images: LabeledImages, _ normalization: ImageNormalization, _ augmentation: Augmentation,
        batch: Int, seed: UInt64
    ) {
        (self.images, self.normalization, self.augmentation) = (images, normalization, augmentation)
        position = Position(
            indices: ShuffledIndices(seed: seed, count: images.count, batch: batch),
            generator: Xoshiro256(seed: seed ^ 0x696d_6167_6573))
    }

    /// Continues from a position that was saved; throws `BatchError` for one among other images or of another batch.
    public mutating func restore(_ position: Position) throws(BatchError) {
        try self.position.indices.move(to: position.indices)
        self.position.generator = position.generator
    }

    /// The next batch; throws for an image file that can no longer be read.
    public mutating func next() throws -> SupervisedBatch { try next { 0..<$0 }.units }

    /// Reads some images of the next batch; throws for a file that can no longer be read.
    public mutating func next(
        reading part: (_ unitCount: Int) -> Range<Int>
    ) throws -> PartialBatch<SupervisedBatch> {
        let all = position.indices.next()
        let own = part(all.count)
        let chosen = Array(all[own])
        var levels = try images.planes(at: chosen)
        if augmentation != Augmentation() {
            // Numbers are drawn for every image, whoever reads it.
            let changes = all.map { _ in drawnChange() }
            for (place, change) in changes[own].enumerated() { apply(change, to: &levels, place) }
        }
        let units = SupervisedBatch(
            inputs: normalization.inputs(levels, of: images), targets: images.targets(at: chosen))
        return PartialBatch(units, first: own.lowerBound, of: all.count)
    }

    /// How an image is changed: by how many pixels it is moved, and whether it is mirrored.
    private typealias Change = (down: Int, right: Int, isMirrored: Bool)

    private mutating func drawnChange() -> Change {
        let crop = augmentation.crop
        let down = position.generator.uniform(below: 2 * crop + 1) - crop
        let right = position.generator.uniform(below: 2 * crop + 1) - crop
        return (down, right, position.generator.uniform(below: 2) == 1 && augmentation.flip)
    }

    /// Cuts and mirrors one of some images.
    private func apply(_ change: Change, to levels: inout [UInt8], _ place: Int) {
        let (height, width) = (images.size.height, images.size.width)
        let (down, right, isMirrored) = change
        if down == 0, right == 0, !isMirrored { return }
        let (start, area) = (place * images.elementCount, height * width)
        let old = Array(levels[start..<start + images.elementCount])
        levels.withUnsafeMutableBufferPointer { levels in
            for channel in 0..<images.channels {
                for row in 0..<height {
                    for column in 0..<width {
                        let (y, x) = (row + down, (isMirrored ? width - 1 - column : column) + right)
                        let isInside = y >= 0 && y < height && x >= 0 && x < width
                        levels[start + channel * area + row * width + column] =
                            isInside ? old[channel * area + y * width + x] : 0
                    }
                }
            }
        }
    }
}

/// The mean and standard deviation of each channel, by which inputs are normalized.
struct ImageNormalization: Sendable {
    private let means: [Double]
    private let deviations: [Double]

    /// The images that are looked at, at most.
    private static let most = 4096

    /// Takes them from images to train on: all, or 4,096 spread over them.
    init(of images: LabeledImages) throws {
        let count = min(images.count, Self.most)
        let area = images.size.height * images.size.width
        var sums = [(sum: Int, squares: Int)](repeating: (0, 0), count: images.channels)
        for first in stride(from: 0, to: count, by: 256) {
            try Interruption.poll()
            let chosen = (first..<min(first + 256, count)).map { $0 * images.count / count }
            let levels = try images.planes(at: chosen)
            levels.withUnsafeBufferPointer { levels in
                for place in chosen.indices {
                    for channel in 0..<images.channels {
                        let start = (place * images.channels + channel) * area
                        var (sum, squares) = (0, 0)
                        for position in start..<start + area {
                            let level = Int(levels[position])
                            sum += level
                            squares += level * level
                        }
                        sums[channel].sum += sum
                        sums[channel].squares += squares
                    }
                }
            }
        }
        let pixels = Double(count * area)
        means = sums.map { Double($0.sum) / pixels }
        deviations = zip(sums, means).map { sums, mean in
            let variance = Double(sums.squares) / pixels - mean * mean
            return variance > 0 ? variance.squareRoot() : 255
        }
    }

    /// The inputs [count, channels, height, width] of levels, float32.
    func inputs(_ levels: [UInt8], of images: LabeledImages) -> Tensor {
        let shape = [
            levels.count / images.elementCount, images.channels, images.size.height, images.size.width,
        ]
        return normalized(Tensor(levels, shape: shape).to(dtype: .float32), scale: 1)
    }

    /// The inputs of intensities in [0, 1] of shape [count, channels, height, width].
    func inputs(_ intensities: Tensor) -> Tensor { normalized(intensities, scale: 255) }

    /// Values normalized by channel, of which one is `scale` levels.
    private func normalized(_ values: Tensor, scale: Double) -> Tensor {
        func row(_ levels: [Double]) -> Tensor {
            Tensor(levels.map { Float($0 / scale) }, shape: [1, levels.count, 1, 1])
        }
        return (values - row(means)) / row(deviations)
    }
}
