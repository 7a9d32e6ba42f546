import Fisher
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
        // A text is held in memory: what is certain not to fit is not begun.
        var room = Corpus.memory
        for file in files {
            try Interruption.poll()
            let bytes = try Corpus.bytes(of: file, room: room)
            room -= bytes.count
            if !bytes.isEmpty { documents.append(bytes) }
        }
        let name = paths.count == 1 ? paths[0] : "\(paths.count) paths"
        if documents.isEmpty {
            throw CorpusError(kind: .tooShort, description: "\(name.printable): no file there holds a byte")
        }
        self.init(name: name, documents: documents, validationFraction: validationFraction)
    }

    /// The texts that `text` makes of the bytes of files, in the order of these, without empty ones. Several files are read at
    /// a time: `text` is called on several threads.
    static func texts(of files: [String], _ text: ([UInt8]) -> [UInt8]) throws -> [[UInt8]] {
        var texts: [[UInt8]] = []
        for first in stride(from: 0, to: files.count, by: 256) {
            try Interruption.poll()
            let some = Array(files[first..<min(first + 256, files.count)])
            let found = concurrently(costs: some.map { _ in 1 }) { number in
                Result { () throws(CorpusError) in text(try bytes(of: some[number])) }
            }
            for result in found {
                let text = try result.get()
                if !text.isEmpty { texts.append(text) }
            }
        }
        return texts
    }

    /// The regular files at a path, in the order of their path components' bytes, without those in the folder `excluded`.
    static func files(at path: String, except excluded: String? = nil) throws(CorpusError) -> [String] {
        do throws(StorageError) {
            switch try DurableStorage.kind(of: path, followingLinks: true) {
            case .folder: return try files(inFolder: path, except: excluded)
            // Whatever else it is, opening it tells.
            default: return [path]
            }
        } catch {
            throw CorpusError(error)
        }
    }

    private static func files(
        inFolder path: String, except excluded: String?
    ) throws(StorageError) -> [String] {
        let names = try DurableStorage.names(inFolder: path) ?? []
        var found: [String] = []
        for name in names.filter({ !$0.hasPrefix(".") }).sorted(by: {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }) {
            let entry = path.hasSuffix("/") ? path + name : path + "/" + name
            if entry == excluded { continue }
            switch try DurableStorage.kind(of: entry, followingLinks: false) {
            case .file: found.append(entry)
            case .folder: found += try files(inFolder: entry, except: excluded)
            default: continue
            }
        }
        return found
    }

    /// This machine's memory in bytes.
    private static var memory: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory) }

    static func bytes(of file: String, room: Int = memory) throws(CorpusError) -> [UInt8] {
        do throws(StorageError) {
            let reader = try FileReader(file)
            guard reader.byteCount <= room else {
                throw StorageError(
                    .tooLarge, path: file,
                    reason:
                        "has \(reader.byteCount) bytes, more than this machine's memory has left for the text"
                )
            }
            return try reader.contents(limit: room)
        } catch {
            throw CorpusError(error)
        }
    }
}

extension CorpusError {
    /// The error of a file or folder that could not be used.
    fileprivate init(_ error: StorageError) {
        let kind: Kind =
            switch error.kind {
            case .notFound: .notFound
            case .permissionDenied: .permissionDenied
            case .tooLarge: .tooLarge
            case .cannotCreate, .inputOutput, .damaged, .inUse: .unreadable
            }
        self.init(kind: kind, description: error.description)
    }
}
