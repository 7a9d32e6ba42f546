import Foundation

/// A comparison's file that could not be written or read.
public enum ComparisonFileError: Error, Sendable, Hashable {
    /// A folder for the files could not be made.
    case cannotCreateFolder(path: String, reason: String)
    /// A file could not be written; nothing of it was left behind.
    case cannotWrite(path: String, reason: String)
    /// A file could not be opened or read.
    case cannotRead(path: String, reason: String)
    /// A file holds something else than a comparison's result.
    case notAComparison(path: String, reason: String)
    /// A file has a layout that this version does not know.
    case unknownVersion(path: String, version: Int)
}

extension ComparisonFileError: CustomStringConvertible {
    /// One sentence that names the file.
    public var description: String {
        switch self {
        case .cannotCreateFolder(let path, let reason): "The folder \(path) cannot be made: \(reason)."
        case .cannotWrite(let path, let reason): "\(path) cannot be written: \(reason)."
        case .cannotRead(let path, let reason): "\(path) cannot be read: \(reason)."
        case .notAComparison(let path, let reason): "\(path) is not a comparison's result: \(reason)."
        case .unknownVersion(let path, let version):
            "\(path) has format version \(version); this version of fisher reads version "
                + "\(OptimizerComparison.currentFormatVersion)."
        }
    }
}

/// The files that a comparison leaves in its folder.
public struct ComparisonFiles: Sendable, Hashable {
    /// The folder's path.
    public let folder: String

    /// The files of a folder, which need not exist yet.
    public init(folder: String) {
        self.folder = folder
    }

    /// The whole result, to be read again by programs.
    public var json: String { path("results.json") }
    /// The curves as a table.
    public var csv: String { path("results.csv") }
    /// The report to look at.
    public var report: String { path("report.html") }

    /// Writes all three files, each of them whole or not at all, and makes the folder where it is missing.
    ///
    /// - Throws: `ComparisonFileError`, naming the file or the folder.
    public func write(_ result: OptimizerComparison) throws(ComparisonFileError) {
        try makeFolder()
        try Self.replaceFile(at: json, with: result.json())
        try Self.replaceFile(at: csv, with: Data(result.csv().utf8))
        try Self.replaceFile(at: report, with: Data(result.report().utf8))
    }

    /// Reads the result back from its JSON.
    ///
    /// - Throws: `ComparisonFileError`, naming the file.
    public func read() throws(ComparisonFileError) -> OptimizerComparison {
        try OptimizerComparison(json: try Self.data(at: json), path: json)
    }

    /// Makes the folder where it is missing.
    func makeFolder() throws(ComparisonFileError) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw .cannotCreateFolder(path: folder, reason: Self.reason(error))
        }
    }

    /// A file's bytes.
    static func data(at path: String) throws(ComparisonFileError) -> Data {
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw .cannotRead(path: path, reason: reason(error))
        }
    }

    private func path(_ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// Writes a temporary file beside `path`, brings it to the disk and renames it over `path`.
    static func replaceFile(at path: String, with data: Data) throws(ComparisonFileError) {
        do throws(StorageError) {
            try DurableStorage.replaceFile(at: path, with: data)
        } catch {
            throw .cannotWrite(path: path, reason: error.reason)
        }
    }

    /// The system's own words where there are some: they are short and do not name the path again.
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

extension OptimizerComparison {
    /// Writes the report alone, whole or not at all.
    public func writeReport(to path: String) throws(ComparisonFileError) {
        try ComparisonFiles.replaceFile(at: path, with: Data(report().utf8))
    }
}
