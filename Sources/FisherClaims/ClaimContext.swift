import Fisher
import FisherFiles
import FisherStudies
import FisherTraining
import Foundation

/// What a claim's reproduction works with: the form, the seeds, the kept runs, the display of progress.
public struct ClaimContext {
    /// How much is run.
    public let form: ClaimForm
    /// The seeds of statistical claims: ten, unless the user wants others.
    public let seeds: [UInt64]
    /// What a verdict on the claim needs.
    public let evidence: ClaimEvidence
    /// Runs that are shared with other claims and kept.
    public let runs: RunLibrary
    /// The claim's own folder, for what it keeps besides runs.
    public let folder: String
    /// The display of progress.
    public let progress: ProgressDisplay

    /// A context for one claim.
    ///
    /// - Parameters:
    ///   - form: how much is run.
    ///   - seeds: the seeds of statistical claims; nil for ten.
    ///   - evidence: what a verdict needs.
    ///   - runs: the kept runs.
    ///   - folder: the claim's own folder, which need not exist yet.
    ///   - progress: where progress is shown.
    public init(
        _ form: ClaimForm, seeds: [UInt64]? = nil, evidence: ClaimEvidence, runs: RunLibrary, folder: String,
        progress: ProgressDisplay
    ) {
        self.form = form
        self.seeds = seeds ?? Self.usualSeeds
        self.evidence = evidence
        self.runs = runs
        self.folder = folder
        self.progress = progress
    }

    /// The seeds of statistical claims unless the user wants others.
    ///
    /// They begin at 2000: smaller ones served to find the sizes, rates and margins of the claims, and decide nothing.
    static let usualSeeds = Array(2000..<2000 + UInt64(ClaimDocument.usualSeedCount))

    /// Trains an arm with every seed at its best rate, after tuning it on data of its own; whatever an earlier claim or an
    /// earlier start made is not repeated.
    ///
    /// - Throws: `Interrupted` when everything has been saved; what the task, the rule and the files throw.
    public func tuned(_ arm: Arm, on problem: Problem) throws -> TunedArm {
        try runs.tuned(
            arm, on: problem, seeds: seeds,
            tuningSeeds: form == .short ? problem.tuningSeeds : max(3, problem.tuningSeeds),
            progress: progress)
    }

    /// Trains an arm with every seed at one rate, as a drop-in.
    ///
    /// - Throws: as ``tuned(_:on:)``.
    public func trained(_ arm: Arm, at rate: Double, on problem: Problem) throws -> TunedArm {
        try tuned(Arm(arm.optimizer, rates: [rate], label: arm.label), on: problem)
    }

    /// The value of a long computation, which is kept under a name and not repeated when the reproduction is resumed.
    ///
    /// - Parameters:
    ///   - name: a short name of letters, digits and hyphens.
    ///   - study: a name, of the same characters, of the study of several claims to which the value belongs: it is kept beside
    ///     the runs, and one process computes it for all claims. Without a name it is kept in the claim's folder.
    ///   - inputs: everything that the value depends on besides the program, as text; a change discards what is kept.
    ///   - compute: makes the value.
    /// - Throws: `Interrupted` if a signal requests to stop before the computation; `StorageError` if the value cannot be
    ///   kept; what `compute` throws.
    public func kept<Value: Codable>(
        _ name: String, in study: String? = nil, of inputs: String, _ compute: () throws -> Value
    ) throws -> Value {
        precondition(Self.isName(name), "a kept value's name has letters, digits and hyphens, unlike \(name)")
        let digest = SHA256.of("format 1\n\(Value.self)\n\(inputs)".utf8)
        guard let study else { return try kept(name, in: folder + "/kept", digest, compute) }
        precondition(Self.isName(study), "a study's name has letters, digits and hyphens, unlike \(study)")
        let place = "\(runs.path)/values/\(study)-\(form.rawValue)"
        try DurableStorage.makeFolder(place)
        let lock = try FolderWait.untilFree { try FolderLock(folder: place) }
        defer { withExtendedLifetime(lock) {} }
        return try kept(name, in: place, digest, compute)
    }

    private func kept<Value: Codable>(
        _ name: String, in place: String, _ digest: String, _ compute: () throws -> Value
    ) throws -> Value {
        let path = "\(place)/\(name).json"
        if let data = try? DurableStorage.readFile(at: path, followingLinks: false) {
            if StoredJSON.isAsWritten(data) != true {
                progress.note("\(path) is not as it was written: it is computed anew")
            } else if let kept = try? StoredJSON.decode(KeptValue<Value>.self, from: data),
                kept.digest == digest
            {
                return kept.value
            }
        }
        try Interruption.poll()
        let value = try compute()
        try DurableStorage.makeFolder(place)
        try DurableStorage.replaceFile(
            at: path, with: StoredJSON.sealed(KeptValue(digest: digest, value: value)))
        return value
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0 == 45 || (48...57).contains($0) || (97...122).contains($0) || (65...90).contains($0)
            }
    }
}

/// A value with the digest of what it depends on.
private struct KeptValue<Value: Codable>: Codable {
    let digest: String
    let value: Value
}
