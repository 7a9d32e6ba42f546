import Fisher
import FisherStudies

/// What differs between two runs or two comparisons.
package struct RunDifference: Codable, Hashable, Sendable {
    /// A key with two values; nil where one of them lacks it.
    package struct Key: Codable, Hashable, Sendable {
        package let key: String
        package let first: String?
        package let second: String?
    }

    /// A result of both; nil where one of them has none.
    package struct Result: Codable, Hashable, Sendable {
        package let name: String
        package let first: Double?
        package let second: Double?
        /// The second less the first.
        package let difference: Double?

        init(_ name: String, _ first: Double?, _ second: Double?) {
            (self.name, self.first, self.second) = (name, first, second)
            difference = first.flatMap { first in second.map { $0 - first } }
        }
    }

    /// A comparison with the file of what was asked for.
    package struct Comparison {
        let result: OptimizerComparison
        let values: [String: String]

        /// Joins results and configuration; without one the settings that the results name are compared.
        package init(_ result: OptimizerComparison, configuration: ConfigurationLayer?) {
            self.result = result
            let pairs =
                configuration?.values.map { ($0.key, $0.pieces.joined(separator: ", ")) }
                ?? result.task.settings.map { ($0.name, $0.value) }
            values = Dictionary(pairs, uniquingKeysWith: { $1 })
        }
    }

    /// The keys whose values differ, by name.
    package let configuration: [Key]
    /// The results of both.
    package let results: [Result]

    /// Compares two runs.
    package init(of first: RunDocument, and second: RunDocument) {
        func values(_ run: RunDocument) -> [String: String] {
            var values = Dictionary(
                run.configuration.keys.map { ($0, run.configurationText($0) ?? "") }, uniquingKeysWith: { $1 }
            )
            if values.isEmpty {
                values = Dictionary(run.options.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            }
            values["task"] = run.task.description
            values["data"] = run.dataFingerprint
            values["threads"] = "\(run.environment.threads)"
            values["device"] = run.environment.device ?? "cpu"
            values["products"] = run.environment.products ?? "engine"
            values["training.steps"] = "\(run.steps)"
            return values
        }
        configuration = Self.keys(values(first), values(second))
        func measure(_ run: RunDocument, _ name: String) -> Double? {
            run.record.measures?.first { $0.name == name }?.value
        }
        let measures = (first.record.measures ?? []) + (second.record.measures ?? [])
        results =
            [
                Result("final loss", first.record.completedLoss, second.record.completedLoss),
                Result("best loss", first.record.bestValidationLoss, second.record.bestValidationLoss),
            ]
            + measures.map(\.name).firstOccurrences.map {
                Result($0, measure(first, $0), measure(second, $0))
            } + [
                Result(
                    "steps made", first.record.curve.last.map { Double($0.step) },
                    second.record.curve.last.map { Double($0.step) }),
                Result("seconds in steps", first.record.seconds, second.record.seconds),
                Result(
                    "gradient, ms a step", first.record.forwardBackwardMilliseconds,
                    second.record.forwardBackwardMilliseconds),
                Result(
                    "optimizer, ms a step", first.record.optimizerMilliseconds,
                    second.record.optimizerMilliseconds),
                Result(
                    "state, bytes", Double(first.record.stateBytes), Double(second.record.stateBytes)),
            ]
    }

    /// Compares two comparisons: the means of the final losses of each optimizer.
    package init(of first: Comparison, and second: Comparison) {
        configuration = Self.keys(first.values, second.values)
        func entry(_ comparison: Comparison, _ label: String) -> OptimizerEntry? {
            comparison.result.entries.first { $0.label == label }
        }
        func mean(_ entry: OptimizerEntry?) -> Double? {
            entry.flatMap { SampleSummary(Array($0.finalLosses.values))?.mean }
        }
        let labels = (first.result.entries + second.result.entries).map(\.label).firstOccurrences
        results = labels.map { label in
            let (a, b) = (entry(first, label), entry(second, label))
            let counts = [a, b].map { $0.map { "\($0.finalLosses.count)" } ?? "-" }
            return Result(
                "\(label), final loss (\(counts[0]) and \(counts[1]) runs)", mean(a), mean(b))
        }
    }

    private static func keys(_ first: [String: String], _ second: [String: String]) -> [Key] {
        Set(first.keys).union(second.keys).sorted().filter { first[$0] != second[$0] }.map {
            Key(key: $0, first: first[$0], second: second[$0])
        }
    }

    /// The tables, with the names of both in their heads, fitted into a terminal of `width` columns.
    package func text(_ first: String, _ second: String, width: Int? = nil) -> String {
        func number(_ value: Double?) -> String { value.map(NumberText.short) ?? "-" }
        let keys = StudyTable(
            configuration,
            [
                StudyColumn(["Key"], .left) { .init($0.key) },
                StudyColumn([first], .left) { .init($0.first ?? "-") },
                StudyColumn([second], .left) { .init($0.second ?? "-") },
            ])
        let table = StudyTable(
            results,
            [
                StudyColumn(["Result"], .left) { .init($0.name) },
                StudyColumn([first]) { .init(number($0.first)) },
                StudyColumn([second]) { .init(number($0.second)) },
                StudyColumn(["Difference"]) { .init(number($0.difference)) },
            ])
        let head = configuration.isEmpty ? ["No key of the configuration differs."] : keys.lines(width: width)
        return (head + [""] + table.lines(width: width)).joined(separator: "\n")
    }
}
