import FisherStudies

/// The runs and the studies in some folders, as they are at this moment.
public struct RunListing {
    /// A run.
    public struct Run {
        /// Its folder.
        public let directory: RunDirectory
        /// What is known of it; nil for one that was stopped before its first step.
        public let document: RunDocument?
        /// Its phase; `killed` if it was running and no process is at work on it.
        public let state: String
        /// What people call it.
        public let marks: RunMarks
        /// The folder of the study that it belongs to; nil for a run of its own.
        public let study: String?

        package init(
            directory: RunDirectory, document: RunDocument?, state: String, marks: RunMarks, study: String?
        ) {
            (self.directory, self.document, self.state) = (directory, document, state)
            (self.marks, self.study) = (marks, study)
        }
    }

    /// A study.
    public struct Study {
        /// Its folder.
        public let path: String
        /// What kind of study it is.
        public let kind: StudyKind
        /// What is trained or measured.
        public let task: String
        /// `running`, `completed`, `interrupted`, `failed` or `killed`; `unknown` for studies of former versions.
        public let state: String
        /// The runs, points or lines that came to their end.
        public let finished: Int
        /// How many there will be; nil if nothing tells.
        public let planned: Int?
        /// The best result, in a few words; nil if there is none.
        public let best: String?
        /// When it began, or was begun again last.
        public let date: String
        /// What people call it.
        public let marks: RunMarks
    }

    /// The runs, by path.
    public private(set) var runs: [Run] = []
    /// The studies, by path.
    public private(set) var studies: [Study] = []
    /// What could not be read, a sentence each.
    public private(set) var troubles: [String] = []

    /// Looks at folders and those below them. Changes nothing.
    ///
    /// - Throws: `StorageError` if a folder is not there or cannot be listed, and of kind `damaged` if a run is found twice.
    public init(of folders: [String]) throws(StorageError) {
        for folder in folders {
            let path = RunDirectory(path: folder).path
            guard try DurableStorage.names(inFolder: path) != nil else {
                throw StorageError(.notFound, path: folder, reason: "is not there")
            }
            try search(path, in: nil)
        }
        try RunDirectory.requireDistinct(runs.map(\.directory))
    }

    private mutating func search(_ path: String, in study: String?) throws(StorageError) {
        let names = Set(try DurableStorage.names(inFolder: path) ?? [])
        let isBegun = names.isSuperset(of: ["config.toml", "lock"])
        var study = study
        let command = isBegun ? RunDirectory(path: path).configuredWords?.command : nil
        if let kind = ["compare": StudyKind.comparison, "ablate": .ablation][command ?? ""],
            names.isDisjoint(with: ["run.json", "study.json", "results.json"])
        {
            return addBegun(path, kind)
        }
        if names.contains("run.json") || (isBegun && names.isDisjoint(with: ["study.json", "results.json"])) {
            return add(RunDirectory(path: path), isBegun: names.contains("run.json"), in: study)
        }
        if !names.isDisjoint(with: ["study.json", "results.json"]) {
            addStudy(path, hasResult: names.contains("results.json"))
            study = path
        }
        for name in names.sorted() where !name.hasPrefix(".") {
            let inner = path + "/" + name
            guard try DurableStorage.kind(of: inner, followingLinks: false) == .folder else { continue }
            try search(inner, in: study)
        }
    }

    private mutating func add(_ directory: RunDirectory, isBegun: Bool, in study: String?) {
        do throws(StorageError) {
            // Before the document is read: a run that ends in between has then said so.
            let isHeld = FolderLock.isHeld(folder: directory.path)
            let document = isBegun ? try directory.document() : nil
            let phase = document?.phase ?? .running
            runs.append(
                Run(
                    directory: directory, document: document,
                    state: phase == .running && !isHeld ? "killed" : phase.rawValue,
                    marks: try RunMarks(in: directory.path), study: study))
        } catch {
            troubles.append("\(error)")
        }
    }

    /// A study that was stopped while it read its data.
    private mutating func addBegun(_ path: String, _ kind: StudyKind) {
        studies.append(
            Study(
                path: path, kind: kind, task: RunDirectory(path: path).configuredWords?.task ?? "",
                state: FolderLock.isHeld(folder: path) ? "running" : "killed", finished: 0, planned: nil,
                best: nil, date: "", marks: (try? RunMarks(in: path)) ?? RunMarks()))
    }

    private mutating func addStudy(_ path: String, hasResult: Bool) {
        do {
            let isHeld = FolderLock.isHeld(folder: path)
            let status = try StudyStatus(in: path)
            let digest = hasResult ? StudyDigest(try StudyFiles(folder: path).readResult()) : nil
            guard let kind = status?.kind ?? digest?.kind else { return }
            var state = status?.phase.rawValue ?? "unknown"
            if isHeld { state = "running" } else if status?.phase == .running { state = "killed" }
            let finished = digest?.finished ?? 0
            studies.append(
                Study(
                    path: path, kind: kind, task: status?.task ?? digest?.task ?? "", state: state,
                    finished: finished,
                    // Grids that grew and earlier results make it more than was planned.
                    planned: status.map { $0.phase == .completed ? finished : max($0.planned, finished) },
                    best: digest?.best, date: status?.date ?? digest?.date ?? "",
                    marks: try RunMarks(in: path)))
        } catch {
            troubles.append("\(error)")
        }
    }
}
