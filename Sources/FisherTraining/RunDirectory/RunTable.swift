import Fisher

/// A table of runs at a glance: what they were, how far they came, what they reached.
public struct RunTable {
    /// A run and what is known of it.
    public typealias Run = (directory: RunDirectory, document: RunDocument)

    /// What the rows can be sorted by.
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
        default: run.configuration[key].map { unquoted($0) == value } ?? false
        }
    }

    /// The table, with further columns of configuration keys.
    public func text(keys: [String] = []) -> String {
        let number = NumberText.plain
        func loss(_ value: Double?) -> String { value.map { number.fixed($0, decimals: 4) } ?? "-" }
        func column(
            _ title: String, _ alignment: TextTable.Alignment, _ cell: (Run) -> String
        ) -> TextTable.Column {
            TextTable.Column([title], alignment, runs.map { .init(DisplayWidth.printable(cell($0))) })
        }
        let best = runs.compactMap(\.document.record.bestValidationLoss).min()
        var columns = [
            column("Run", .left) { $0.directory.path },
            column("Optimizer", .left) { $0.document.label },
            column("Seed", .right) { "\($0.document.record.seed)" },
            column("Phase", .left) { $0.document.phase.rawValue },
            column("Steps", .right) { "\($0.document.record.curve.last?.step ?? 0)/\($0.document.steps)" },
            column("Best", .right) {
                let own = $0.document.record.bestValidationLoss
                return loss(own) + (own == best && best != nil ? " *" : "  ")
            },
            column("Final", .right) { loss($0.document.record.completedLoss) },
            column("Time", .right) { number.duration(seconds: $0.document.record.seconds) },
        ]
        columns += keys.map { key in
            column(key, .left) { $0.document.configuration[key].map(RunTable.unquoted) ?? "-" }
        }
        return TextTable(columns).lines(usesColor: false).joined(separator: "\n")
    }

    private static func unquoted(_ toml: String) -> String {
        toml.count > 1 && toml.hasPrefix("\"") && toml.hasSuffix("\"")
            ? String(toml.dropFirst().dropLast()) : toml
    }
}
