import Fisher
import Foundation

/// The rungs of a study with what they were measured on.
public struct HierarchyComparison: Codable, Sendable {
    /// The model and its data.
    public let task: TaskSummary
    /// Where it ran.
    public let environment: EnvironmentSummary
    /// The rungs in the order of the study.
    public let rungs: [HierarchyLevel]

    /// Gathers rungs.
    public init(task: TaskSummary, environment: EnvironmentSummary, rungs: [HierarchyLevel]) {
        self.task = task
        self.environment = environment
        self.rungs = rungs
    }

    /// What the columns mean.
    public static let legend =
        "The angle is that between a rule's step and the exact natural gradient's. A decrease is what the step "
        + "takes off the batch's mean loss, in thousandths of a nat, at the rule's own length and at the best "
        + "length in its direction. The time is that of a whole step, and its ratio to plain gradient descent's."

    private static let titles = [
        ("rule", ""), ("information", ""), ("structure", ""), ("power", ""), ("angle", "degrees"),
        ("decrease", "own length, mnat"), ("decrease", "best length, mnat"), ("step", "ms"),
        ("step", "to SGD's"),
        ("state", "bytes"),
    ]

    private func cells(_ rung: HierarchyLevel) -> [String] {
        [
            rung.label, rung.source, rung.structure, rung.power, String(format: "%.1f", rung.angle),
            String(format: "%.2f", 1000 * rung.decrease),
            String(format: "%.2f", 1000 * rung.greatestDecrease),
            String(format: "%.2f", rung.milliseconds),
            String(format: "%.2f", rung.milliseconds / rung.baselineMilliseconds),
            NumberText.plain.grouped(rung.stateBytes),
        ]
    }

    /// The table for a terminal.
    public func text() -> String {
        let rows = rungs.map(cells)
        let columns = Self.titles.enumerated().map { column, title in
            TextTable.Column(
                [title.0] + title.1.split(separator: ", ").map(String.init), column < 4 ? .left : .right,
                rows.map { TextTable.Cell($0[column]) })
        }
        return (TextTable(columns).lines(usesColor: false) + ["", Self.legend]).joined(separator: "\n")
    }

    /// The result for programs.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(self)
    }

    /// The rungs as a table with commas.
    public func csv() -> String {
        let head =
            "rule,cosine,angle_degrees,decrease_nats,greatest_decrease_nats,step_ms,sgd_step_ms,state_bytes"
        let rows = rungs.map { rung in
            let label = "\"" + rung.label.replacingOccurrences(of: "\"", with: "\"\"") + "\""
            let numbers = [
                rung.cosine, rung.angle, rung.decrease, rung.greatestDecrease, rung.milliseconds,
                rung.baselineMilliseconds,
            ].map { "\($0)" }
            return ([label] + numbers + ["\(rung.stateBytes)"]).joined(separator: ",")
        }
        return ([head] + rows).joined(separator: "\n") + "\n"
    }

    /// One HTML page that needs nothing else.
    public func report() -> String {
        let titles = [Self.titles[0]] + Self.titles.dropFirst(4)
        let rows = rungs.enumerated().map { index, rung in
            let own = "\(rung.source); \(rung.structure); power \(rung.power)"
            let name = Markup.tag(
                "span", ["class": "name"], [.text(rung.label), .tag("span", ["class": "minor below"], own)])
            return Markup.tableRow(
                [[SeriesStyle(index: index).swatch, name]] + cells(rung).dropFirst(4).map { [.text($0)] },
                titles)
        }
        let chart = PointChart(
            title: "Accuracy against cost",
            horizontalTitle: "time of a step, in steps of plain gradient descent",
            verticalTitle: "cosine of the angle to the exact natural gradient",
            points: rungs.enumerated().map { index, rung in
                PointChart.Point(
                    label: rung.label, style: SeriesStyle(index: index),
                    x: rung.milliseconds / rung.baselineMilliseconds, y: rung.cosine)
            }, verticalDomain: min(0, rungs.map(\.cosine).min() ?? 0)...1.02)
        return ReportPage(
            title: "\(task.name): the hierarchy of optimizers",
            sections: [
                .tag(
                    "header", [:],
                    [
                        .tag("p", ["class": "eyebrow"], "From the identity to the whole Fisher information"),
                        .tag("h1", [:], task.name), .tag("p", ["class": "description"], task.description),
                    ]),
                chart.figure(
                    id: "cost", note: "Up is nearer to the natural gradient, left is cheaper."),
                .tag(
                    "section", [:],
                    [
                        .tag("h2", [:], "Rungs"), .table(titles, rows, class: "results"),
                        .tag("p", ["class": "note"], Self.legend),
                    ]),
                .configuration(task, environment), .reportFooter(environment),
            ]
        ).source
    }

    /// Writes `results.json`, `results.csv` and `report.html` into a folder, each whole or not at all.
    public func write(to folder: String) throws {
        let files = ComparisonFiles(folder: folder)
        try files.makeFolder()
        try ComparisonFiles.replaceFile(at: files.json, with: try json())
        try ComparisonFiles.replaceFile(at: files.csv, with: Data(csv().utf8))
        try ComparisonFiles.replaceFile(at: files.report, with: Data(report().utf8))
    }
}
