import Fisher
import FisherTraining

/// The times of whole training steps of one model with several optimizers.
public struct StepTimings: StudyDocument {
    /// One optimizer; times are medians over the turns, in milliseconds.
    public struct Result: Codable, Sendable {
        /// The optimizer's label.
        public let optimizer: String
        /// The whole step.
        public let milliseconds: Double
        /// The whole step in the fastest turn.
        public let fastest: Double
        /// The whole step in the slowest turn.
        public let slowest: Double
        /// Making the batch.
        public let dataMilliseconds: Double
        /// The forward and the backward pass, and the exchange of sums where processes share a batch.
        public let gradientMilliseconds: Double
        /// Computing further statistics for the rule.
        public let statisticsMilliseconds: Double
        /// The rule and the writing of the parameters.
        public let updateMilliseconds: Double
        /// Statistics and rule together; nil in files of former versions, as the next two.
        public let ruleMilliseconds: Double?
        /// The same in the fastest turn.
        public let ruleFastest: Double?
        /// The same in the slowest turn.
        public let ruleSlowest: Double?
        /// The whole step over the first optimizer's within a turn, the median over the turns.
        public let ratio: Double
        /// Where the middle half of the ratios begins.
        public let lowerQuartile: Double
        /// Where the middle half of the ratios ends.
        public let upperQuartile: Double
        /// The bytes of the state, of one process where several share a batch.
        public let stateBytes: Int
    }

    /// The network's name.
    public let network: String
    /// What a batch counts; nil in files of former versions.
    public let unit: String?
    /// The units of a batch.
    public let batch: Int
    /// The tokens of a unit; nil where it is none of tokens, and in files of former versions.
    public var tokensPerUnit: Int?
    /// The number of threads that computed.
    public let threads: Int
    /// The number of turns.
    public let turns: Int
    /// The steps of a turn.
    public let steps: Int
    /// The processor as the system names it.
    public let processor: String
    /// The version of libtorch.
    public let engine: String
    /// One result per candidate.
    public let results: [Result]
    /// What was asked for and cannot be timed on this processor; nil if there is nothing.
    public var unmeasured: [String]?
    /// The number of processes that shared the batch; nil for one alone.
    public var processes: Int?
    /// What else the machine did meanwhile; nil where it is not known, and in files of former versions.
    public var load: MachineLoad?

    /// The name of the document in messages.
    public static let kind = "a result of fisher bench step"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// The timed subject and the machine.
    public var title: String {
        let work =
            processes.map { "\($0) processes of \(threads) thread\(threads == 1 ? "" : "s")" }
            ?? "\(threads) threads"
        return
            "\(network): batch \(batch)\(unit.map { " \($0)s" } ?? ""), \(work), \(turns) turns of \(steps) steps"
    }

    /// What a second brings, as the heading of a column, and how much of it a unit of a batch is.
    private var rate: (heading: String, perUnit: Double) {
        tokensPerUnit.map { ("tokens/s", Double($0)) } ?? ("\(unit ?? "unit")s/s", 1)
    }

    /// One row per optimizer.
    public var overview: StudyTable {
        typealias Row = (label: String, result: Result?)
        func number(
            _ title: String, key: String, decimals: Int, _ value: @escaping (Result) -> Double
        ) -> StudyColumn<Row> {
            StudyColumn([title], key: key, field: { $0.result.map { "\(value($0))" } ?? "" }) { row in
                .init(row.result.map { NumberText.plain.fixed(value($0), decimals: decimals) } ?? "")
            }
        }
        let units = Double(batch) * rate.perUnit
        let text = NumberText.plain
        var rows: [Row] = results.map { ($0.optimizer, $0) }
        for label in unmeasured ?? [] { rows.append((label, nil)) }
        return StudyTable(
            rows,
            [
                StudyColumn(["optimizer"], key: "optimizer", .left) { .init($0.label) },
                StudyColumn(
                    ["ms per step"] + load.marks, key: "step_ms",
                    field: { $0.result.map { "\($0.milliseconds)" } ?? "" }
                ) { row in
                    .init(
                        row.result.map { text.fixed($0.milliseconds, decimals: 2) } ?? "not measurable here")
                },
                number(rate.heading, key: "units_per_second", decimals: 0) { 1000 * units / $0.milliseconds },
                number("fastest", key: "fastest_ms", decimals: 2, \.fastest),
                number("slowest", key: "slowest_ms", decimals: 2, \.slowest),
                number("data", key: "data_ms", decimals: 2, \.dataMilliseconds),
                number("passes", key: "passes_ms", decimals: 2, \.gradientMilliseconds),
                number("statistics", key: "statistics_ms", decimals: 2, \.statisticsMilliseconds),
                number("update", key: "update_ms", decimals: 2, \.updateMilliseconds),
                number("ratio", key: "ratio", decimals: 2, \.ratio),
                .field("ratio_lower_quartile", number: { $0.result?.lowerQuartile }),
                .field("ratio_upper_quartile", number: { $0.result?.upperQuartile }),
                StudyColumn(["middle half"]) { row in
                    .init(
                        row.result.map {
                            text.fixed($0.lowerQuartile, decimals: 2) + "-"
                                + text.fixed($0.upperQuartile, decimals: 2)
                        } ?? "")
                },
                number("state, MB", key: "state_mb", decimals: 1) { Double($0.stateBytes) / 1e6 },
            ])
    }

    /// The meaning of the columns.
    public var legend: String {
        "Times are medians over the turns, in milliseconds; a ratio is the median over the turns of that to the first "
            + "optimizer within a turn."
            + (unmeasured == nil
                ? "" : " Not measurable here: the processor has no instructions for bfloat16 products.")
            + (processes == nil
                ? ""
                : " The passes include the exchange between the processes; the state is that of one of them.")
            + load.remark
    }
}
