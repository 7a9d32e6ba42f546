import Fisher
import Foundation

/// How the processes of a run begin at the same place: rank 0 tells from where, the others follow.
struct SharedStart<Task: TrainingTask> {
    private let session: TrainingSession<Task>
    private let values: [String: String]
    private let directory: RunDirectory
    private let processes: ProcessGroup

    /// What must be equal everywhere.
    private struct Announcement: Codable {
        let dataFingerprint: String
        let values: [String: String]
        /// The step of the checkpoint from which the run goes on; nil at its beginning.
        let step: Int?
        /// The library that multiplies matrices: the one of rank 0, which a resumed run takes from its beginning.
        let products: String
    }

    init(
        of session: TrainingSession<Task>, _ values: [String: String], _ directory: RunDirectory,
        _ processes: ProcessGroup
    ) {
        (self.session, self.values, self.directory, self.processes) = (session, values, directory, processes)
    }

    /// Tells the others the step of the checkpoint that this process has restored.
    func lead(from step: Int?) throws {
        _ = try exchanged(step)
        try processes.together(as: "the restoration of the checkpoint") {}
        try begin()
    }

    /// Goes where rank 0 is.
    func follow(changesSchedule: Bool) throws {
        let announced = try exchanged(nil)
        try processes.together(as: "the restoration of the checkpoint") {
            try requireSight()
            guard let step = announced.step else { return }
            guard let checkpoint = try directory.checkpoints.list().first(where: { $0.step == step }) else {
                throw unseen("its checkpoint of step \(step)")
            }
            _ = try session.restore(
                from: checkpoint, configuration: TrainingConfiguration.course(of: values),
                changesSchedule: changesSchedule)
        }
        try begin()
    }

    private func begin() throws {
        session.processes = processes
        try session.shareWeights()
    }

    /// What rank 0 announces, after it was compared with what this process has.
    private func exchanged(_ step: Int?) throws -> Announcement {
        let own = Announcement(
            dataFingerprint: session.task.dataFingerprint, values: values, step: step,
            products: MatrixProducts.current.rawValue)
        let texts = try processes.texts(
            String(decoding: StoredJSON.encode(own), as: UTF8.self), as: "the start of the run")
        let all = try texts.map { try StoredJSON.decode(Announcement.self, from: Data($0.utf8)) }
        // All find the same difference, and say it of the same process.
        for (rank, other) in all.enumerated() {
            if let difference = Self.difference(all[0], other) {
                throw ConfigurationError(
                    "the processes of a run must have the same of everything: \(difference) on rank \(rank)")
            }
        }
        if let products = MatrixProducts(rawValue: all[0].products) { MatrixProducts.current = products }
        return all[0]
    }

    private static func difference(_ first: Announcement, _ other: Announcement) -> String? {
        for key in Set(first.values.keys).union(other.values.keys).sorted() {
            let (a, b) = (first.values[key], other.values[key])
            if a != b, key != "training.threads" {
                return "\(key) is \(a ?? "not set") on rank 0 and \(b ?? "not set")"
            }
        }
        if first.dataFingerprint != other.dataFingerprint {
            return
                "the data are \(first.dataFingerprint.prefix(12)) on rank 0 and \(other.dataFingerprint.prefix(12))"
        }
        return nil
    }

    private func requireSight() throws {
        guard try directory.hasConfiguration() else { throw unseen("its config.toml") }
    }

    private func unseen(_ what: String) -> StorageError {
        StorageError(
            .notFound, path: directory.path,
            reason:
                "does not show this process \(what): the folder must be one that the processes of all hosts see"
        )
    }
}
