import Fisher

/// A table of runs: their configuration, progress and results.
public struct RunTable {
    /// A run and what is known of it.
    public typealias Run = (directory: RunDirectory, document: RunDocument)

    /// The keys by which rows can be sorted.
    public enum Order: String, CaseIterable, Sendable {
        /// The folder's path.
        case path
        /// The lowest validation loss.
        case best
        /// The validation loss after the last step.
        case final
        /// The steps made.
        case steps
        /// The time spent in steps.
        case seconds
        /// When the run began.
        case date
    }

    /// The rows.
    public let runs: [Run]

    /// Sorts runs, those without a value last.
    public init(_ runs: [Run], by order: Order, descending: Bool = false) {
        func compare<Key: Comparable>(_ key: (Run) -> Key?) -> [Run] {
            let keyed = runs.filter { key($0) != nil }.sorted { a, b in
                guard let x = key(a), let y = key(b) else { return false }
                return x == y ? a.directory.path < b.directory.path : (x < y) != descending
            }
            return keyed + runs.filter { key($0) == nil }
        }
        self.runs =
            switch order {
            case .path: compare { $0.directory.path }
            case .best: compare { $0.document.record.bestValidationLoss }
            case .final: compare { $0.document.record.completedLoss }
            case .steps: compare { $0.document.record.curve.last?.step }
            case .seconds: compare { $0.document.record.seconds }
            case .date: compare { $0.document.environment.date }
            }
    }

    /// Whether a run has a value: `key=value`, a key of its configuration, or `label`, `rule`, `phase`, `seed`.
    public static func matches(_ run: RunDocument, key: String, value: String) -> Bool {
        switch key {
        case "label": run.label == value
        case "rule": run.rule == value
        case "phase": run.phase.rawValue == value
        case "seed": "\(run.record.seed)" == value
        default: run.configurationText(key) == value
        }
    }

    /// The table, with further columns of configuration keys, fitted into a terminal of `width` columns.
    public func text(keys: [String] = [], width: Int? = nil) -> String {
        let number = NumberText.plain
        func loss(_ value: Double?) -> String { value.map { number.fixed($0, decimals: 4) } ?? "-" }
        func column(
            _ title: String, _ alignment: StudyTable.Alignment = .right, _ cell: @escaping (Run) -> String
        ) -> StudyColumn<Run> {
            StudyColumn([title], alignment) { .init(cell($0)) }
        }
        let best = runs.compactMap(\.document.record.bestValidationLoss).min()
        let columns = [
            column("Run", .left) { $0.directory.path },
            column("Optimizer", .left) { $0.document.label },
            column("Seed") { "\($0.document.record.seed)" },
            column("Phase", .left) { $0.document.phase.rawValue },
            column("Steps") { "\($0.document.record.curve.last?.step ?? 0)/\($0.document.steps)" },
            column("Best") {
                let own = $0.document.record.bestValidationLoss
                return loss(own) + (own == best && best != nil ? " *" : "  ")
            },
            column("Final") { loss($0.document.record.completedLoss) },
            column("Time") { number.duration(seconds: $0.document.record.seconds) },
        ]
        let further = keys.map { key in column(key) { $0.document.configurationText(key) ?? "-" } }
        return StudyTable(runs, columns + further).lines(width: width).joined(separator: "\n")
    }
}
