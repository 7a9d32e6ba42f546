import Foundation

/// A study's file that could not be written or read.
public enum StudyFileError: Error, Sendable, Hashable {
    /// A file or its folder could not be made, written or read; nothing of what was written is left behind.
    case storage(StorageError)
    /// A file does not hold the expected result.
    case wrongContent(path: String, expected: String, reason: String)
    /// A file has a layout that this version cannot read.
    case unknownVersion(path: String, version: Int, current: Int)
}

extension StudyFileError: CustomStringConvertible {
    /// One sentence that names the file.
    public var description: String {
        switch self {
        case .storage(let error): "\(error)."
        case .wrongContent(let path, let expected, let reason):
            "\(path.printable) is not \(expected): \(reason.printable)."
        case .unknownVersion(let path, let version, let current):
            "\(path.printable) has format version \(version); this version of fisher reads version \(current)."
        }
    }
}

/// The files of a study in its folder.
public struct StudyFiles: Sendable, Hashable {
    /// The folder's path.
    public let folder: String

    /// The files of a folder, which need not exist yet.
    public init(folder: String) {
        self.folder = folder
    }

    /// The whole result, to be read again by programs.
    public var json: String { path("results.json") }
    /// The records as a table.
    public var csv: String { path("results.csv") }
    /// The HTML page.
    public var report: String { path("report.html") }

    /// Whether there is a result.
    public var hasResult: Bool { FileManager.default.fileExists(atPath: json) }

    /// Writes the JSON, the table and what the study has besides, each of them whole or not at all, and creates the folder if it is
    /// missing.
    ///
    /// - Throws: `StudyFileError`, naming the file or the folder.
    public func write(_ result: some StudyDocument) throws(StudyFileError) {
        do throws(StorageError) {
            try DurableStorage.makeFolder(folder)
        } catch {
            throw .storage(error)
        }
        try Self.replaceFile(at: json, with: result.json())
        try Self.replaceFile(at: csv, with: Data(result.csv().utf8))
        for (name, contents) in result.attachments {
            try Self.replaceFile(at: path(name), with: contents)
        }
    }

    /// Reads the result back from its JSON.
    ///
    /// - Throws: `StudyFileError`, naming the file.
    public func read<Study: StudyDocument>(_ type: Study.Type) throws(StudyFileError) -> Study {
        let data: Data
        do throws(StorageError) {
            data = try DurableStorage.readFile(at: json, followingLinks: false)
        } catch {
            throw .storage(error)
        }
        return try Study(json: data, path: json)
    }

    private func path(_ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// Writes a temporary file beside `path`, flushes it to the disk and renames it over `path`.
    package static func replaceFile(at path: String, with data: Data) throws(StudyFileError) {
        do throws(StorageError) {
            try DurableStorage.replaceFile(at: path, with: data)
        } catch {
            throw .storage(error)
        }
    }
}
