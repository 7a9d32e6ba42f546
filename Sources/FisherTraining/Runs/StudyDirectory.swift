import Fisher

/// The folder of a study, held by one process at a time.
///
///     results.json                    all results; results.csv and report.html are made of it
///     study.json                      what kind of study it is, and how far its latest start came
///     config.toml                     of a comparison: everything that was asked for, for `--config`
///     runs/fadam/seed-0/              a run of an optimizer from a seed, as `fisher train` keeps it
///     tuning/fadam/lr-0-001/seed-1/   a run of a trial of a tuning
///     lock                            held while a process is at work here
///
/// The lock is released when the object is destroyed or the process ends, in whatever way. Names of folders are for
/// readers: whose runs a folder holds is known from their `run.json` alone.
public final class StudyDirectory {
    /// The results and the page.
    public let files: StudyFiles
    private let lock: FolderLock
    private let claim: FolderClaim
    /// The folders that were given to candidates, by path.
    private var owners: [String: Owner] = [:]

    private struct Owner: Hashable {
        let label: String
        let options: [Setting]
    }

    /// Makes the folder, unless it is there, and takes its lock.
    ///
    /// - Parameters:
    ///   - path: the folder.
    ///   - kind: what kind of study is to be in it.
    ///   - resuming: whether results and runs of an earlier start may be here.
    ///   - advice: what a user can do about them otherwise, for the error.
    /// - Throws: `StorageError` of kind `inUse` with the process that holds the folder, `cannotCreate` if it holds
    ///   results or runs that this start would replace, files of others at the places of this study's or another kind of
    ///   study, and others if it cannot be used.
    public init(
        path: String, kind: StudyKind = .comparison, resuming: Bool,
        advice: String = StudyDirectory.usualAdvice
    ) throws(StorageError) {
        files = StudyFiles(folder: RunDirectory(path: path).path)
        claim = try FolderClaim(files.folder)
        try DurableStorage.makeFolder(path)
        lock = try FolderLock(folder: path)
        try Self.check(path, for: kind, resuming: resuming, advice: advice)
    }

    deinit { claim.withdraw(leaving: ["lock"]) }

    /// Gives back a folder that this start made and in which nothing but the configuration is: what was asked for cannot be
    /// done.
    package func withdraw() { claim.withdraw() }

    /// What a user can do about results that are there.
    public static let usualAdvice = "continue with --resume, or choose another folder with --output"

    /// Throws for a folder in which such a study could not be kept, as the initializer does. Makes nothing.
    package static func check(
        _ path: String, for kind: StudyKind, resuming: Bool, advice: String = StudyDirectory.usualAdvice
    ) throws(StorageError) {
        try DurableStorage.requireWritableFolder(path)
        let names = Set(try DurableStorage.names(inFolder: path) ?? [])
        func refusal(_ reason: String) -> StorageError {
            StorageError(.cannotCreate, path: path, reason: reason)
        }
        if names.contains("run.json") || names.contains("checkpoints") {
            throw refusal("already holds a run: choose another folder with --output")
        }
        for section in ["runs", "tuning"] where names.contains(section) {
            guard try DurableStorage.kind(of: "\(path)/\(section)", followingLinks: true) == .folder else {
                throw StorageError(.cannotCreate, path: "\(path)/\(section)", reason: "is not a folder")
            }
        }
        if !resuming {
            var found = names.contains("results.json") ? "results" : nil
            for section in ["runs", "tuning"] where found == nil {
                let runs = try DurableStorage.names(inFolder: "\(path)/\(section)") ?? []
                if !runs.isEmpty { found = "runs" }
            }
            if let found { throw refusal("already holds \(found): \(advice)") }
        }
        let status = try StudyStatus(in: path)
        var other = status?.kind == kind ? nil : status?.kind
        if status == nil, names.contains("results.json"),
            let layout = try? StudyFiles(folder: path).resultLayout(), layout != kind.layout
        {
            other = layout
        }
        // A pilot and its comparison, or a start that left nothing, are told apart by their results.
        if let other, other.layout != kind.layout || (other == .ablation) != (kind == .ablation) {
            throw refusal(
                "holds \(other.described), not \(kind.described): choose another folder with --output")
        }
        let own = ["results.csv", "summary.json", "summary.csv", "report.html", "config.toml"]
        let isOurs =
            status != nil || !names.isDisjoint(with: ["results.json", "runs", "tuning"])
            || RunDirectory(path: path).holdsOwnConfiguration
        if !isOurs, let foreign = own.first(where: names.contains) {
            throw refusal(
                "holds a file \(foreign) that no study left there and this one would replace: choose another folder with "
                    + "--output")
        }
        for name in names.intersection(own + ["results.json", "study.json", "marks.json"]).sorted() {
            try FileWriter.check("\(path)/\(name)")
        }
    }

    /// The folder's path.
    public var path: String { files.folder }

    /// The folder of a candidate's run from a seed.
    ///
    /// - Throws: `StorageError` if a folder cannot be listed, or a `run.json` in it not be read.
    func run(of candidate: OptimizerCandidate, seed: UInt64) throws(StorageError) -> RunDirectory {
        try directory(of: candidate, seed: seed, in: "\(path)/runs", named: candidate.label)
    }

    /// The folder of a run of a trial, whose candidate has the values that are tried.
    ///
    /// - Throws: `StorageError` if a folder cannot be listed, or a `run.json` in it not be read.
    func trial(
        of candidate: OptimizerCandidate, tuning label: String, settings: [Setting], seed: UInt64
    ) throws(StorageError) -> RunDirectory {
        try directory(
            of: candidate, seed: seed, in: "\(path)/tuning/\(Self.slug(label))",
            named: settings.map { "\($0.name) \($0.value)" }.joined(separator: " "))
    }

    private func directory(
        of candidate: OptimizerCandidate, seed: UInt64, in parent: String, named name: String
    ) throws(StorageError) -> RunDirectory {
        let folder = try folder(of: candidate, in: parent, named: Self.slug(name))
        owners[folder] = Owner(label: candidate.label, options: candidate.options)
        return RunDirectory(path: "\(folder)/seed-\(seed)")
    }

    /// The folder whose runs are the candidate's; otherwise the first of the name, or of the name with a number, that
    /// holds nobody's.
    private func folder(
        of candidate: OptimizerCandidate, in parent: String, named slug: String
    ) throws(StorageError) -> String {
        let own = Owner(label: candidate.label, options: candidate.options)
        let names = try DurableStorage.names(inFolder: parent) ?? []
        func path(_ number: Int) -> String { "\(parent)/\(slug)" + (number == 1 ? "" : "-\(number)") }
        func isNumbered(_ name: String) -> Bool {
            name.hasPrefix(slug + "-") && Int(name.dropFirst(slug.count + 1)) != nil
        }
        let present = names.filter { $0 == slug || isNumbered($0) }.map { "\(parent)/\($0)" }
        let known = owners.first { $0.key.hasPrefix(parent + "/") && $0.value == own }
        if let known { return known.key }
        var free = Set<String>()
        for folder in present.sorted() where owners[folder] == nil {
            guard let document = try Self.document(in: folder) else {
                free.insert(folder)
                continue
            }
            if document.label == candidate.label, candidate.hasOptions(document.options) { return folder }
        }
        var number = 1
        while owners[path(number)] != nil || (present.contains(path(number)) && !free.contains(path(number)))
        {
            number += 1
        }
        return path(number)
    }

    /// What the first run in a candidate's folder says of itself; nil if there is none.
    private static func document(in folder: String) throws(StorageError) -> RunDocument? {
        for name in (try DurableStorage.names(inFolder: folder) ?? []).sorted() {
            let run = RunDirectory(path: "\(folder)/\(name)")
            if name.hasPrefix("seed-"), try run.isBegun { return try run.document() }
        }
        return nil
    }

    /// A sentence on earlier results that were not asked for now; nil if there are none.
    ///
    /// - Parameter others: what has such results, and their seeds.
    package static func keptResults(_ others: [(label: String, seeds: [UInt64])]) -> String? {
        let texts = others.filter { !$0.seeds.isEmpty }.map { label, seeds in
            "\(label) (seed \(seeds.map { "\($0)" }.joined(separator: ", ")))"
        }
        if texts.isEmpty { return nil }
        return "earlier results that were not asked for now stay: \(texts.joined(separator: "; "))"
    }

    /// A text as a short name of lowercase letters, digits and hyphens.
    package static func slug(_ text: String) -> String {
        let words = text.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        let name = words.joined(separator: "-").prefix(48)
        let trimmed = name.last == "-" ? name.dropLast() : name
        return trimmed.isEmpty ? "run" : String(trimmed)
    }
}

extension RunDirectory {
    /// Whether there is a document of a run.
    var isBegun: Bool {
        get throws(StorageError) { try DurableStorage.names(inFolder: path)?.contains("run.json") == true }
    }
}
