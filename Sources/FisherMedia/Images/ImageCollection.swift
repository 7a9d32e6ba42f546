import FisherFiles
import Torch

/// Images to train on and, where the data come divided, images that are held out.
///
/// A path is one of
///
/// - a folder with a folder for each class, whose names are the classes, with image files; or with such folders inside
///   `train` and one of `test`, `val`, `valid` and `validation`;
/// - a folder with the binary version of CIFAR-10 (`data_batch_1.bin` to `_5`, `test_batch.bin`);
/// - a folder with IDX files of images and labels, as of MNIST and Fashion-MNIST, plain or in gzip.
public struct ImageCollection: Sendable {
    /// The images to train on.
    public let training: LabeledImages
    /// The images that are held out; nil where the data are not divided.
    public let heldOut: LabeledImages?

    /// Joins both parts.
    public init(training: LabeledImages, heldOut: LabeledImages?) {
        (self.training, self.heldOut) = (training, heldOut)
    }

    /// Reads the images at a path.
    ///
    /// Image files are scaled so that they cover the size, and cut at their center (the larger of both directions decides;
    /// the filter is a triangle over the pixels that a new one covers). Colors are decoded as they are stored, without the
    /// rotation that cameras note; an alpha channel is dropped.
    ///
    /// - Parameters:
    ///   - path: the folder.
    ///   - size: the size of all images; nil if the files have one size.
    ///   - channels: 1 for gray, 3 for color; nil for color in image files, and for what the data are in the other formats.
    ///   - memory: the bytes of decoded images beyond which image files are decoded batch by batch.
    ///   - progress: called now and then with the number of images read and of all; what it throws ends the reading.
    /// - Throws: `StorageError` for what cannot be read, `MediaError` for what is damaged or does not fit, with the file.
    public init(
        at path: String, size: ImageSize? = nil, channels: Int? = nil, memory: Int? = nil,
        progress: (_ read: Int, _ all: Int) throws -> Void = { _, _ in }
    ) throws {
        guard try DurableStorage.kind(of: path, followingLinks: true) == .folder else {
            // Says that it is missing, where it is.
            _ = try FileReader(path)
            throw MediaError.badFile(
                path, reason: "is a file; name the folder that holds the images")
        }
        let entries = try FolderEntries(path)
        if !entries.folders.isEmpty {
            let reader = ImageFolder(size: size, channels: channels ?? 3, memory: memory)
            self = try reader.collection(entries, progress: progress)
        } else if entries.files.contains(where: { $0.hasSuffix(".bin") }) {
            self = try CIFAR10.collection(entries)
        } else {
            self = try IDX.collection(entries)
        }
        for part in [training, heldOut].compactMap({ $0 }) {
            if let size, size != part.size {
                throw MediaError.badFile(
                    path,
                    reason:
                        "has images of \(part.size.width) by \(part.size.height) pixels, which only image files "
                        + "can be scaled from")
            }
            if let channels, channels != part.channels {
                throw MediaError.badFile(
                    path, reason: "has \(part.channels == 1 ? "gray" : "color") images only")
            }
        }
    }
}

/// What lies in a folder, without what is hidden, in the order of the names' bytes.
struct FolderEntries {
    let path: String
    let folders: [String]
    let files: [String]

    init(_ path: String) throws(StorageError) {
        var (folders, files): ([String], [String]) = ([], [])
        let names = try DurableStorage.names(inFolder: path) ?? []
        for name in names.filter({ !$0.hasPrefix(".") })
            .sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        {
            switch try DurableStorage.kind(of: path + "/" + name, followingLinks: true) {
            case .folder: folders.append(name)
            case .file: files.append(name)
            default: continue
            }
        }
        (self.path, self.folders, self.files) = (path, folders, files)
    }
}

/// One image file.
enum ImageFile {
    /// The longest file that is read.
    private static let longest = 1 << 28

    /// The picture in a file, of a size and with channels if they are given.
    static func picture(at path: String, size: ImageSize?, channels: Int) throws -> Picture {
        let bytes = try DurableStorage.bytes(ofFile: path, limit: longest)
        let decoder = try ImageDecoder.shared(neededBy: path)
        return try decoder.picture(bytes, path: path, size: size).converted(toChannels: channels)
    }
}

extension DurableStorage {
    /// The bytes of a file that a user named, at most `limit`.
    static func bytes(ofFile path: String, limit: Int) throws(StorageError) -> [UInt8] {
        try FileReader(path).contents(limit: limit)
    }
}
