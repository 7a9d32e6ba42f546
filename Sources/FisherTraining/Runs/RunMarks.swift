import FisherStudies
import Foundation

/// What people call a run or a study: `marks.json` in its folder, which may be set at any time and which no result depends on.
public struct RunMarks: Codable, Hashable, Sendable {
    /// A name for tables.
    public var name: String?
    /// The title of the page.
    public var title: String?
    /// A remark.
    public var note: String?
    /// Words to search by.
    public var tags: [String] = []

    /// No marks.
    public init() {}

    /// Whether nothing is marked.
    public var isEmpty: Bool { self == RunMarks() }

    /// The file in a folder.
    package static func file(in folder: String) -> String { folder + "/marks.json" }

    /// Reads the marks of a folder; where there are none they are empty.
    ///
    /// - Throws: `StorageError`, of kind `damaged` if the file is not as it was written.
    public init(in folder: String) throws(StorageError) {
        let path = Self.file(in: folder)
        guard try DurableStorage.kind(of: path, followingLinks: false) != nil else {
            self.init()
            return
        }
        try self.init(
            json: try DurableStorage.readFile(at: path, limit: 1 << 20, followingLinks: false), path: path)
    }

    /// Reads the file's bytes; `path` is for errors.
    package init(json data: Data, path: String) throws(StorageError) {
        guard StoredJSON.isAsWritten(data) == true,
            let marks = try? StoredJSON.decode(RunMarks.self, from: data)
        else {
            throw StorageError(
                .damaged, path: path,
                reason: "does not hold marks as they were written: remove it, or put it back")
        }
        self = marks
    }

    /// Writes the marks into a folder, whole or not at all.
    public func write(to folder: String) throws(StorageError) {
        try DurableStorage.replaceFile(at: Self.file(in: folder), with: StoredJSON.sealed(self))
    }

    /// Adds what other marks have: their name, title and note replace, their tags are joined.
    public mutating func take(_ other: RunMarks) {
        name = other.name ?? name
        title = other.title ?? title
        note = other.note ?? note
        tags += other.tags.filter { !tags.contains($0) }
    }
}
