import FisherFiles
import Foundation
import Testing

@testable import FisherMedia

/// Whether images can be decoded here.
let hasImageDecoder = (try? MediaLibraryName.images.find()) != nil

/// Files that Pillow wrote (`Reference/images.py`).
enum ImageFixtures {
    static let folder =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .path + "/Fixtures/images"

    struct Pixels: Decodable {
        let width: Int
        let height: Int
        let channels: Int
        let levels: [UInt8]
    }

    static func pixels() throws -> [String: Pixels] {
        try JSONDecoder().decode(
            [String: Pixels].self, from: Data(contentsOf: URL(filePath: folder + "/pixels.json")))
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(filePath: folder + "/" + name)))
    }
}

/// A folder for one test, removed at its end.
func withImageFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/images-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
}

func write(_ bytes: [UInt8], _ path: String) throws {
    try FileManager.default.createDirectory(
        atPath: DurableStorage.folder(of: path), withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(filePath: path))
}

@Suite(.enabled(if: hasImageDecoder, "libvips is not installed: run Scripts/prepare-media"))
struct VectorRendererTests {
    /// Our own SVG becomes a PNG of the size that was asked for; a SVG among the images of others is refused before and after.
    @Test func drawsFiguresOnly() throws {
        let svg = Array(
            "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'><rect width='20' height='10' fill='#f00'/></svg>"
                .utf8)
        let decoder = try ImageDecoder.shared(neededBy: "a.svg")
        #expect(throws: MediaError.self) { try decoder.picture(svg, path: "a.svg") }
        let png = try VectorRenderer.png(ofSVG: svg, scale: 3)
        let picture = try decoder.picture(png, path: "a.png")
        #expect(picture.size == ImageSize(height: 30, width: 60) && picture.channels == 3)
        #expect(Array(picture.bytes.prefix(3)) == [255, 0, 0])
        #expect(throws: MediaError.self) { try decoder.picture(svg, path: "a.svg") }
        #expect(throws: MediaError.self) { try VectorRenderer.png(ofSVG: [1, 2, 3], scale: 1) }
    }
}

@Suite(.enabled(if: hasImageDecoder, "libvips is not installed: run Scripts/prepare-media"))
struct ImageDecoderTests {
    /// JPEG decoders may round differently, by two levels.
    @Test(arguments: [
        ("color.png", 0), ("gray.png", 0), ("palette.png", 0), ("alpha.png", 0), ("color.webp", 0),
        ("color.gif", 0), ("color.tiff", 0), ("color.jpg", 2), ("gray.jpg", 2), ("progressive.jpg", 2),
    ])
    func pixelsArePillows(name: String, tolerance: Int) throws {
        let expected = try #require(try ImageFixtures.pixels()[name])
        let found = try ImageFile.picture(
            at: ImageFixtures.folder + "/" + name, size: nil, channels: expected.channels)
        #expect(found.size == ImageSize(height: 9, width: 12) && found.channels == expected.channels)
        #expect(zip(found.bytes, expected.levels).allSatisfy { abs(Int($0) - Int($1)) <= tolerance })
    }

    @Test func colorsBecomeGrayAsPillowConvertsThem() throws {
        let found = try ImageFile.picture(
            at: ImageFixtures.folder + "/color.png", size: nil, channels: 1)
        #expect(try found.bytes == ImageFixtures.pixels()["grayed"]?.levels)
    }

    /// The same filter as Pillow's, whose positions libvips rounds: by 7 levels at the edge, by 0.9 on average.
    @Test func imagesAreScaledToCoverASizeAndCutAtTheirCenter() throws {
        let expected = try #require(try ImageFixtures.pixels()["resized"])
        let found = try ImageFile.picture(
            at: ImageFixtures.folder + "/large.png", size: ImageSize(height: 12, width: 10), channels: 3)
        #expect(found.size == ImageSize(height: 12, width: 10))
        let differences = zip(found.bytes, expected.levels).map { abs(Int($0) - Int($1)) }
        #expect((differences.max() ?? 255) <= 8, "\(differences.max() ?? 255)")
        #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 1)
    }

    @Test(arguments: ["color.png", "color.jpg", "color.gif", "color.webp"])
    func aTruncatedImageIsNamed(name: String) throws {
        try withImageFolder { folder in
            let bytes = try ImageFixtures.bytes(name)
            let path = folder + "/" + name
            try write(Array(bytes.prefix(bytes.count * 3 / 4)), path)
            let error = #expect(throws: MediaError.self) {
                try ImageFile.picture(at: path, size: nil, channels: 3)
            }
            #expect(error?.description.hasPrefix("\(path) is no image, or a damaged one") == true)
        }
    }

    @Test(arguments: [[], [0x89, 0x50, 0x4e, 0x47], Array("This is no image.\n".utf8)])
    func aFileThatIsNoImageIsNamed(bytes: [UInt8]) throws {
        try withImageFolder { folder in
            try write(bytes, folder + "/x.png")
            let error = #expect(throws: MediaError.self) {
                try ImageFile.picture(at: folder + "/x.png", size: nil, channels: 3)
            }
            #expect(error?.description.contains("x.png is no image") == true)
        }
    }

    @Test func aHeadThatAnnouncesAHugeImageIsRefused() throws {
        try withImageFolder { folder in
            // Width and height of a PNG, the bytes 16 to 23; the checksum of the head follows at 29.
            var bytes = try ImageFixtures.bytes("gray.png")
            bytes.replaceSubrange(16..<24, with: [0, 1, 0, 0, 0, 1, 0, 0])
            let sum = crc(Array(bytes[12..<29]))
            bytes.replaceSubrange(
                29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })
            try write(bytes, folder + "/huge.png")
            let error = #expect(throws: MediaError.self) {
                try ImageFile.picture(at: folder + "/huge.png", size: nil, channels: 1)
            }
            #expect(error?.description.contains("huge.png has more than") == true)
        }
    }

    private func crc(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in
                value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1
            }
        }
    }

    @Test func aMissingLibraryNamesTheFileThatNeedsIt() {
        let error = #expect(throws: MediaError.self) {
            try MediaLibraryName.images.find(
                neededBy: "cats/1.png", environment: ["FISHER_VIPS": "/nowhere.so"])
        }
        #expect(error?.description.contains("cats/1.png") == true)
    }
}

@Suite(.enabled(if: hasImageDecoder, "libvips is not installed: run Scripts/prepare-media"))
struct ImageFolderTests {
    /// Folders of classes with copies of fixtures.
    private func place(_ files: [String: String], in folder: String) throws {
        for (path, fixture) in files { try write(ImageFixtures.bytes(fixture), folder + "/" + path) }
    }

    @Test(arguments: [nil, 0])
    func classesAreTheFoldersInTheirOrder(memory: Int?) throws {
        try withImageFolder { folder in
            try place(
                ["dog/1.png": "color.png", "cat/2.png": "gray.png", "cat/1.jpg": "color.jpg"], in: folder)
            let found = try ImageCollection(at: folder, memory: memory)
            #expect(found.heldOut == nil)
            #expect(found.training.classNames == ["cat", "dog"])
            #expect(found.training.labels == [0, 0, 1])
            #expect(found.training.isInMemory == (memory == nil))
            #expect(try found.training.pixels(at: [2, 0]).shape == [2, 3, 9, 12])
            let color = try #require(try ImageFixtures.pixels()["color.png"])
            #expect(try found.training.picture(at: 2).bytes == color.levels)
            // Planes: all of red before all of green.
            let red = stride(from: 0, to: color.levels.count, by: 3).map { color.levels[$0] }
            #expect(try Array(found.training.planes(at: [2]).prefix(108)) == red)
        }
    }

    @Test func dividedFoldersAreHeldOut() throws {
        try withImageFolder { folder in
            try place(
                [
                    "train/a/1.png": "color.png", "train/b/1.png": "gray.png", "val/a/1.png": "gray.png",
                    "val/b/1.png": "color.png",
                ], in: folder)
            let found = try ImageCollection(at: folder, size: ImageSize(height: 6, width: 6), channels: 1)
            #expect(found.heldOut?.labels == [0, 1])
            #expect(found.training.size == ImageSize(height: 6, width: 6))
            #expect(found.training.fingerprint != found.heldOut?.fingerprint)
            #expect(try found.training.pixels(at: [1]).shape == [1, 1, 6, 6])
        }
    }

    @Test(arguments: [
        (
            ["a/1.png": "color.png", "b/1.png": "large.png"],
            "b/1.png is 45 by 30 pixels, where the others are 12 by 9"
        ),
        (["a/1.png": "color.png", "b/1.png": "pixels.json"], "b/1.png is no image"),
        (["a/1.png": "color.png", "x.png": "color.png"], "x.png lies beside the folders"),
        (["train/a/1.png": "color.png", "test/b/1.png": "color.png"], "do not both have the class a"),
        (["train/a/1.png": "color.png", "test/a/1.png": "large.png"], "test/a/1.png is 45 by 30 pixels"),
    ])
    func whatDoesNotFitIsNamed(files: [String: String], message: String) throws {
        try withImageFolder { folder in
            try place(files, in: folder)
            let error = #expect(throws: MediaError.self) { try ImageCollection(at: folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test func aClassWithoutImagesIsNamed() throws {
        try withImageFolder { folder in
            try place(["a/1.png": "color.png"], in: folder)
            try FileManager.default.createDirectory(
                atPath: folder + "/b", withIntermediateDirectories: true)
            let error = #expect(throws: MediaError.self) { try ImageCollection(at: folder) }
            #expect(error?.description == "\(folder)/b is the folder of a class, but holds no image")
        }
    }
}
