import Fisher
import FisherFiles
import FisherReports
import FisherStudies
import FisherTraining
import Foundation

/// The reproduction of claims in a folder: their verdicts, and the runs that they share.
///
///     runs/                    trained runs, as ``RunLibrary`` keeps them; both forms share them
///     short/warm-up/           results.json, results.csv, report.html of a claim's verdict in the short form
///     short/warm-up/kept/      values that take long and are no runs
///     short/warm-up/log.txt    the progress, where the claim was one of several
public struct Reproduction {
    /// The folder.
    public let path: String
    /// How much is run.
    public let form: ClaimForm
    /// The seeds of statistical claims; nil for the usual ones.
    public let seeds: [UInt64]?

    /// Names a folder, which need not exist yet.
    public init(path: String, form: ClaimForm, seeds: [UInt64]? = nil) {
        self.path = RunDirectory(path: path).path
        self.form = form
        self.seeds = seeds
    }

    /// The folder of a claim's verdict.
    public func files(of claim: Claim) -> StudyFiles {
        StudyFiles(folder: "\(path)/\(form.rawValue)/\(claim.name)")
    }

    /// The verdict that was reached on a claim as it is declared now, in this form and with these seeds; nil if there is none.
    ///
    /// - Throws: `StudyFileError` for a file that cannot be read.
    public func verdict(on claim: Claim) throws(StudyFileError) -> ClaimDocument? {
        let files = files(of: claim)
        guard files.hasResult else { return nil }
        let document = try files.read(ClaimDocument.self)
        return document.statement == claim.statement && document.seeds == seedsInUse ? document : nil
    }

    /// The seeds of statistical claims.
    private var seedsInUse: [UInt64] { seeds ?? ClaimContext.usualSeeds }

    /// The verdicts on claims, as far as there are any.
    ///
    /// - Parameters:
    ///   - claims: the claims.
    ///   - reasons: why a claim of a name was not decided, as a sentence.
    ///   - command: the command that decides all.
    /// - Throws: `StudyFileError` for a file that cannot be read.
    public func overview(
        of claims: [Claim], undecided reasons: [String: String] = [:], command: String
    ) throws(StudyFileError) -> ClaimsOverview {
        var documents: [ClaimDocument] = []
        var open: Set<String> = []
        for claim in claims {
            if let found = try verdict(on: claim) {
                documents.append(found)
            } else {
                open.insert(claim.name)
                documents.append(undecided(claim, reasons[claim.name] ?? "It has not been run."))
            }
        }
        return ClaimsOverview(documents, open: open, command: command)
    }

    /// Writes the page that links the verdicts' pages.
    ///
    /// - Throws: `StudyFileError` if it cannot be written.
    @discardableResult
    public func writeIndex(_ overview: ClaimsOverview) throws(StudyFileError) -> String {
        let folder = "\(path)/\(form.rawValue)"
        do throws(StorageError) {
            try DurableStorage.makeFolder(folder)
        } catch {
            throw .storage(error)
        }
        let page = folder + "/index.html"
        try StudyFiles.replaceFile(at: page, with: Data(overview.page().utf8))
        return page
    }

    /// What stands in the place of a verdict that there is no time for.
    private func undecided(_ claim: Claim, _ reason: String) -> ClaimDocument {
        ClaimDocument(
            claim.statement, form: form.rawValue, seeds: seedsInUse,
            finding: ClaimFinding(.undecided, reason), environment: .current(), seconds: 0)
    }

    /// Decides a claim: makes what is missing, and writes the verdict and its page.
    ///
    /// - Parameters:
    ///   - claim: the claim.
    ///   - command: the program's name and the arguments that repeat it, for the page.
    ///   - progress: the display of progress.
    /// - Throws: `Interrupted` when everything has been saved; `StorageError` of kind `inUse` if another process decides the
    ///   claim; what the claim, its runs and the files throw.
    @discardableResult
    public func decide(
        _ claim: Claim, command: [String] = CommandLine.arguments, progress: ProgressDisplay
    ) throws -> ClaimDocument {
        let files = files(of: claim)
        try DurableStorage.makeFolder(files.folder)
        let lock = try FolderLock(folder: files.folder)
        defer { withExtendedLifetime(lock) {} }
        let context = ClaimContext(
            form, seeds: seeds, evidence: claim.evidence, runs: RunLibrary(path: path + "/runs"),
            folder: files.folder, progress: progress)
        let clock = ContinuousClock()
        let begin = clock.now
        let status = StudyStatus(claim: claim.name, by: .current(command: command))
        return try status.recorded(in: files.folder) {
            let finding = try claim.decide(context)
            let document = ClaimDocument(
                claim.statement, form: form.rawValue, seeds: context.seeds, finding: finding,
                environment: .current(command: command), seconds: (clock.now - begin) / .seconds(1))
            try files.writeWithReport(document)
            return document
        }
    }
}

extension Claim {
    /// What is claimed, as a verdict's document keeps it.
    package var statement: ClaimStatement {
        ClaimStatement(
            name: name, sentence: sentence, document: source.document.rawValue,
            citation: source.document.citation, place: source.place, rule: rule,
            leastSeeds: evidence.seeds)
    }
}
