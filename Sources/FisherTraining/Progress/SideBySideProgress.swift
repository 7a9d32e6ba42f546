/// What the display of a process has to show, told to the process that has the terminal.
package enum ProgressNews: Codable, Hashable, Sendable {
    /// A run began, or goes on from a step.
    case began(label: String, step: Int)
    /// It has made so many steps.
    case moved(step: Int)
    /// A line to show.
    case note(String)
    /// It ended.
    case ended(label: String, outcome: String, seconds: Double)
}

/// Shows runs that are made side by side: one line for all of them, and one for each that ends.
package final class SideBySideProgress {
    private let display: ProgressDisplay
    /// The steps made of each run, and those that it had when it began.
    private var places: [Int: (step: Int, before: Int)] = [:]

    /// Begins to show runs.
    ///
    /// - Parameters:
    ///   - display: where.
    ///   - count: the most at one time.
    ///   - runs: all of them.
    ///   - steps: the steps of each.
    package init(on display: ProgressDisplay, count: Int, runs: Int, steps: Int) {
        self.display = display
        display.beginTogether(count, runs: runs, steps: steps)
    }

    /// Shows what a run's process tells.
    ///
    /// - Parameters:
    ///   - news: what it tells.
    ///   - run: the run's number.
    package func show(_ news: ProgressNews, of run: Int) {
        switch news {
        case .began(_, let step):
            display.leaveOut(steps: step)
            places[run] = (step, step)
        case .moved(let step): places[run]?.step = step
        case .note(let line): display.note(line)
        case .ended(let label, let outcome, let seconds):
            display.endTogether(label, outcome, seconds: seconds)
        }
        display.update(step: places.values.reduce(0) { $0 + $1.step - $1.before })
    }

    /// Ends the line.
    package func finish() { display.finishTogether() }
}
