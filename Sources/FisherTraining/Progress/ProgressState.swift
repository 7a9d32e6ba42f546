/// How far a run and the runs around it are; all that a line of progress is made of.
struct ProgressState: Sendable, Hashable {
    /// The run's name.
    var label: String
    /// The run's number, from one.
    var run: Int
    /// The number of runs.
    var runCount: Int
    /// Steps made.
    var step: Int
    /// Steps to be made.
    var totalSteps: Int
    /// The latest loss.
    var loss: Double?
    /// Tokens trained on in a second.
    var tokensPerSecond: Double?
    /// Seconds until this run ends.
    var secondsLeft: Double?
    /// Seconds until the last run ends.
    var totalSecondsLeft: Double?

    /// The done share of this run, within 0...1.
    var fraction: Double {
        totalSteps > 0 ? min(max(Double(step) / Double(totalSteps), 0), 1) : 0
    }
}
