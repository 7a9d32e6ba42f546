internal import CDigits
import Fisher

/// Handwritten figures of 8 by 8 pixels with 17 shades: the test part of *Optical Recognition of Handwritten
/// Digits* (E. Alpaydin and C. Kaynak 1998, UCI Machine Learning Repository, CC BY 4.0), 1,797 images.
///
///     let (training, test) = try Digits.all.split(test: 0.25, seed: 0)
///     let batch = training.batch(at: [0, 1, 2])
///
/// The data are part of the program: nothing is read from a disk.
public struct Digits: Sendable {
    /// Pixels on a side.
    public static let side = 8
    /// Pixels of an image.
    public static let pixelCount = 64
    /// The figures 0 to 9.
    public static let classCount = 10

    /// Shades from 0 to 16, image by image and row by row.
    let shades: [UInt8]
    /// The figure of each image.
    public let labels: [Int]

    /// The number of images.
    public var count: Int { labels.count }

    /// All images in the order of the repository.
    public static let all: Digits = {
        let bytes = UnsafeRawBufferPointer(start: fisher_digits_text(), count: fisher_digits_size())
        do throws(DigitsError) {
            return try Digits(text: Array(bytes))
        } catch {
            preconditionFailure("the program's own digits: \(error)")
        }
    }()

    init(shades: [UInt8], labels: [Int]) {
        precondition(shades.count == labels.count * Digits.pixelCount)
        self.shades = shades
        self.labels = labels
    }

    /// Reads an image a line: 64 letters, `a` for 0 to `q` for 16, the label's figure, a line feed.
    init(text: [UInt8]) throws(DigitsError) {
        let lines = text.split(separator: UInt8(ascii: "\n"))
        var shades: [UInt8] = []
        var labels: [Int] = []
        shades.reserveCapacity(lines.count * Digits.pixelCount)
        for (index, line) in lines.enumerated() {
            guard line.count == Digits.pixelCount + 1, let last = line.last,
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(last)
            else {
                throw .malformed(line: index + 1, reason: "is not 64 letters and a figure")
            }
            for letter in line.dropLast() {
                guard (UInt8(ascii: "a")...UInt8(ascii: "q")).contains(letter) else {
                    throw .malformed(line: index + 1, reason: "has a letter that is none of a to q")
                }
                shades.append(letter - UInt8(ascii: "a"))
            }
            labels.append(Int(last - UInt8(ascii: "0")))
        }
        if labels.isEmpty { throw .malformed(line: 1, reason: "is missing") }
        self.init(shades: shades, labels: labels)
    }

    /// The images, [count, 64] in [0, 1], float32.
    public var images: Tensor { batch(at: Array(0..<count)).inputs }

    /// The figures, [count], int64.
    public var targets: Tensor { Tensor(labels.map(Int64.init), shape: [count]) }

    /// Some images [indices, 64] in [0, 1] and their figures [indices], for indices below `count`.
    public func batch(at indices: [Int]) -> SupervisedBatch {
        var pixels: [Float] = []
        pixels.reserveCapacity(indices.count * Digits.pixelCount)
        for index in indices {
            let image = shades[index * Digits.pixelCount..<(index + 1) * Digits.pixelCount]
            pixels.append(contentsOf: image.lazy.map { Float($0) / 16 })
        }
        return SupervisedBatch(
            inputs: Tensor(pixels, shape: [indices.count, Digits.pixelCount]),
            targets: Tensor(indices.map { Int64(labels[$0]) }, shape: [indices.count]))
    }

    /// The images at some indices, in that order.
    public func selecting(_ indices: [Int]) -> Digits {
        Digits(
            shades: indices.flatMap {
                shades[$0 * Digits.pixelCount..<($0 + 1) * Digits.pixelCount]
            }, labels: indices.map { labels[$0] })
    }

    /// A hash of shades and labels (64-bit FNV-1a).
    var fingerprint: UInt64 {
        var hash = FNV1a()
        hash.add(shades)
        hash.add(labels.map { UInt8($0) })
        return hash.value
    }
}

/// Why digits could not be used as asked.
public enum DigitsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A line of the data is none.
    case malformed(line: Int, reason: String)
    /// A share of the images that leaves one side of a split without an image of each class.
    case badShare(Double)
    /// More images in a batch than there are to train on, or none.
    case badBatch(size: Int, count: Int)

    /// One sentence.
    public var description: String {
        switch self {
        case .malformed(let line, let reason): "line \(line) of the digits \(reason)"
        case .badShare(let share):
            "a test share of \(share) leaves one side without images of every class; it must lie between 0 and 1"
        case .badBatch(let size, let count):
            "a batch of \(size) images cannot be made of \(count); it must lie between 1 and \(count)"
        }
    }
}
