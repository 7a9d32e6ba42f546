import Fisher
import FisherStudies
import FisherTraining

/// What a claim's reproduction works with: the form, the seeds, the kept runs, the display of progress.
public struct ClaimContext {
    /// How much is run.
    public let form: ClaimForm
    /// The seeds of statistical claims: five in the short form, ten in the full one.
    public let seeds: [UInt64]
    /// Runs that are shared with other claims and kept.
    public let runs: RunLibrary
    /// The claim's own folder, for what it keeps besides runs.
    public let folder: String
    /// The display of progress.
    public let progress: ProgressDisplay

    /// Trains an arm with every seed at its best rate, after tuning it on data of its own; whatever an earlier claim or an
    /// earlier start made is not repeated.
    public func tuned(_ arm: Arm, on problem: Problem) throws -> TunedArm {
        try runs.tuned(arm, on: problem, seeds: seeds, progress: progress)
    }

    /// Trains an arm with every seed at one rate, as a drop-in.
    public func trained(_ arm: Arm, at rate: Double, on problem: Problem) throws -> TunedArm {
        try runs.tuned(
            Arm(arm.optimizer, rates: [rate], label: arm.label), on: problem, seeds: seeds, progress: progress
        )
    }

    /// The value of a long computation, which is kept in the claim's folder under a name and not repeated when the
    /// reproduction is resumed.
    ///
    /// - Parameters:
    ///   - name: a short name of letters, digits and hyphens.
    ///   - inputs: everything that the value depends on besides the program, as text; a change discards what is kept.
    ///   - compute: makes the value.
    public func kept<Value: Codable>(_ name: String, of inputs: String, _ compute: () throws -> Value) throws
        -> Value
    {
        try compute()
    }
}
