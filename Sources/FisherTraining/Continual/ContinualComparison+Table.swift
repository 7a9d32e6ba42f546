import Foundation

extension ContinualComparison {
    /// A number over a method's completed runs, with the standard error of its mean.
    struct Figure {
        let summary: SampleSummary?

        init(_ entry: ContinualEntry, _ value: (ContinualRecord) -> Double?) {
            summary = SampleSummary(entry.runs.compactMap(value))
        }

        /// `0.612 ± 0.013`, a single run without the second number.
        func text(_ style: NumberText) -> String {
            guard let summary else { return "-" }
            let mean = style.fixed(summary.mean, decimals: 3)
            return mean + (summary.standardError.map { " ± " + style.fixed($0, decimals: 3) } ?? "")
        }
    }

    /// The table as plain text, for a terminal or a file.
    public func text() -> String {
        let style = NumberText.plain
        func column(_ titles: [String], _ value: (ContinualRecord) -> Double?) -> TextTable.Column {
            TextTable.Column(titles, .right, entries.map { .init(Figure($0, value).text(style)) })
        }
        let table = TextTable([
            TextTable.Column(["Method"], .left, entries.map { .init(DisplayWidth.printable($0.method)) }),
            TextTable.Column(
                ["Strength"], .right,
                entries.map { .init($0.strength.map { NumberText.short($0) } ?? "-") }),
            column(["Average", "accuracy"], \.averageAccuracy),
            column(["Forgetting"], \.forgetting),
            column(["Accuracy when", "just learned"], \.learningAccuracy),
            TextTable.Column(
                ["Seconds", "a run"], .right,
                entries.map { entry in
                    .init(
                        SampleSummary(entry.runs.map(\.seconds)).map { style.fixed($0.mean, decimals: 1) }
                            ?? "-")
                }),
            TextTable.Column(["Runs"], .right, entries.map { .init("\($0.runs.count)") }),
        ])
        var lines = table.lines(usesColor: false)
        lines += [""] + DisplayWidth.wrapped(ContinualComparison.legend, width: 100)
        lines += warnings.flatMap { DisplayWidth.wrapped("Warning: \($0).", width: 100) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What the columns mean.
    static let legend =
        "Average accuracy: over all tasks after the last one. Forgetting: how far the accuracy on a task fell "
        + "from its best, averaged over all tasks but the last. ± is the standard error over seeds."
}

extension SampleSummary {
    /// The standard deviation of the mean; nothing for a single number.
    public var standardError: Double? { standardDeviation.map { $0 / Double(count).squareRoot() } }
}

extension NumberText {
    /// A number as short as it can be written: `100`, `0.1`, `1e+06`.
    static func short(_ value: Double) -> String { String(format: "%g", value) }
}
