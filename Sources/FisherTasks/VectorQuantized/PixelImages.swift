import Fisher
import FisherMedia
import FisherTraining

/// Images of one size as levels, wherever they come from.
struct PixelImages: Sendable {
    /// What the images are, for readers.
    let name: String
    let height: Int
    let width: Int
    let channels: Int
    /// The values that a channel of a pixel can take: 17 for the digits, 256 for bytes.
    let levels: Int
    /// The number of images.
    let count: Int
    /// A hash of all of them.
    let fingerprint: String
    /// The levels of some images, image by image, channel by channel and row by row.
    private let planes: @Sendable ([Int]) throws -> [UInt8]

    init(
        name: String, height: Int, width: Int, channels: Int, levels: Int, count: Int, fingerprint: String,
        planes: @escaping @Sendable ([Int]) throws -> [UInt8]
    ) {
        (self.name, self.height, self.width, self.channels) = (name, height, width, channels)
        (self.levels, self.count, self.fingerprint) = (levels, count, fingerprint)
        self.planes = planes
    }

    /// The digits, with their 17 shades as levels or spread over more of them.
    init(_ digits: Digits, levels: Int) {
        self.init(
            name: "the bundled digits", height: Digits.side, width: Digits.side, channels: 1, levels: levels,
            count: digits.count, fingerprint: String(digits.fingerprint, radix: 16)
        ) { indices in
            indices.flatMap { index in
                digits.shades[index * Digits.pixelCount..<(index + 1) * Digits.pixelCount].map {
                    levels == Digits.levelCount ? $0 : UInt8((Int($0) * (levels - 1) + 8) / 16)
                }
            }
        }
    }

    /// Images of files, whose 256 levels are joined into fewer if fewer are asked for.
    init(_ images: LabeledImages, levels: Int) {
        self.init(
            name: images.name, height: images.size.height, width: images.size.width,
            channels: images.channels, levels: levels, count: images.count, fingerprint: images.fingerprint
        ) { indices in
            let bytes = try images.planes(at: indices)
            return levels == 256 ? bytes : bytes.map { UInt8((Int($0) * (levels - 1) + 127) / 255) }
        }
    }

    /// The numbers of an image.
    var elementCount: Int { height * width * channels }

    /// Some images: intensities [images, channels, height, width] in [0, 1], and their levels, int64, in the same shape.
    func batch(at indices: [Int]) throws -> SupervisedBatch {
        let levels = Tensor(
            try planes(indices).map(Int64.init), shape: [indices.count, channels, height, width])
        return SupervisedBatch(
            inputs: levels.to(dtype: .float32) / Double(self.levels - 1), targets: levels)
    }

    /// The images at some places, in that order.
    func selecting(_ places: [Int]) -> PixelImages {
        let all = planes
        var hash = FNV1a()
        hash.add(Array(fingerprint.utf8))
        for place in places { hash.add((0..<4).map { UInt8(truncatingIfNeeded: place >> (8 * $0)) }) }
        return PixelImages(
            name: name, height: height, width: width, channels: channels, levels: levels,
            count: places.count, fingerprint: String(hash.value, radix: 16)
        ) { indices in try all(indices.map { places[$0] }) }
    }

    /// Divides the images; equal seeds give equal sides, each of which keeps the order.
    func split(heldOut share: Double, seed: UInt64) throws(ConfigurationError) -> (
        training: PixelImages, heldOut: PixelImages
    ) {
        var order = Array(0..<count)
        var generator = SplitMix64(seed: seed)
        generator.shuffle(&order)
        let taken = Int((share * Double(count)).rounded())
        guard taken > 0, taken < count else {
            throw ConfigurationError(
                "data.test_share = \(share) of \(count) images leaves one side without images")
        }
        return (selecting(order[taken...].sorted()), selecting(order[..<taken].sorted()))
    }
}

extension Digits {
    /// The number of shades.
    static let levelCount = 17
}
