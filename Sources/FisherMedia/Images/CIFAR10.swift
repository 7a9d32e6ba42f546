import FisherFiles

/// The binary version of CIFAR-10 (Krizhevsky 2009): records of a label and 3 x 32 x 32 levels.
enum CIFAR10 {
    private static let classNames = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]
    private static let size = ImageSize(height: 32, width: 32)
    private static let recordSize = 1 + 3 * 32 * 32

    /// The images of the files `*.bin` of a folder; those whose names begin with `test` are held out.
    static func collection(_ entries: FolderEntries) throws -> ImageCollection {
        let files = entries.files.filter { $0.hasSuffix(".bin") }
        let heldOut = files.filter { $0.hasPrefix("test") }
        let training = files.filter { !heldOut.contains($0) }
        if training.isEmpty {
            throw MediaError.badFile(
                entries.path,
                reason: "holds no file to train on (data_batch_1.bin and so on), only \(files[0])")
        }
        return ImageCollection(
            training: try images(training, in: entries.path),
            heldOut: heldOut.isEmpty ? nil : try images(heldOut, in: entries.path))
    }

    private static func images(_ files: [String], in folder: String) throws -> LabeledImages {
        var (planes, labels): ([UInt8], [Int]) = ([], [])
        for file in files {
            let path = folder + "/" + file
            let bytes = try DurableStorage.bytes(ofFile: path, limit: 1 << 32)
            guard !bytes.isEmpty, bytes.count % recordSize == 0 else {
                throw MediaError.badFile(
                    path,
                    reason:
                        "has \(bytes.count) bytes, which are not whole images of CIFAR-10 with \(recordSize) "
                        + "bytes each; it may be truncated")
            }
            for start in stride(from: 0, to: bytes.count, by: recordSize) {
                guard bytes[start] < classNames.count else {
                    throw MediaError.badFile(
                        path,
                        reason:
                            "has the label \(bytes[start]) for its image \(start / recordSize + 1); CIFAR-10 has "
                            + "0 to 9")
                }
                labels.append(Int(bytes[start]))
                planes += bytes[start + 1..<start + recordSize]
            }
        }
        return try LabeledImages(
            folder, planes: planes, labels: labels, classNames: classNames, size: size, channels: 3)
    }
}
