import Fisher
import Foundation

/// The runs of studies whose every batch several processes share: the first decides what is run and writes it down, the
/// others follow.
///
/// Before each run the first announces it, its whole configuration included; what it does between runs, it does alone. A
/// process beside the first calls ``follow(of:)``.
public final class SharedRuns {
    /// The processes.
    public let processes: ProcessGroup
    /// The study of which the next runs are, where a command makes several.
    public var study = 0
    /// Whether the others are in a run, or gone: then they hear no announcement.
    private var areOthersBusy = false

    /// Prepares the runs of studies.
    public init(_ processes: ProcessGroup) { self.processes = processes }

    /// Whether this process is the one that decides.
    public var leads: Bool { processes.rank == 0 }

    /// What comes next.
    private struct Announcement: Codable {
        enum Kind: String, Codable {
            case run
            /// There are no more.
            case end
            /// The first process has failed, and says why.
            case failure
        }
        let kind: Kind
        var study = 0
        var run: Run?
    }

    /// A run, as the folder's configuration repeats it.
    struct Run: Codable {
        let toml: String
        let path: String
        /// Whether it is on the data on which options are tuned.
        let isTrial: Bool
        let isResumed: Bool
    }

    /// The first process has failed, and has said why itself.
    public struct LeaderFailed: Error, CustomStringConvertible {
        /// A sentence.
        public let description = "rank 0 has ended the study, and says why"
    }

    private static let operation = "the announcement of a run"

    // MARK: The first process

    /// The work of the process that decides; the others are told its end.
    public func leading<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            let value = try body()
            try announce(Announcement(kind: .end))
            return value
        } catch {
            // In a run all fail together, and what fails first is what counts.
            if !areOthersBusy { try? announce(Announcement(kind: .failure)) }
            throw error
        }
    }

    /// Makes a run together with the others.
    func sharing<Value>(_ run: Run, _ body: () throws -> Value) throws -> Value {
        try announce(Announcement(kind: .run, study: study, run: run))
        areOthersBusy = true
        do {
            let value = try body()
            areOthersBusy = false
            return value
        } catch let error as NonFiniteError {
            // The run has ended as diverged, for all.
            areOthersBusy = false
            throw error
        }
    }

    private func announce(_ announcement: Announcement) throws {
        do {
            _ = try processes.texts(
                String(decoding: StoredJSON.encode(announcement), as: UTF8.self), as: Self.operation)
        } catch {
            areOthersBusy = true
            throw error
        }
    }

    // MARK: The others

    /// Takes part in the runs that the first process announces, until there are no more.
    ///
    /// - Parameter task: The task of a study, or that on which its options are tuned.
    /// - Throws: ``LeaderFailed``, and what runs throw: `Interrupted` when a signal came to any process.
    public func follow<Task: ConfigurableTask>(
        of task: @escaping (_ study: Int, _ isTrial: Bool) throws -> Task
    ) throws {
        var tasks: [String: Task] = [:]
        while let (study, announced) = try next() {
            let layer = try ConfigurationLayer(toml: Array(announced.toml.utf8), path: announced.path)
            let resolved = try ResolvedConfiguration<Task.Options>([layer])
            let configuration = resolved.value
            let key = "\(study) \(announced.isTrial)"
            func made() throws -> Task {
                if let known = tasks[key] { return known }
                let made = try task(study, announced.isTrial)
                tasks[key] = made
                return made
            }
            var run = DurableRun(
                try made(), try configuration.optimizer.candidate(steps: configuration.training.steps),
                in: RunDirectory(path: announced.path), training: configuration.training,
                toml: announced.toml, values: resolved.tomlValues)
            run.processes = processes
            do { try run(resuming: announced.isResumed) } catch is NonFiniteError { continue }
        }
    }

    /// The next run with its study; nil if there are no more.
    private func next() throws -> (study: Int, run: Run)? {
        let texts = try processes.texts("", as: Self.operation)
        let announcement = try StoredJSON.decode(Announcement.self, from: Data(texts[0].utf8))
        switch announcement.kind {
        case .end: return nil
        case .failure: throw LeaderFailed()
        case .run:
            guard let run = announcement.run else { preconditionFailure("a run is announced with itself") }
            return (announcement.study, run)
        }
    }
}
