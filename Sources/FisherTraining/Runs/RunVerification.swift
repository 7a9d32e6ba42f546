import FisherStudies
import Foundation

/// What of a run's folder is not as it was written, found by reading every byte of it.
///
/// The configuration, `run.json`, every checkpoint, the log and the event files carry checks (CRC-32C). The page, which
/// `fisher report` makes again, and the lock carry none. The checks guard against accidents, not against forgery.
public struct RunVerification: Sendable {
    /// What is damaged or missing, and why.
    public private(set) var damages: [StorageError] = []

    /// Reads a run's folder, in which no process should be at work. Changes nothing.
    public init(_ directory: RunDirectory) {
        note { () throws(StorageError) in
            guard try !directory.hasConfiguration() else { return }
            throw StorageError(.notFound, path: directory.configurationFile, reason: "is not there")
        }
        note { () throws(StorageError) in _ = try directory.document() }
        note { () throws(StorageError) in _ = try RunMarks(in: directory.path) }
        var newest: Checkpoint?
        for checkpoint in collect({ () throws(StorageError) in try directory.checkpoints.list() }) {
            note { () throws(StorageError) in
                try checkpoint.verify()
                newest = newest ?? checkpoint
            }
        }
        note { () throws(StorageError) in try Self.verifyLog(of: directory, since: newest) }
        let names = collect { () throws(StorageError) in
            try DurableStorage.names(inFolder: directory.eventsFolder) ?? []
        }
        for name in names.sorted() {
            note { () throws(StorageError) in
                let path = directory.eventsFolder + "/" + name
                if let damage = try EventFileWriter.damage(inFile: path) { throw damage }
            }
        }
    }

    private mutating func note(_ work: () throws(StorageError) -> Void) {
        do throws(StorageError) { try work() } catch { damages.append(error) }
    }

    private mutating func collect<Element>(_ list: () throws(StorageError) -> [Element]) -> [Element] {
        var found: [Element] = []
        note { () throws(StorageError) in found = try list() }
        return found
    }

    /// The log begins with the bytes that it had when the newest intact checkpoint was saved, and goes on in lines.
    private static func verifyLog(of directory: RunDirectory, since checkpoint: Checkpoint?)
        throws(StorageError)
    {
        struct State: Decodable { let companion: [String: Int] }
        let path = directory.metricsFile
        var mark = MetricsLog.Mark.empty
        if let checkpoint {
            let data = try DurableStorage.readFile(at: checkpoint.stateFile, followingLinks: false)
            guard let state = try? StoredJSON.decode(State.self, from: data),
                let saved = MetricsLog.Mark(companion: state.companion)
            else {
                throw StorageError(
                    .damaged, path: checkpoint.stateFile, reason: "lacks the check of metrics.jsonl")
            }
            mark = saved
        }
        guard try MetricsLog.mark(of: path, upTo: mark.byteCount) == mark else {
            throw StorageError(
                .damaged, path: path,
                reason: "does not begin with the bytes that it had when the newest checkpoint was saved")
        }
        let lines = try MetricsLog.bytes(of: path, from: mark.byteCount).split(separator: 0x0A)
        for line in lines where (try? StoredJSON.decode([String: Double].self, from: Data(line))) == nil {
            throw StorageError(.damaged, path: path, reason: "has a line that is no object of numbers")
        }
    }
}
