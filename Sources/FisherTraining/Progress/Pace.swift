/// The rate of steps and examples over the latest part of a run.
struct Pace: Sendable {
    private struct Mark {
        var time = 0.0
        var step = 0
        var examples: Int?
    }

    private var start = Mark()
    /// Recent marks, the oldest first; rates are taken from its first to its last.
    private var window: [Mark] = []

    /// The seconds over which a rate is measured, and the least time between two marks.
    private static let span = 15.0
    private static let spacing = 0.5

    /// A pace without any record.
    init() {}

    /// A pace that begins with steps made before.
    init(time: Double, step: Int, examples: Int) {
        start = Mark(time: time, step: step, examples: examples)
        window = [start]
    }

    /// Records the progress of a run.
    mutating func record(time: Double, step: Int, examples: Int?) {
        let mark = Mark(time: time, step: step, examples: examples)
        // Marks closer together than the spacing replace one another, so that the window stays small.
        if window.count > 2, time - window[window.count - 2].time < Self.spacing { window.removeLast() }
        window.append(mark)
        while window.count > 2, time - window[1].time > Self.span { window.removeFirst() }
    }

    /// Seconds since the run began.
    func elapsed(at time: Double) -> Double { max(time - start.time, 0) }

    /// Steps made since the run began here.
    var steps: Int { max((window.last?.step ?? start.step) - start.step, 0) }

    /// Seconds for a step; nil before the first.
    var secondsPerStep: Double? {
        guard let first = window.first, let last = window.last, last.step > first.step else { return nil }
        return max(last.time - first.time, 0) / Double(last.step - first.step)
    }

    /// Examples in a second; nil if none are counted or no time has passed.
    var examplesPerSecond: Double? {
        guard let first = window.first?.examples, let last = window.last?.examples, last > first else {
            return nil
        }
        let seconds = (window.last?.time ?? 0) - (window.first?.time ?? 0)
        return seconds > 0 ? Double(last - first) / seconds : nil
    }
}
