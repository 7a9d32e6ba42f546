import Foundation

/// One figure over the runs of a comparison.
public struct MeasureSummary: Sendable, Hashable, Encodable {
    /// The figure's name.
    public let name: String
    /// Its unit; empty for a pure number.
    public let unit: String
    /// Which values are better.
    public let better: TaskMeasure.Direction
    /// The values over the completed runs of each optimizer, in the order of the comparison; nil where none has it.
    public let values: [SampleSummary?]
    /// The figure of each optimizer's only completed run, whose interval is shown; nil where there are several or none.
    let single: [TaskMeasure?]

    /// Summarizes the figures of all runs, in the order in which the task gives them.
    static func all(of entries: [OptimizerEntry]) -> [MeasureSummary] {
        let taken = entries.map { entry in
            entry.runs.filter { $0.completedLoss != nil }.map { $0.measures ?? [] }
        }
        var known: [TaskMeasure] = []
        for measure in taken.joined().joined() where !known.contains(where: { $0.name == measure.name }) {
            known.append(measure)
        }
        return known.map { measure in
            let own = taken.map { runs in
                runs.compactMap { run in run.first { $0.name == measure.name && $0.value.isFinite } }
            }
            return MeasureSummary(
                name: measure.name, unit: measure.unit, better: measure.better,
                values: own.map { SampleSummary($0.map(\.value)) },
                single: own.map { $0.count == 1 ? $0[0] : nil })
        }
    }

    /// The value of an optimizer for readers: mean and standard deviation over its runs, or the only run's value with its
    /// interval.
    package func text(_ index: Int, _ text: NumberText) -> String {
        if let single = single[index] {
            return TaskMeasure.text(single.value, single.lower, single.upper, text)
        }
        guard let value = values[index] else { return "-" }
        let decimals = TaskMeasure.decimals(values.compactMap { $0?.mean })
        return text.spread(value, decimals: decimals)
    }

    /// The name as a key of comma-separated values: `word_error_rate`.
    var key: String {
        String(name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    private enum CodingKeys: String, CodingKey {
        case name, unit, better, values
    }
}
