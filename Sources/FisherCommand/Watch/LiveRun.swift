import Fisher
import FisherStudies
import FisherTraining
import Foundation

/// A run as it stands now: its document, and the steps of its log that the document does not have yet.
struct LiveRun {
    /// What is known of the run, the latest steps included.
    private(set) var document: RunDocument
    /// The folder.
    let directory: RunDirectory
    /// Whether a process is at work on it.
    let isAtWork: Bool

    /// Reads a run; throws `StorageError` if it is not as it was written.
    init(_ directory: RunDirectory) throws(StorageError) {
        self.directory = directory
        isAtWork = FolderLock.isHeld(folder: directory.path)
        document = try directory.document()
        if document.phase == .running {
            appendLatest()
            document.record.status = .interrupted(step: step)
        }
    }

    /// The most points that are added, and the bytes at the log's end that are looked at for them.
    private static let (mostPoints, tail) = (60, 1 << 18)

    private struct Line: Decodable {
        let step: Double
        let tokens: Double
        let seconds: Double
        let loss: Double
    }

    /// Adds the training losses of the log after the curve's last point, a mean over some steps each.
    private mutating func appendLatest() {
        let last = document.record.curve.last?.step ?? 0
        let lines = Self.lines(of: directory.metricsFile).filter { Int($0.step) > last }
        let size = max(1, (lines.count + Self.mostPoints - 1) / Self.mostPoints)
        for start in stride(from: 0, to: lines.count, by: size) {
            let group = lines[start..<min(start + size, lines.count)]
            guard let end = group.last else { continue }
            document.record.curve.append(
                CurvePoint(
                    step: Int(end.step), tokens: Int(end.tokens), seconds: end.seconds,
                    trainingLoss: group.reduce(0) { $0 + $1.loss } / Double(group.count)))
        }
    }

    /// The steps at the end of a log, whole lines only; those that are no steps are left out.
    private static func lines(of path: String) -> [Line] {
        guard let file = try? FileReader(path, followingLinks: false) else { return [] }
        let start = max(0, file.byteCount - tail)
        guard let bytes = try? file.bytes(at: start, count: file.byteCount - start) else { return [] }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        if start > 0 { lines = lines.dropFirst() }
        return lines.compactMap { line in
            guard let found = try? JSONDecoder().decode(Line.self, from: Data(line)) else { return nil }
            return (0...1e15).contains(found.step) && (0...1e18).contains(found.tokens) ? found : nil
        }
    }

    /// The step that was made last.
    var step: Int { document.record.curve.last?.step ?? 0 }

    /// How far the run is and whether anybody works on it, in a sentence.
    var sentence: String {
        let loss = document.record.curve.last.flatMap { $0.trainingLoss }
        let place =
            "\(document.label), \(RunRecord.name(ofSeed: document.record.seed)): step \(NumberText.plain.grouped(step)) of "
            + NumberText.plain.grouped(document.steps)
            + (loss.map { ", training loss \(NumberText.plain.fixed($0, decimals: 4))" } ?? "")
        switch document.phase {
        case .completed: return "The run has ended. \(place)"
        case .stoppedEarly: return "The run has ended early, as its patience was exhausted. \(place)"
        case .diverged: return "The run has diverged. \(place)"
        case .interrupted where !isAtWork: return "The run was stopped; --resume continues it. \(place)"
        case .running where !isAtWork:
            return "The run was killed: no process works on it; --resume continues it. \(place)"
        case .running, .interrupted: return place
        }
    }
}
