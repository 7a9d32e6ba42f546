// The tables of the study of the exponent; its texts, its data and its article come from them.

extension ExponentStudy {
    /// A row for each run and each trial: the data of the article.
    package var records: StudyTable {
        typealias Row = (
            stage: String, result: ExponentResult, kind: String, rate: Double, seed: UInt64?, loss: Double?,
            seconds: Double?
        )
        let rows = [("screening", screening), ("finals", finals)].flatMap { stage, results in
            results.flatMap { result -> [Row] in
                result.trials.map { (stage, result, "trial", $0.rate, nil, $0.loss, nil) }
                    + result.runs.map {
                        (stage, result, "run", result.rate, $0.seed, $0.loss, $0.seconds)
                    }
            }
        }
        return StudyTable(
            rows,
            [
                .field("stage") { $0.stage }, .field("problem") { $0.result.problem },
                .field("optimizer") { $0.result.arm.optimizer }, .field("rule") { $0.result.arm.rule },
                .field("power", number: { $0.result.arm.power }), .field("length") { $0.result.arm.length },
                .field("clip", number: { $0.result.arm.clip }),
                .field("beta2", number: { $0.result.arm.beta2 }), .field("source") { $0.result.arm.source },
                .field("gradient_power", number: { $0.result.arm.gradientPower }),
                .field("kind") { $0.kind }, .field("learning_rate", number: { $0.rate }),
                .field("seed") { $0.seed.map { "\($0)" } ?? "" }, .field("loss", number: { $0.loss }),
                .field("seconds", number: { $0.seconds }),
            ])
    }

    /// A row for each finalist on each problem; before the finals, for each arm of the screening.
    package var overview: StudyTable { finals.isEmpty ? screeningTable : finalsTable }

    package var legend: String {
        finals.isEmpty
            ? "Two seeds on one problem show a direction, no difference: the screening only chooses who goes on."
            : "Differences are to FAdam at 1/2 as published, paired by seed, with 95 % intervals that hold together for the "
                + "finalists of a problem. * marks a rate at the edge of what was tried."
    }

    /// The arms of the screening by increasing loss.
    package var screeningTable: StudyTable {
        let rows = screening.sorted { ($0.meanLoss ?? .infinity) < ($1.meanLoss ?? .infinity) }
        let chosen = Set(finalists.map(\.arm))
        return StudyTable(
            rows,
            [
                StudyColumn(["arm"], .left) { .init($0.arm.label, isStrong: chosen.contains($0.arm)) },
                StudyColumn(["rate"]) { .init(Self.rate($0)) },
                StudyColumn(["loss"]) { .init(Self.loss($0.meanLoss)) },
                StudyColumn(["by seed"], .left) { row in
                    .init(row.runs.map { Self.loss($0.loss) }.joined(separator: ", "))
                },
            ])
    }

    /// The effects of power and length over the screening's contexts.
    package func effectTable(powers: [Double]) -> StudyTable {
        var effects: [ExponentEffect] = []
        for power in powers {
            // What concerns 1/2 alone is the same for every power.
            effects += ExponentEffect.all(of: screening, power: power).filter { !effects.contains($0) }
        }
        func signed(_ value: Double?) -> StudyTable.Cell {
            .init(value.map { NumberText.plain.signed($0, decimals: 4) } ?? "-")
        }
        let columns: [StudyColumn<ExponentEffect>] = [
            StudyColumn(["change"], .left) { .init($0.name) },
            StudyColumn(["contexts"]) { .init("\($0.differences.count)") },
            StudyColumn(["better in"]) { .init("\($0.betterCount)") },
            StudyColumn(["mean difference"]) { signed($0.mean) },
            StudyColumn(["from"]) { signed($0.differences.min()) },
            StudyColumn(["to"]) { signed($0.differences.max()) },
        ]
        return StudyTable(effects, columns)
    }

    /// The finalists on each problem.
    package var finalsTable: StudyTable {
        let contrasts = contrasts
        let roles = Dictionary(finalists.map { ($0.arm, $0.role) }) { first, _ in first }
        func contrast(_ row: ExponentResult) -> ExponentContrast? { contrasts.first { $0.result == row } }
        let columns: [StudyColumn<ExponentResult>] = [
            StudyColumn(["problem"], .left) { .init($0.problem) },
            StudyColumn(["finalist"], .left) { .init(roles[$0.arm]?.text ?? "") },
            StudyColumn(["rate"]) { .init(Self.rate($0)) },
            StudyColumn(["seeds"]) { .init("\($0.losses.count)") },
            StudyColumn(["loss"]) { .init(Self.loss(SampleSummary(Array($0.losses.values))?.mean)) },
            StudyColumn(["difference"], unit: ["to 1/2"]) { row in
                let mean = contrast(row)?.difference?.mean
                return .init(mean.map { NumberText.plain.signed($0, decimals: 4) } ?? "")
            },
            StudyColumn(["interval"]) { row in
                let interval = contrast(row)?.interval
                return .init(interval.map { NumberText.plain.interval($0, decimals: 4) } ?? "")
            },
            StudyColumn(["shown"], .left) { .init(contrast($0)?.outcome.rawValue ?? "") },
        ]
        return StudyTable(finals.filter { roles[$0.arm] != nil }, columns)
    }

    /// What direction and length contribute on each problem.
    package var decompositionTable: StudyTable {
        func cell(_ difference: PairedDifference) -> StudyTable.Cell {
            let mean = NumberText.plain.signed(difference.mean, decimals: 4)
            let interval = difference.interval.map { " " + NumberText.plain.interval($0, decimals: 4) }
            return .init(mean + (interval ?? ""))
        }
        let columns: [StudyColumn<ExponentDecomposition>] = [
            StudyColumn(["problem"], .left) { .init($0.problem) },
            StudyColumn(["whole difference"]) { cell($0.whole) },
            StudyColumn(["direction"]) { cell($0.direction) },
            StudyColumn(["length"]) { cell($0.length) },
        ]
        return StudyTable(decompositions, columns)
    }

    private static func rate(_ result: ExponentResult) -> String {
        NumberText.short(result.rate) + (result.isInterior ? "" : "*")
    }

    private static func loss(_ loss: Double?) -> String {
        loss.map { NumberText.plain.fixed($0, decimals: 4) } ?? "diverged"
    }
}
