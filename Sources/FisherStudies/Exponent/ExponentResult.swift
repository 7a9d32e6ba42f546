/// What an arm of the study of the exponent reached on a problem: the rate that tuning chose, and a loss for each seed.
package struct ExponentResult: Codable, Hashable, Sendable {
    /// A learning rate that was tried, on data held out for tuning.
    package struct Trial: Codable, Hashable, Sendable {
        /// The learning rate.
        package var rate: Double
        /// The mean loss; infinite where a run diverged.
        package var loss: Double

        package init(rate: Double, loss: Double) {
            (self.rate, self.loss) = (rate, loss)
        }
    }

    /// A run at the chosen rate.
    package struct Run: Codable, Hashable, Sendable {
        /// The seed of the first weights and the batches.
        package var seed: UInt64
        /// The final validation loss; nil if the run diverged.
        package var loss: Double?
        /// The time it trained, in seconds.
        package var seconds: Double

        package init(seed: UInt64, loss: Double?, seconds: Double) {
            (self.seed, self.loss, self.seconds) = (seed, loss, seconds)
        }
    }

    /// The problem's name.
    package var problem: String
    /// The arm.
    package var arm: ExponentArm
    /// The chosen learning rate.
    package var rate: Double
    /// Whether it lies inside the rates that were tried.
    package var isInterior: Bool
    /// The rates that were tried.
    package var trials: [Trial]
    /// The runs by increasing seed.
    package var runs: [Run]

    package init(
        problem: String, arm: ExponentArm, rate: Double, isInterior: Bool, trials: [Trial], runs: [Run]
    ) {
        self.problem = problem
        self.arm = arm
        self.rate = rate
        self.isInterior = isInterior
        self.trials = trials
        self.runs = runs
    }

    /// The losses of the runs that did not diverge, by seed.
    package var losses: [UInt64: Double] {
        Dictionary(runs.compactMap { run in run.loss.map { (run.seed, $0) } }) { first, _ in first }
    }

    /// The mean loss; nil if a run diverged or there is none.
    package var meanLoss: Double? {
        let found = runs.compactMap(\.loss)
        return found.count == runs.count ? SampleSummary(found)?.mean : nil
    }
}
