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
    /// Examples trained on in a second.
    var examplesPerSecond: Double?
    /// What these examples are, in the plural.
    var unit = "examples"
    /// Seconds until this run ends.
    var secondsLeft: Double?
    /// Seconds until the last run ends.
    var totalSecondsLeft: Double?

    /// The done share of this run, within 0...1.
    var fraction: Double {
        totalSteps > 0 ? min(max(Double(step) / Double(totalSteps), 0), 1) : 0
    }
}

/// Lays out one line of progress: everything if there is room, otherwise the essential.
enum ProgressLine {
    /// Fewer columns do not show that a bar moves.
    private static let leastBar = 6
    /// The least and the most columns of a label.
    private static let leastLabel = 12
    private static let mostLabel = 36

    /// The line for a terminal, never wider than `width`.
    static func terminal(_ state: ProgressState, width: Int, usesColor: Bool) -> String {
        let text = NumberText.plain
        let count = "\(text.grouped(state.step))/\(text.grouped(state.totalSteps))"
        // In the order of importance: the last is omitted first.
        let details = [
            state.loss.map { "loss " + text.fixed($0, decimals: 3) },
            state.secondsLeft.map { text.duration(seconds: $0) + " left" },
            state.examplesPerSecond.map { text.compact($0) + " \(state.unit)/s" },
            state.totalSecondsLeft.flatMap { left in
                state.runCount > 1 ? "all " + text.duration(seconds: left) : nil
            },
        ].compactMap { $0 }
        for shown in stride(from: details.count, through: 0, by: -1) {
            let tail = ([count] + details.prefix(shown)).joined(separator: "  ")
            let room = width - DisplayWidth.of(tail) - 2
            let head = label(state, width: min(max(room - leastBar - 2, 0), mostLabel))
            let bar = min(room - DisplayWidth.of(head) - 2, 24)
            // The rates are omitted in favor of the label's end with the seed; loss and time left are not.
            let needed = min(shown > 2 ? mostLabel : leastLabel, DisplayWidth.of(label(state, width: .max)))
            if DisplayWidth.of(head) >= needed, bar >= leastBar {
                return head + "  " + self.bar(state.fraction, width: bar, usesColor: usesColor) + "  " + tail
            }
        }
        let name = label(state, width: max(width - DisplayWidth.of(count) - 2, 0))
        return DisplayWidth.cut(name.isEmpty ? count : name + "  " + count, to: width)
    }

    /// The line for a file: no bar, no escapes, everything in it.
    static func plain(_ state: ProgressState) -> String {
        let text = NumberText.plain
        let percent = Int((state.fraction * 100).rounded(.down))
        var parts = [
            label(state, width: .max) + ": step \(text.grouped(state.step)) of "
                + "\(text.grouped(state.totalSteps)) (\(percent) %)"
        ]
        if let loss = state.loss { parts.append("loss " + text.fixed(loss, decimals: 4)) }
        if let rate = state.examplesPerSecond { parts.append(text.compact(rate) + " \(state.unit)/s") }
        if let left = state.secondsLeft { parts.append(text.duration(seconds: left) + " left") }
        if state.runCount > 1, let left = state.totalSecondsLeft {
            parts.append(text.duration(seconds: left) + " for all runs")
        }
        return parts.joined(separator: ", ")
    }

    private static func label(_ state: ProgressState, width: Int) -> String {
        let number = state.runCount > 1 ? "[\(state.run)/\(state.runCount)] " : ""
        return DisplayWidth.cut(number + state.label.printable, to: width)
    }

    private static func bar(_ fraction: Double, width: Int, usesColor: Bool) -> String {
        let filled = Int((fraction * Double(width)).rounded(.down))
        let done = String(repeating: "━", count: filled)
        let rest = String(repeating: usesColor ? "━" : "┈", count: width - filled)
        return usesColor ? "\u{1B}[36m\(done)\u{1B}[0m\u{1B}[2m\(rest)\u{1B}[0m" : done + rest
    }
}
