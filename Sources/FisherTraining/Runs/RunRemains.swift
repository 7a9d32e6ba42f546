import Fisher
import FisherStudies
import Foundation

/// What earlier processes left in a run's folder, found out without changing anything.
struct RunRemains {
    /// `run.json`; nil if it is not there.
    let document: RunDocument?
    /// The newest intact checkpoint.
    let checkpoint: Checkpoint?
    /// Newer checkpoints that are not intact.
    let damaged: [(checkpoint: Checkpoint, error: StorageError)]
    private let directory: RunDirectory

    /// Looks at a folder.
    ///
    /// Throws `StorageError` for what cannot be read and, unless damage is accepted, for a damaged `run.json` and where there
    /// are checkpoints of which none is intact.
    init(_ directory: RunDirectory, acceptingDamage: Bool) throws(StorageError) {
        self.directory = directory
        do throws(StorageError) {
            document = try directory.document()
        } catch {
            guard error.systemError == ENOENT || (error.kind == .damaged && acceptingDamage) else {
                throw Self.hinting(error)
            }
            document = nil
        }
        (checkpoint, damaged) = try directory.checkpoints.survey()
        if checkpoint == nil, let first = damaged.first, !acceptingDamage { throw Self.hinting(first.error) }
    }

    /// The length up to which the log is kept.
    ///
    /// - Parameter mark: the log when the checkpoint was saved.
    /// - Throws: `StorageError` if the log is not as it was, unless damage is accepted: then whole lines are kept.
    func logLength(at mark: MetricsLog.Mark, acceptingDamage: Bool) throws(StorageError) -> Int {
        let path = directory.metricsFile
        let found = try MetricsLog.mark(of: path, upTo: mark.byteCount)
        if found == mark { return mark.byteCount }
        if acceptingDamage {
            let kept = try MetricsLog.bytes(of: path, from: 0).prefix(mark.byteCount)
            return kept.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        }
        let saved = checkpoint.map { " when \($0.path) was saved" } ?? ""
        let reason =
            found.byteCount < mark.byteCount
            ? "has \(found.byteCount) bytes, but had \(mark.byteCount)\(saved)"
            : "does not begin with the bytes that it had\(saved)"
        throw Self.hinting(StorageError(.damaged, path: path, reason: reason))
    }

    /// Throws if a checkpoint was saved beyond all that are there now, by what `run.json` or the log tell.
    ///
    /// - Parameters:
    ///   - mark: the length of the log when the checkpoint was saved from which the run resumes.
    ///   - best: the best validation loss at that moment.
    func requireReach(from mark: Int, best: Double) throws {
        let present = try directory.checkpoints.list().first?.step
        var known = (step: document?.savedStep ?? 0, file: directory.documentFile)
        let proven = try provenStep(from: mark, best: best)
        if proven > known.step { known = (proven, directory.metricsFile) }
        guard known.step > present ?? 0 else { return }
        let reach = present.map { "reaches step \($0) only" } ?? "holds no checkpoint"
        throw Self.hinting(
            StorageError(
                .damaged, path: directory.checkpoints.folder,
                reason: "\(reach), but \(known.file) tells of one that was saved at step \(known.step)"))
    }

    private static func hinting(_ error: StorageError) -> StorageError {
        StorageError(
            error.kind, path: error.path,
            reason: error.reason
                + ": put it back (is a disk not mounted?), or go on without what is gone with --accept-damage"
        )
    }

    /// The step of the last checkpoint that must have been saved before the log's last lines were written.
    ///
    /// A checkpoint is saved at every new best validation loss, and as often as the configuration says, before the next step
    /// is logged.
    private func provenStep(from mark: Int, best: Double) throws -> Int {
        // Where a time must pass between checkpoints, the log does not tell which were due.
        if let seconds = document?.configuration["checkpoints.seconds"], seconds != "0" { return 0 }
        let every = document?.configuration["checkpoints.every"].flatMap { Int($0) }
        var (proven, pending, best, first) = (0, 0, best, Int?.none)
        for values in try MetricsLog.lines(of: directory.metricsFile, from: mark) {
            guard let step = values["step"].flatMap({ Int(exactly: $0) }), (0...mostSteps).contains(step)
            else { continue }
            if step > pending { proven = max(proven, pending) }
            let begin = first ?? step
            first = begin
            if let every, every > 0 {
                let last = (step - 1) / every * every
                if last >= begin { proven = max(proven, last) }
            }
            if let loss = values["validation_loss"], loss < best || every == 0 {
                best = min(best, loss)
                // No checkpoint is saved before the first step: 0 proves nothing.
                pending = step
            }
        }
        return proven
    }
}
