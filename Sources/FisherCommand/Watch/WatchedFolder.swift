import Fisher
import FisherReports
import FisherStudies
import FisherTraining
import Foundation

/// What `fisher watch` shows of a folder: a run, a comparison whose runs are under way, or the results of another study.
struct WatchedFolder: Sendable {
    /// The folder.
    let path: String

    /// The state of the work.
    enum Phase: String, Encodable {
        /// Nothing is there yet.
        case waiting
        /// A process is at work.
        case running
        /// The work was stopped or killed before its end.
        case stopped
        /// The work is done.
        case ended
    }

    /// What a page asks for again and again.
    struct State: Encodable, Equatable {
        let phase: Phase
        let text: String
        /// Changes with what the page shows.
        let version: String
    }

    /// The state, from small files and the ends of long ones.
    func state() -> State {
        do {
            guard try DurableStorage.names(inFolder: path) != nil else {
                return State(
                    phase: .waiting, text: "Waiting for \(path), which is not there yet.", version: "0")
            }
            let directories = try runs()
            let files =
                directories.flatMap { [$0.documentFile, $0.metricsFile] } + [StudyFiles(folder: path).json]
            let version = Self.signature(of: files)
            let isStudy =
                StudyFiles(folder: path).hasResult || directories.count != 1 || directories[0].path != path
            if !isStudy {
                let run = try LiveRun(directories[0])
                return State(phase: phase(of: run), text: run.sentence, version: version)
            }
            let isAtWork = FolderLock.isHeld(folder: path)
            if directories.isEmpty, !StudyFiles(folder: path).hasResult {
                return State(
                    phase: isAtWork ? .running : .waiting, text: "No run has begun in \(path) yet.",
                    version: version)
            }
            if !isAtWork { return try resting(directories, version) }
            let working = directories.first { FolderLock.isHeld(folder: $0.path) }
            let text = try working.map { try LiveRun($0).sentence } ?? "A process is at work in \(path)."
            return State(phase: .running, text: text, version: version)
        } catch {
            return State(phase: .waiting, text: "\(error)", version: "\(error)")
        }
    }

    private func phase(of run: LiveRun) -> Phase {
        if run.document.phase.isFinal { return .ended }
        return run.isAtWork ? .running : .stopped
    }

    /// The state of a study at which no process works.
    private func resting(_ directories: [RunDirectory], _ version: String) throws -> State {
        let open = try directories.filter { try !$0.document().phase.isFinal }
        if let first = open.first {
            return State(
                phase: .stopped,
                text: "The study was stopped or killed: no process works on it; --resume continues it. "
                    + (try LiveRun(first).sentence), version: version)
        }
        let runs = NumberText.plain.counted(directories.count, "run")
        return State(phase: .ended, text: "The study has ended: \(runs).", version: version)
    }

    /// The runs of the folder; those of a tuning only while there are no others.
    private func runs() throws(StorageError) -> [RunDirectory] {
        let found = try RunDirectory.runs(under: path)
        let own = found.filter { !$0.path.hasPrefix(RunDirectory(path: path).path + "/tuning/") }
        return own.isEmpty ? found : own
    }

    /// The page of what is there.
    func page() throws -> String {
        let directories = try runs()
        let files = StudyFiles(folder: path)
        if files.hasResult, !FolderLock.isHeld(folder: path) || directories.isEmpty {
            return try ReportSource.study(of: [path]).report(PageOptions())
        }
        // Its first run is about to begin, or has just been moved away.
        guard !directories.isEmpty else {
            throw StorageError(.notFound, path: path, reason: "holds no run yet")
        }
        let runs = try directories.map { try LiveRun($0) }
        if runs.count == 1, !files.hasResult {
            return RunReport(runs[0].document, folder: runs[0].directory.path).page()
        }
        var comparison = try OptimizerComparison(runs.map { ($0.directory, $0.document) })
        if let kept = try? files.read(OptimizerComparison.self) {
            (comparison.plan, comparison.tuning, comparison.task) = (kept.plan, kept.tuning, kept.task)
            let order = kept.entries.map(\.label)
            func place(_ label: String) -> Int { order.firstIndex(of: label) ?? order.count }
            comparison.entries = comparison.entries.enumerated().sorted {
                (place($0.element.label), $0.offset) < (place($1.element.label), $1.offset)
            }.map(\.element)
        }
        return comparison.report(PageOptions())
    }

    /// Sizes and times of files, as a text.
    private static func signature(of files: [String]) -> String {
        var text = ""
        for path in files {
            var status = stat()
            let found = lstat(path, &status) == 0
            #if canImport(Darwin)
                let time = status.st_mtimespec
            #else
                let time = status.st_mtim
            #endif
            text += found ? "\(status.st_size) \(time.tv_sec) \(time.tv_nsec);" : "none;"
        }
        return SHA256.of(text.utf8)
    }
}
