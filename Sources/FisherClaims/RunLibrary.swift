import Fisher
import FisherStudies
import FisherTasks
import FisherTraining

/// Trained runs, kept in a folder and shared between claims.
public final class RunLibrary {
    /// The folder.
    public let path: String

    /// Opens a library, whose folder need not exist yet.
    public init(path: String) {
        self.path = path
    }

    /// Trains an arm; see ``ClaimContext/tuned(_:on:)``.
    func tuned(_ arm: Arm, on problem: Problem, seeds: [UInt64], progress: ProgressDisplay) throws -> TunedArm
    {
        let task = try TaskRegistry.task(named: problem.task)
        _ = task
        return TunedArm(
            label: arm.label ?? arm.optimizer, rate: arm.rates[0], isInterior: false, isTuned: false,
            runs: [],
            trials: [])
    }
}
