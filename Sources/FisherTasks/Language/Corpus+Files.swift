import FisherTraining
import Foundation

extension Corpus {
    /// Reads files and folders. Folders are walked in the order of their bytes; hidden entries and links
    /// inside them are passed over; a file named twice is taken once; empty files are left out. Bytes are
    /// bytes: nothing is decoded.
    ///
    /// Throws `CorpusError`, and `Interrupted` if a signal requests to stop.
    ///
    /// - Parameters:
    ///   - paths: files and folders.
    ///   - validationFraction: about which share of the bytes is held out, by whole files; of a single file
    ///     the second half is.
    public init(paths: [String], validationFraction: Double = 0.1) throws {
        var files: [String] = []
        for path in paths { files += try Corpus.files(at: path) }
        var seen: Set<String> = []
        files = files.filter { seen.insert(URL(filePath: $0).resolvingSymlinksInPath().path).inserted }
        var documents: [[UInt8]] = []
        for file in files {
            try Interruption.poll()
            let bytes = try Corpus.bytes(of: file)
            if !bytes.isEmpty { documents.append(bytes) }
        }
        let name = paths.count == 1 ? paths[0] : "\(paths.count) paths"
        if documents.isEmpty {
            throw CorpusError(kind: .tooShort, description: "\(name): no file there holds a byte")
        }
        self.init(name: name, documents: documents, validationFraction: validationFraction)
    }

    /// The regular files at a path, in the order of their path components' bytes.
    static func files(at path: String) throws(CorpusError) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CorpusError(kind: .notFound, description: "\(path): there is no such file or folder")
        }
        guard isFolder.boolValue else {
            let kind =
                try? FileManager.default.attributesOfItem(
                    atPath: URL(filePath: path).resolvingSymlinksInPath().path)[.type] as? FileAttributeType
            guard kind == .typeRegular else {
                throw CorpusError(kind: .unreadable, description: "\(path): not a file or a folder")
            }
            return [path]
        }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw CorpusError(kind: .permissionDenied, description: "\(path): the folder cannot be read")
        }
        var found: [String] = []
        for name in names.filter({ !$0.hasPrefix(".") }).sorted(by: {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }) {
            let entry = path.hasSuffix("/") ? path + name : path + "/" + name
            let kind = try? FileManager.default.attributesOfItem(atPath: entry)[.type] as? FileAttributeType
            switch kind {
            case .typeRegular: found.append(entry)
            case .typeDirectory: found += try files(at: entry)
            default: continue
            }
        }
        return found
    }

    static func bytes(of file: String) throws(CorpusError) -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: file)))
        } catch {
            let denied = (error as? CocoaError)?.code == .fileReadNoPermission
            throw CorpusError(
                kind: denied ? .permissionDenied : .unreadable,
                description: "\(file): the file cannot be read" + (denied ? " (permission denied)" : ""))
        }
    }
}
