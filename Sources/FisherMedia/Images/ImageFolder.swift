import FisherFiles
import Foundation

/// Reads folders of image files, a folder for each class.
struct ImageFolder {
    /// The size of all images; nil if the files have one size.
    let size: ImageSize?
    /// The channels to which they are converted.
    let channels: Int
    /// The bytes of decoded images beyond which they stay in their files.
    let memory: Int

    init(size: ImageSize?, channels: Int, memory: Int?) {
        (self.size, self.channels) = (size, channels)
        self.memory = memory ?? Int(clamping: ProcessInfo.processInfo.physicalMemory / 4)
    }

    private static let trainingNames: Set = ["train", "training"]
    private static let heldOutNames: Set = ["test", "val", "valid", "validation"]

    /// The images of a folder that holds folders.
    func collection(
        _ entries: FolderEntries, progress: (Int, Int) throws -> Void
    ) throws -> ImageCollection {
        let divided =
            entries.folders.contains(where: Self.trainingNames.contains)
            && entries.folders.allSatisfy { Self.trainingNames.union(Self.heldOutNames).contains($0) }
        guard divided else {
            return ImageCollection(
                training: try images(entries, matching: nil, progress: progress), heldOut: nil)
        }
        func folder(_ names: Set<String>) throws -> FolderEntries? {
            let found = entries.folders.filter(names.contains)
            guard found.count < 2 else {
                throw MediaError.badFile(
                    entries.path, reason: "has both \(found[0]) and \(found[1]), of which one is needed")
            }
            return try found.first.map { try FolderEntries(entries.path + "/" + $0) }
        }
        guard let training = try folder(Self.trainingNames) else {
            preconditionFailure("a divided folder has a part to train on")
        }
        let own = try images(training, matching: nil, progress: progress)
        let heldOut = try folder(Self.heldOutNames).map { try images($0, matching: own, progress: progress) }
        return ImageCollection(training: own, heldOut: heldOut)
    }

    /// The images of the class folders; of the classes and the size of others, if they are given.
    private func images(
        _ entries: FolderEntries, matching others: LabeledImages?, progress: (Int, Int) throws -> Void
    ) throws -> LabeledImages {
        if let stray = entries.files.first {
            throw MediaError.badFile(
                entries.path + "/" + stray, reason: "lies beside the folders of the classes; remove it")
        }
        if let others, entries.folders != others.classNames {
            let stray = Set(entries.folders).symmetricDifference(others.classNames).min() ?? ""
            throw MediaError.badFile(
                entries.path, reason: "and \(others.name) do not both have the class \(stray)")
        }
        var (files, labels): ([String], [Int]) = ([], [])
        for (label, name) in entries.folders.enumerated() {
            let inside = try FolderEntries(entries.path + "/" + name)
            if inside.files.isEmpty {
                throw MediaError.badFile(inside.path, reason: "is the folder of a class, but holds no image")
            }
            files += inside.files.map { inside.path + "/" + $0 }
            labels += inside.files.map { _ in label }
        }
        guard let first = files.first else {
            throw MediaError.badFile(entries.path, reason: "holds no folder of a class")
        }
        let wanted =
            try others?.size ?? size ?? ImageFile.picture(at: first, size: nil, channels: channels).size
        let bytes = files.count.multipliedReportingOverflow(by: wanted.height * wanted.width * channels)
        guard !bytes.overflow, bytes.partialValue <= memory else {
            let sizes = try files.map { try FileReader($0).byteCount }
            return LabeledImages(
                entries.path, files: files, sizes: sizes, labels: labels, classNames: entries.folders,
                size: wanted, channels: channels)
        }
        var planes: [UInt8] = []
        planes.reserveCapacity(bytes.partialValue)
        for (index, file) in files.enumerated() {
            if index % 64 == 0 { try progress(index, files.count) }
            let picture = try ImageFile.picture(at: file, size: size, channels: channels)
            guard picture.size == wanted else {
                throw MediaError.badFile(
                    file,
                    reason: "is \(picture.width) by \(picture.height) pixels, where the others are "
                        + "\(wanted.width) by \(wanted.height): choose a size for all")
            }
            planes += picture.planes
        }
        return try LabeledImages(
            entries.path, planes: planes, labels: labels, classNames: entries.folders, size: wanted,
            channels: channels)
    }
}
