import FisherFiles
import Torch

/// Images of one size, each with its class.
///
///     let found = try ImageCollection(at: "cifar-10-batches-bin")
///     let batch = try found.training.pixels(at: [0, 1, 2])  // [3, 3, 32, 32] in [0, 1]
///
/// The images are held in memory, or decoded from their files batch by batch where they would fill too much of it.
public struct LabeledImages: Sendable {
    /// Where they come from, for readers.
    public let name: String
    /// The names of the classes, whose positions are the labels.
    public let classNames: [String]
    /// The class of each image.
    public let labels: [Int]
    /// The size of every image.
    public let size: ImageSize
    /// 1 for shades of gray, 3 for red, green and blue.
    public let channels: Int
    /// A SHA-256 of the pixels and labels, or of the files' names and sizes where pixels are not held in memory.
    public let fingerprint: String
    private let source: Source
    /// Which images of the source these are.
    private let places: [Int]

    private enum Source {
        case memory([UInt8])
        case files([String])
    }

    /// The number of images.
    public var count: Int { labels.count }

    /// The number of levels of an image.
    public var elementCount: Int { channels * size.height * size.width }

    /// Whether the pixels are held in memory.
    public var isInMemory: Bool {
        if case .memory = source { true } else { false }
    }

    /// Joins levels and labels.
    ///
    /// - Parameters:
    ///   - name: where the images come from.
    ///   - planes: levels from 0 to 255, image by image, in it channel by channel, in that row by row.
    ///   - labels: the class of each image, below the number of classes.
    ///   - classNames: the names of the classes.
    ///   - size: the size of every image.
    ///   - channels: 1 or 3.
    public init(
        _ name: String, planes: [UInt8], labels: [Int], classNames: [String], size: ImageSize, channels: Int
    ) throws {
        precondition(planes.count == labels.count * size.height * size.width * channels)
        precondition(labels.allSatisfy(classNames.indices.contains))
        var fingerprint = Self.heading(size, channels, classNames, labels)
        try fingerprint.add("pixels", Tensor(planes))
        self.init(
            name: name, classNames: classNames, labels: labels, size: size, channels: channels,
            fingerprint: fingerprint.text, source: .memory(planes), places: Array(labels.indices))
    }

    /// Images that stay in their files; `sizes` are the files' in bytes.
    init(
        _ name: String, files: [String], sizes: [Int], labels: [Int], classNames: [String], size: ImageSize,
        channels: Int
    ) {
        var fingerprint = Self.heading(size, channels, classNames, labels)
        for (file, bytes) in zip(files, sizes) {
            fingerprint.add("\(DurableStorage.name(of: file)) \(bytes)")
        }
        self.init(
            name: name, classNames: classNames, labels: labels, size: size, channels: channels,
            fingerprint: fingerprint.text, source: .files(files), places: Array(labels.indices))
    }

    private init(
        name: String, classNames: [String], labels: [Int], size: ImageSize, channels: Int,
        fingerprint: String, source: Source, places: [Int]
    ) {
        (self.name, self.classNames, self.labels) = (name, classNames, labels)
        (self.size, self.channels, self.fingerprint) = (size, channels, fingerprint)
        (self.source, self.places) = (source, places)
    }

    private static func heading(
        _ size: ImageSize, _ channels: Int, _ classNames: [String], _ labels: [Int]
    ) -> Fingerprint {
        var fingerprint = Fingerprint()
        fingerprint.add("\(size.height) \(size.width) \(channels)")
        for name in classNames { fingerprint.add(name) }
        fingerprint.add(labels.map(String.init).joined(separator: " "))
        return fingerprint
    }

    /// The levels of some images, each channel by channel; throws for a file that can no longer be read or decoded.
    public func planes(at indices: [Int]) throws -> [UInt8] {
        var levels: [UInt8] = []
        levels.reserveCapacity(indices.count * elementCount)
        for index in indices {
            switch source {
            case .memory(let planes):
                levels += planes[places[index] * elementCount..<(places[index] + 1) * elementCount]
            case .files(let files):
                levels += try ImageFile.picture(at: files[places[index]], size: size, channels: channels)
                    .planes
            }
        }
        return levels
    }

    /// Some images as numbers in [0, 1], [indices, channels, height, width], float32; throws for a file that can no longer
    /// be read or decoded.
    public func pixels(at indices: [Int]) throws -> Tensor {
        let shape = [indices.count, channels, size.height, size.width]
        return Tensor(try planes(at: indices), shape: shape).to(dtype: .float32) / 255
    }

    /// The classes of some images, [indices], int64.
    public func targets(at indices: [Int]) -> Tensor {
        Tensor(indices.map { Int64(labels[$0]) }, shape: [indices.count])
    }

    /// An image for display; throws for a file that can no longer be read or decoded.
    public func picture(at index: Int) throws -> Picture {
        let (levels, area) = (try planes(at: [index]), size.height * size.width)
        var bytes: [UInt8] = []
        for pixel in 0..<area {
            for channel in 0..<channels { bytes.append(levels[channel * area + pixel]) }
        }
        return Picture(height: size.height, width: size.width, channels: channels, bytes: bytes)
    }

    /// The images at some indices, in that order.
    public func selecting(_ indices: [Int]) -> LabeledImages {
        let chosen = indices.map { labels[$0] }
        var fingerprint = Self.heading(size, channels, classNames, chosen)
        fingerprint.add(self.fingerprint)
        fingerprint.add(indices.map(String.init).joined(separator: " "))
        return LabeledImages(
            name: name, classNames: classNames, labels: chosen, size: size, channels: channels,
            fingerprint: fingerprint.text, source: source, places: indices.map { places[$0] })
    }

    /// Divides the images, class by class, so that both sides have the same shares of classes. Equal seeds give equal
    /// sides; each keeps the order of the images.
    ///
    /// - Parameters:
    ///   - share: the share of each class's images that is held out, rounded to whole images, in (0, 1).
    ///   - seed: the seed of the division.
    /// - Throws: `MediaError` if a class has too few images for both sides.
    public func split(heldOut share: Double, seed: UInt64) throws(MediaError) -> (
        training: LabeledImages, heldOut: LabeledImages
    ) {
        precondition(share > 0 && share < 1)
        let isHeldOut = try stratifiedChoice(of: labels, classes: classNames.count, seed: seed) {
            (label, count) throws(MediaError) in
            let taken = Int((share * Double(count)).rounded())
            guard taken > 0, taken < count else {
                throw .badFile(
                    name,
                    reason: "has \(count) images of the class \(classNames[label]), too few to "
                        + "hold out a share of \(share)")
            }
            return taken
        }
        return (
            selecting(labels.indices.filter { !isHeldOut[$0] }),
            selecting(labels.indices.filter { isHeldOut[$0] })
        )
    }
}
