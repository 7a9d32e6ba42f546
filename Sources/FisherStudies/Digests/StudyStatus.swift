import Foundation

/// What a study's folder says of it beside the results: `study.json`.
public struct StudyStatus: Codable, Hashable, Sendable {
    /// The version of the layout.
    public private(set) var formatVersion = 1
    /// The kind of study.
    public var kind: StudyKind
    /// What is trained or measured.
    public var task: String
    /// When the latest start was, in ISO 8601.
    public var date: String
    /// The command line of the latest start.
    public var command: String
    /// The number of runs, points or lines that it has when it is done. Grids that grow are not counted before.
    public var planned: Int
    /// How the latest start ended, or `running`.
    public var phase: Phase

    /// The phase of a study.
    public enum Phase: String, Codable, Sendable {
        /// Running, or killed.
        case running
        /// Everything that was asked for is there.
        case completed
        /// A signal stopped it.
        case interrupted
        /// An error ended it.
        case failed
    }

    /// Describes a study that begins now.
    public init(_ kind: StudyKind, of task: TaskSummary, by environment: EnvironmentSummary, planned: Int) {
        self.kind = kind
        self.task = task.name
        (date, command) = (environment.date, environment.command)
        self.planned = planned
        phase = .running
    }

    /// Describes the deciding of a claim that begins now.
    package init(claim name: String, by environment: EnvironmentSummary) {
        (kind, task, planned, phase) = (.claim, name, 1, .running)
        (date, command) = (environment.date, environment.command)
    }

    /// The file's path in a folder.
    package static func file(in folder: String) -> String { folder + "/study.json" }

    /// Reads what a folder says; nil if it says nothing.
    ///
    /// - Throws: `StorageError`, of kind `damaged` if the file is not as it was written.
    public init?(in folder: String) throws(StorageError) {
        let path = Self.file(in: folder)
        guard try DurableStorage.kind(of: path, followingLinks: false) != nil else { return nil }
        try self.init(
            json: try DurableStorage.readFile(at: path, limit: 1 << 22, followingLinks: false), path: path)
    }

    /// Reads the file's bytes; `path` is for errors.
    package init(json data: Data, path: String) throws(StorageError) {
        guard StoredJSON.isAsWritten(data) == true else {
            throw StorageError(.damaged, path: path, reason: "is not a study's status as it was written")
        }
        do {
            self = try StoredJSON.decode(StudyStatus.self, from: data)
            try DocumentLimits.requireCount(planned, "planned")
            for text in [task, date, command] { try DocumentLimits.requireText(text, "a text") }
        } catch {
            throw StorageError(
                .damaged, path: path, reason: "is not a study's status: \(StoredJSON.reason(error))")
        }
    }

    /// Writes the file, whole or not at all.
    package func write(to folder: String) throws(StorageError) {
        try DurableStorage.replaceFile(at: Self.file(in: folder), with: StoredJSON.sealed(self))
    }
}
