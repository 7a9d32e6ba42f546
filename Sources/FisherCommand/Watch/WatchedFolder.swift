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
            if let part = try shownPart() { return part.state(of: path) }
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
        let own = found.filter { !$0.path.hasPrefix(tuningFolder) }
        return own.isEmpty ? found : own
    }

    private var tuningFolder: String { RunDirectory(path: path).path + "/tuning/" }

    /// The page of what is there.
    func page() throws -> String {
        if let part = try shownPart() { return try part.folder.page() }
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
        let isTuning = directories.allSatisfy { $0.path.hasPrefix(tuningFolder) }
        var comparison = try OptimizerComparison(runs.map { ($0.directory, $0.document) })
        if let kept = try? files.read(OptimizerComparison.self) {
            (comparison.plan, comparison.task) = (kept.plan, kept.task)
            // While it goes on, nothing can be said of its edges.
            if !isTuning { comparison.tuning = kept.tuning }
            let order = kept.entries.map(\.label)
            func place(_ label: String) -> Int { order.firstIndex(of: label) ?? order.count }
            comparison.entries = comparison.entries.enumerated().sorted {
                (place($0.element.label), $0.offset) < (place($1.element.label), $1.offset)
            }.map(\.element)
        }
        var options = PageOptions()
        for (run, place) in zip(runs, comparison.places(of: runs.map(\.document))) where run.isAtWork {
            options.running.insert(place)
        }
        return comparison.report(options)
    }

    /// One of several studies below a folder that is none itself.
    private struct Part {
        let name: String
        let folder: WatchedFolder
        /// The names of the others.
        let others: [String]

        /// Its state, which says where the others are.
        func state(of path: String) -> State {
            let own = folder.state()
            let rest = others.isEmpty ? "" : ". Other studies in \(path): \(others.joined(separator: ", "))"
            return State(
                phase: own.phase,
                text: "\(name): \(own.text.hasSuffix(".") ? String(own.text.dropLast()) : own.text)\(rest)",
                version: "\(name) \(own.version)")
        }
    }

    /// The study to show where the folder holds several, as that of a comparison on two texts does: the one at which a process
    /// is at work, otherwise the one that was begun last. Nil where the folder is a study or a run itself, or holds none.
    private func shownPart() throws(StorageError) -> Part? {
        let marks = ["study.json", "results.json"]
        let names = try DurableStorage.names(inFolder: path) ?? []
        guard Set(names).isDisjoint(with: marks + ["run.json", "checkpoints"]) else { return nil }
        var found: [(name: String, date: String)] = []
        for name in names.sorted() where !name.hasPrefix(".") {
            let inner = path + "/" + name
            guard try DurableStorage.kind(of: inner, followingLinks: false) == .folder,
                let files = try DurableStorage.names(inFolder: inner), !Set(files).isDisjoint(with: marks)
            else { continue }
            found.append((name, (try? StudyStatus(in: inner))?.date ?? ""))
        }
        let working = found.first { FolderLock.isHeld(folder: path + "/" + $0.name) }
        guard let shown = working ?? found.max(by: { $0.date < $1.date }) else { return nil }
        return Part(
            name: shown.name, folder: WatchedFolder(path: path + "/" + shown.name),
            others: found.map(\.name).filter { $0 != shown.name })
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

extension OptimizerComparison {
    /// The names of runs in a comparison that was made of them: of options that differ under one label, the first has the label
    /// itself and the next ones a number.
    fileprivate func places(of documents: [RunDocument]) -> [PageOptions.RunName] {
        documents.map { document in
            let entry = entries.first {
                $0.options == document.options
                    && ($0.label == document.label || $0.label.hasPrefix(document.label + " ("))
            }
            return PageOptions.RunName(label: entry?.label ?? document.label, seed: document.record.seed)
        }
    }
}
