import Foundation

/// Shows how far a training run, or a whole comparison of runs, has come.
///
/// On a terminal it is a single line that is redrawn and, when a run ends, replaced by the run's result;
/// elsewhere whole lines, few and without control characters. It owns the terminal's last line: other
/// messages while it is shown go through `note`.
///
///     let display = ProgressDisplay(runCount: 2)
///     display.begin("adamw, seed 0", totalSteps: 400)
///     display.update(step: 10, loss: 3.2, examples: 10_240)
///     display.endRun("2.289 nats/byte")
///     display.finish()
public final class ProgressDisplay {
    private let output: ProgressOutput
    private let now: () -> Double
    private var runCount: Int
    private var state: ProgressState?
    private var runsEnded = 0
    private var pace = Pace()
    /// How long the runs took that ended, in seconds and steps made here.
    private var past = (seconds: 0.0, steps: 0)
    private var lastShown: (time: Double, step: Int)?
    private var hasOpenLine = false
    /// What shows the progress in place of this process; nil where it is shown here.
    private var forward: ((ProgressNews) -> Void)?
    /// The runs of those side by side that have not ended, and the steps of each; nil for runs one after another.
    private var together: (runsLeft: Int, steps: Int)?

    /// Seconds between two drawings of a terminal's line.
    private static let redrawInterval = 0.1
    /// The least and the most seconds between two lines of a file, if no tenth of a run is over before.
    private static let lineInterval = (least: 3.0, most: 60.0)

    /// A display for a number of runs.
    ///
    /// - Parameters:
    ///   - runCount: How many runs will be begun.
    ///   - output: Where it is shown.
    ///   - now: A clock that only runs forward, in seconds.
    public init(
        runCount: Int = 1, output: ProgressOutput = .standardError(),
        now: @escaping () -> Double = { ProcessInfo.processInfo.systemUptime }
    ) {
        self.runCount = runCount
        self.output = output
        self.now = now
    }

    /// A display that tells another process what to show.
    package convenience init(forwarding forward: @escaping (ProgressNews) -> Void) {
        self.init(
            output: ProgressOutput(isTerminal: false, usesColor: false, width: { 80 }, write: { _ in }))
        self.forward = forward
    }

    /// Counts runs that were not known of at the beginning.
    public func expect(more runs: Int) { runCount += runs }

    /// Begins a run.
    ///
    /// - Parameters:
    ///   - label: The run's name, for example the optimizer and the seed.
    ///   - totalSteps: The steps it will have made at its end.
    ///   - step: The steps made before, in a run that is resumed.
    ///   - examples: The examples trained on before, in a run that is resumed.
    ///   - unit: What the examples are, in the plural.
    public func begin(
        _ label: String, totalSteps: Int, step: Int = 0, examples: Int = 0, unit: String = "examples"
    ) {
        state = ProgressState(
            label: label, run: runsEnded + 1, runCount: runCount, step: step, totalSteps: totalSteps,
            unit: unit)
        pace = Pace(time: now(), step: step, examples: examples)
        lastShown = nil
        forward?(.began(label: label, step: step))
        show(force: true)
    }

    /// Begins runs that are made side by side, which share the line of progress.
    ///
    /// - Parameters:
    ///   - count: The most at one time.
    ///   - runs: All of them.
    ///   - steps: The steps of each.
    func beginTogether(_ count: Int, runs: Int, steps: Int) {
        together = (runs, steps)
        begin("\(count) runs side by side", totalSteps: runs * steps)
    }

    /// Counts steps of runs side by side that were made before, when they are resumed.
    func leaveOut(steps: Int) { state?.totalSteps -= steps }

    /// Ends one of the runs side by side and leaves a line with its result.
    func endTogether(_ label: String, _ outcome: String, seconds: Double) {
        runsEnded += 1
        together?.runsLeft -= 1
        state?.run = min(runsEnded + 1, runCount)
        tell(runsEnded, label, outcome, seconds)
    }

    /// Ends the line of runs side by side.
    func finishTogether() {
        past.seconds += pace.elapsed(at: now())
        past.steps += pace.steps
        together = nil
        finish()
    }

    /// Records a step; draws only if the last drawing is long enough ago.
    ///
    /// - Parameters:
    ///   - step: The steps made so far.
    ///   - loss: The latest loss.
    ///   - examples: The examples trained on so far, for the rate; nil if examples are not counted.
    public func update(step: Int, loss: Double? = nil, examples: Int? = nil) {
        guard var state else { return }
        pace.record(time: now(), step: step, examples: examples)
        state.step = step
        if let loss { state.loss = loss }
        state.examplesPerSecond = pace.examplesPerSecond
        state.secondsLeft = pace.secondsPerStep.map { $0 * Double(max(state.totalSteps - step, 0)) }
        state.totalSecondsLeft = totalSecondsLeft(state)
        self.state = state
        show(force: false)
    }

    /// Writes a line of text above the progress.
    public func note(_ message: String) {
        forward?(.note(message))
        let message = message.printable
        let cleared = hasOpenLine ? Self.clear : ""
        output.write(cleared + message + "\n")
        hasOpenLine = false
        if output.isTerminal && state != nil { show(force: true) }
    }

    /// Ends the run and leaves one line with its result.
    public func endRun(_ outcome: String) {
        guard let ended = state else { return }
        let elapsed = pace.elapsed(at: now())
        past.seconds += elapsed
        past.steps += pace.steps
        state = nil
        runsEnded += 1
        if let forward { return forward(.ended(label: ended.label, outcome: outcome, seconds: elapsed)) }
        tell(ended.run, ended.label, outcome, elapsed)
    }

    private func tell(_ number: Int, _ label: String, _ outcome: String, _ seconds: Double) {
        let place = runCount > 1 ? "[\(number)/\(runCount)] " : ""
        note("\(place)\(label): \(outcome) (\(NumberText.plain.duration(seconds: seconds)))")
    }

    /// Removes the progress; the cursor is at the beginning of an empty line.
    public func finish() {
        if hasOpenLine { output.write(Self.clear) }
        hasOpenLine = false
        state = nil
    }

    /// Back to the first column, and erase to the end of the line.
    private static let clear = "\r\u{1B}[K"

    private func show(force: Bool) {
        guard let state else { return }
        let time = now()
        if !force, let lastShown, !isDue(state, time, after: lastShown) { return }
        if output.isTerminal {
            // The last column is left free: some terminals wrap as soon as it is written to.
            let line = ProgressLine.terminal(
                state, width: max(output.width() - 1, 1), usesColor: output.usesColor
            )
            output.write(Self.clear + line)
            hasOpenLine = true
        } else {
            output.write(ProgressLine.plain(state) + "\n")
        }
        lastShown = (time, state.step)
        forward?(.moved(step: state.step))
    }

    private func isDue(_ state: ProgressState, _ time: Double, after last: (time: Double, step: Int)) -> Bool
    {
        let passed = time - last.time
        if output.isTerminal || forward != nil {
            return passed >= Self.redrawInterval || state.step == state.totalSteps
        }
        if passed >= Self.lineInterval.most { return true }
        let tenth = max(state.totalSteps / 10, 1)
        return passed >= Self.lineInterval.least && state.step / tenth > last.step / tenth
    }

    /// This run's rest, and for each run to come as many steps at the pace of all steps so far.
    private func totalSecondsLeft(_ state: ProgressState) -> Double? {
        guard let secondsLeft = state.secondsLeft else { return nil }
        let steps = past.steps + pace.steps
        guard steps > 0 else { return nil }
        let secondsPerStep = (past.seconds + pace.elapsed(at: now())) / Double(steps)
        let toCome =
            together.map { (runCount - runsEnded - $0.runsLeft, $0.steps) }
            ?? (runCount - state.run, state.totalSteps)
        return secondsLeft + Double(max(toCome.0, 0)) * Double(toCome.1) * secondsPerStep
    }
}
