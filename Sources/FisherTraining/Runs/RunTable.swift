import Fisher
import FisherStudies

/// A table of runs and one of studies: configuration, progress and results.
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

    /// The runs, in the order of the table.
    public let runs: [RunListing.Run]
    /// The studies, in the order of the table.
    public let studies: [RunListing.Study]

    /// Sorts runs, those without a value last. Studies have a path and a date only.
    public init(
        _ runs: [RunListing.Run], _ studies: [RunListing.Study] = [], by order: Order,
        descending: Bool = false
    ) {
        func sorted<Row, Key: Comparable>(
            _ rows: [Row], _ path: (Row) -> String, _ key: (Row) -> Key?
        ) -> [Row] {
            let keyed = rows.filter { key($0) != nil }.sorted { a, b in
                guard let x = key(a), let y = key(b) else { return false }
                return x == y ? path(a) < path(b) : (x < y) != descending
            }
            return keyed + rows.filter { key($0) == nil }
        }
        func runsSorted<Key: Comparable>(_ key: (RunListing.Run) -> Key?) -> [RunListing.Run] {
            sorted(runs, \.directory.path, key)
        }
        self.runs =
            switch order {
            case .path: runsSorted { $0.directory.path }
            case .best: runsSorted { $0.document?.record.bestValidationLoss }
            case .final: runsSorted { $0.document?.record.completedLoss }
            case .steps: runsSorted { $0.document?.record.curve.last?.step }
            case .seconds: runsSorted { $0.document?.record.seconds }
            case .date: runsSorted { $0.document?.environment.date }
            }
        self.studies = sorted(studies, \.path) { order == .date ? $0.date : $0.path }
    }

    /// The keys that every run or study has, besides those of its configuration.
    public static let keys = ["label", "rule", "phase", "seed", "task", "name", "tag", "kind"]

    /// Whether a run has a value: `key=value`, one of ``keys`` or a key of its configuration.
    public static func matches(_ run: RunListing.Run, key: String, value: String) -> Bool {
        switch key {
        case "label": run.document?.label == value
        case "rule": run.document?.rule == value
        case "phase": run.state == value
        case "seed": run.document.map { "\($0.record.seed)" } == value
        case "task": run.document?.taskName == value
        case "kind": value == "run"
        case "name": run.marks.name == value
        case "tag": run.marks.tags.contains(value)
        default: run.document?.configurationText(key) == value
        }
    }

    /// Whether a study has a value: `kind=hierarchy`, `phase`, `task`, `name` or `tag`.
    public static func matches(_ study: RunListing.Study, key: String, value: String) -> Bool {
        switch key {
        case "kind": study.kind.rawValue == value
        case "phase": study.state == value
        case "task": study.task == value
        case "name": study.marks.name == value
        case "tag": study.marks.tags.contains(value)
        default: false
        }
    }

    /// The tables, that of the runs with further columns of configuration keys; a column that nobody has is left out; fitted
    /// into a terminal of `width` columns.
    public func text(keys: [String] = [], width: Int? = nil) -> String {
        [
            studies.isEmpty ? nil : studyTable.lines(width: width),
            runs.isEmpty ? nil : runTable(keys).lines(width: width),
        ].compactMap { $0?.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private func marked<Row>(_ rows: [Row], _ marks: @escaping (Row) -> RunMarks) -> [StudyColumn<Row>] {
        func column(_ title: String, _ text: @escaping (RunMarks) -> String?) -> StudyColumn<Row>? {
            guard rows.contains(where: { text(marks($0)) != nil }) else { return nil }
            return StudyColumn([title], .left) { .init(text(marks($0)) ?? "") }
        }
        return [
            column("Name") { $0.name },
            column("Tags") { $0.tags.isEmpty ? nil : $0.tags.joined(separator: " ") },
            column("Note") { $0.note },
        ].compactMap(\.self)
    }

    private var studyTable: StudyTable {
        func column(
            _ title: String, _ alignment: StudyTable.Alignment = .left,
            _ cell: @escaping (RunListing.Study) -> String
        ) -> StudyColumn<RunListing.Study> {
            StudyColumn([title], alignment) { .init(cell($0)) }
        }
        let columns = [
            column("Study") { $0.path }, column("Kind") { $0.kind.rawValue }, column("On") { $0.task },
            column("State") { $0.state },
            column("Done", .right) { "\($0.finished)/\($0.planned.map { "\($0)" } ?? "?")" },
            column("Best") { $0.best ?? "-" },
        ]
        return StudyTable(studies, columns + marked(studies) { $0.marks })
    }

    private func runTable(_ keys: [String]) -> StudyTable {
        let number = NumberText.plain
        func loss(_ value: Double?) -> String { value.map { number.fixed($0, decimals: 4) } ?? "-" }
        func column(
            _ title: String, _ alignment: StudyTable.Alignment = .right,
            _ cell: @escaping (RunListing.Run) -> String?
        ) -> StudyColumn<RunListing.Run> {
            StudyColumn([title], alignment) { .init(cell($0) ?? "-") }
        }
        let best = runs.compactMap { $0.document?.record.bestValidationLoss }.min()
        let columns = [
            column("Run", .left) { $0.directory.path },
            column("Optimizer", .left) { $0.document?.label },
            column("Seed") { $0.document.map { "\($0.record.seed)" } },
            column("Phase", .left) { $0.state },
            column("Steps") { run in
                run.document.map { "\($0.record.curve.last?.step ?? 0)/\($0.steps)" }
            },
            column("Best") {
                let own = $0.document?.record.bestValidationLoss
                return loss(own) + (own == best && best != nil ? " *" : "  ")
            },
            column("Final") { loss($0.document?.record.completedLoss) },
            column("Time") { $0.document.map { number.duration(seconds: $0.record.seconds) } },
        ]
        let further = keys.map { key in column(key) { $0.document?.configurationText(key) } }
        return StudyTable(runs, columns + further + marked(runs) { $0.marks })
    }
}
