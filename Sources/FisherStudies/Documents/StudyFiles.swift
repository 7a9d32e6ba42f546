import Foundation

/// A study's file that could not be written or read.
public enum StudyFileError: Error, Sendable, Hashable {
    /// A folder for the files could not be made.
    case cannotCreateFolder(path: String, reason: String)
    /// A file could not be written; nothing of it was left behind.
    case cannotWrite(path: String, reason: String)
    /// A file could not be opened or read.
    case cannotRead(path: String, reason: String)
    /// A file does not hold the expected result.
    case wrongContent(path: String, expected: String, reason: String)
    /// A file has a layout that this version cannot read.
    case unknownVersion(path: String, version: Int, current: Int)
}

extension StudyFileError: CustomStringConvertible {
    /// One sentence that names the file.
    public var description: String {
        switch self {
        case .cannotCreateFolder(let path, let reason): "The folder \(path) cannot be made: \(reason)."
        case .cannotWrite(let path, let reason): "\(path) cannot be written: \(reason)."
        case .cannotRead(let path, let reason): "\(path) cannot be read: \(reason)."
        case .wrongContent(let path, let expected, let reason): "\(path) is not \(expected): \(reason)."
        case .unknownVersion(let path, let version, let current):
            "\(path) has format version \(version); this version of fisher reads version \(current)."
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
    /// The page to look at.
    public var report: String { path("report.html") }

    /// Whether there is a result.
    public var hasResult: Bool { FileManager.default.fileExists(atPath: json) }

    /// Writes the JSON and the table, each of them whole or not at all, and makes the folder where it is missing.
    ///
    /// - Throws: `StudyFileError`, naming the file or the folder.
    public func write(_ result: some StudyDocument) throws(StudyFileError) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw .cannotCreateFolder(path: folder, reason: Self.reason(error))
        }
        try Self.replaceFile(at: json, with: result.json())
        try Self.replaceFile(at: csv, with: Data(result.csv().utf8))
    }

    /// Reads the result back from its JSON.
    ///
    /// - Throws: `StudyFileError`, naming the file.
    public func read<Study: StudyDocument>(_ type: Study.Type) throws(StudyFileError) -> Study {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: json))
        } catch {
            throw .cannotRead(path: json, reason: Self.reason(error))
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
            throw .cannotWrite(path: path, reason: error.reason)
        }
    }

    /// The system's own message if there is one: it is short and does not name the path again.
    private static func reason(_ error: any Error) -> String {
        let cocoa = error as NSError
        if let posix = cocoa.userInfo[NSUnderlyingErrorKey] as? NSError, posix.domain == NSPOSIXErrorDomain {
            return StorageError.systemReason(CInt(posix.code))
        }
        if let code = (cocoa.userInfo[NSUnderlyingErrorKey] as? POSIXError)?.code {
            return StorageError.systemReason(CInt(code.rawValue))
        }
        return cocoa.localizedDescription
    }
}
