import FisherFiles
import Foundation
import Testing

@testable import FisherMedia

struct ImageDataSetTests {
    /// The bytes of an IDX file.
    private func idx(_ shape: [Int], _ numbers: [UInt8]) -> [UInt8] {
        [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] } + numbers
    }

    private let five = (0..<60).map { UInt8($0 * 7 % 256) }

    @Test(arguments: [true, false])
    func filesOfMNISTAreRead(isPacked: Bool) throws {
        try withImageFolder { folder in
            let images = isPacked ? try ImageFixtures.bytes("images-idx3-ubyte.gz") : idx([5, 4, 3], five)
            try write(images, folder + "/train-images-idx3-ubyte" + (isPacked ? ".gz" : ""))
            try write(idx([5], [1, 0, 2, 1, 0]), folder + "/train-labels-idx1-ubyte")
            try write(idx([2, 4, 3], Array(five.prefix(24))), folder + "/t10k-images-idx3-ubyte")
            try write(idx([2], [2, 0]), folder + "/t10k-labels-idx1-ubyte")
            let found = try ImageCollection(at: folder)
            #expect(found.training.labels == [1, 0, 2, 1, 0])
            #expect(found.training.classNames == ["0", "1", "2"])
            #expect(try found.training.planes(at: [4, 0]) == Array(five[48...]) + Array(five[..<12]))
            #expect(found.heldOut?.labels == [2, 0])
            let pixels = try found.training.pixels(at: [0])
            #expect(pixels.shape == [1, 1, 4, 3])
            #expect(try pixels.scalars(as: Float.self)[1] == 7 / 255)
        }
    }

    @Test(arguments: [
        ([5, 4, 3], 60, [4], [0, 1, 0, 1], "labels-idx1-ubyte has 4 labels for the 5 images"),
        (
            [5, 4, 3], 59, [5], [0, 1, 0, 1, 0],
            "images-idx3-ubyte has 59 numbers, where its head announces 5 x 4 x 3"
        ),
        ([5, 12], 60, [5], [0, 1, 0, 1, 0], "images-idx3-ubyte has 2 dimensions"),
        ([0, 4, 3], 0, [0], [], "images-idx3-ubyte holds no image"),
    ])
    func wrongIDXFilesAreNamed(
        shape: [Int], count: Int, labelShape: [Int], labels: [UInt8], message: String
    ) throws {
        try withImageFolder { folder in
            try write(idx(shape, Array(five.prefix(count))), folder + "/images-idx3-ubyte")
            try write(idx(labelShape, labels), folder + "/labels-idx1-ubyte")
            let error = #expect(throws: MediaError.self) { try ImageCollection(at: folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test func aHeldOutLabelThatWasNeverTrainedIsNamed() throws {
        try withImageFolder { folder in
            for (name, label) in [("train", UInt8(1)), ("test", 2)] {
                try write(idx([1, 1, 1], [9]), folder + "/\(name)-images")
                try write(idx([1], [label]), folder + "/\(name)-labels")
            }
            let error = #expect(throws: MediaError.self) { try ImageCollection(at: folder) }
            #expect(error?.description.contains("test-labels has the label 2 for its image 1") == true)
        }
    }

    @Test(arguments: [3, 40, 90])
    func aTruncatedGzipFileIsNamed(count: Int) throws {
        try withImageFolder { folder in
            let bytes = try ImageFixtures.bytes("images-idx3-ubyte.gz")
            try write(Array(bytes.prefix(count)), folder + "/images.gz")
            let error = #expect(throws: MediaError.self) { try ImageCollection(at: folder) }
            #expect(error?.description.hasSuffix("images.gz is a damaged or truncated gzip file") == true)
        }
    }

    /// A record of CIFAR-10: a label, and levels that count up.
    private func record(_ label: UInt8) -> [UInt8] { [label] + (0..<3072).map { UInt8($0 % 251) } }

    @Test func filesOfCIFARAreRead() throws {
        try withImageFolder { folder in
            try write(record(3) + record(9), folder + "/data_batch_1.bin")
            try write(record(0), folder + "/data_batch_2.bin")
            try write(record(1), folder + "/test_batch.bin")
            try write(Array("airplane\n".utf8), folder + "/batches.meta.txt")
            let found = try ImageCollection(at: folder)
            #expect(found.training.labels == [3, 9, 0])
            #expect(found.training.classNames[3] == "cat")
            #expect(found.heldOut?.labels == [1])
            #expect(try found.training.planes(at: [1]) == Array(record(9).dropFirst()))
            let picture = try found.training.picture(at: 0)
            let first: [UInt8] = [0, UInt8(1024 % 251), UInt8(2048 % 251), 1]
            #expect(Array(picture.bytes.prefix(4)) == first)
        }
    }

    @Test func wrongFilesOfCIFARAreNamed() throws {
        try withImageFolder { folder in
            try write(record(3).dropLast(), folder + "/data_batch_1.bin")
            let short = #expect(throws: MediaError.self) { try ImageCollection(at: folder) }
            #expect(short?.description.contains("data_batch_1.bin has 3072 bytes") == true)
            try write(record(3) + record(10), folder + "/data_batch_1.bin")
            let label = #expect(throws: MediaError.self) { try ImageCollection(at: folder) }
            #expect(label?.description.contains("data_batch_1.bin has the label 10 for its image 2") == true)
            let size = #expect(throws: MediaError.self) {
                try write(record(3), folder + "/data_batch_1.bin")
                _ = try ImageCollection(at: folder, size: ImageSize(height: 8, width: 8))
            }
            #expect(size?.description.contains("has images of 32 by 32 pixels") == true)
        }
    }

    @Test func whatIsNoDataSetIsSaidSo() throws {
        try withImageFolder { folder in
            try write(Array("text".utf8), folder + "/read.me")
            let empty = #expect(throws: MediaError.self) { try ImageCollection(at: folder) }
            #expect(empty?.description.contains("\(folder) holds neither folders of classes") == true)
            let file = #expect(throws: MediaError.self) { try ImageCollection(at: folder + "/read.me") }
            #expect(file?.description.contains("read.me is a file; name the folder") == true)
            let missing = #expect(throws: StorageError.self) { try ImageCollection(at: folder + "/none") }
            #expect(missing?.kind == .notFound)
        }
    }

    @Test func aSplitKeepsTheSharesOfClasses() throws {
        let labels = (0..<40).map { $0 % 4 == 0 ? 1 : 0 }
        let images = try LabeledImages(
            "made", planes: labels.indices.map { UInt8($0) }, labels: labels, classNames: ["a", "b"],
            size: ImageSize(height: 1, width: 1), channels: 1)
        let (training, heldOut) = try images.split(heldOut: 0.2, seed: 3)
        #expect(training.count == 32 && heldOut.count == 8)
        #expect(heldOut.labels.filter { $0 == 1 }.count == 2)
        let levels = try training.planes(at: Array(0..<32)) + heldOut.planes(at: Array(0..<8))
        #expect(levels.sorted() == labels.indices.map { UInt8($0) })
        #expect(try images.split(heldOut: 0.2, seed: 3).heldOut.fingerprint == heldOut.fingerprint)
        #expect(try images.split(heldOut: 0.2, seed: 4).heldOut.fingerprint != heldOut.fingerprint)
        #expect(throws: MediaError.self) { try images.selecting([0, 1]).split(heldOut: 0.2, seed: 0) }
    }
}
