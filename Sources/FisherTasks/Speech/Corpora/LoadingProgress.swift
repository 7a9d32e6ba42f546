import FisherTraining
import Foundation

/// Says every few seconds how far the reading of data has come.
final class LoadingProgress {
    private let output: ProgressOutput?
    private var shown = ProcessInfo.processInfo.systemUptime
    private let interval = 4.0

    /// Writes to an output; nil for silence.
    init(_ output: ProgressOutput? = .standardError()) { self.output = output }

    /// Writes a line, unless the last one, or the beginning, is a moment ago.
    func show(_ done: Int, of count: Int, _ what: String) {
        let now = ProcessInfo.processInfo.systemUptime
        guard let output, now - shown >= interval else { return }
        shown = now
        output.write("\(done) of \(count) \(what)\n")
    }
}
