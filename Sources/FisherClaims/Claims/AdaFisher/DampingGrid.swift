import FisherStudies

extension Claim {
    /// AdaFisher's damping and its decay of averages matter.
    static let adaFisherGrid = Claim(
        "adafisher-grid",
        says: """
            Poor convergence may indicate inadequate damping (lambda too small) or incorrect EMA decay (gamma not tuned); the \
            interaction between both is not thoroughly explored.
            """,
        in: .adaFisher("Failure signatures; Limitations; Next Checks 3"),
        decidedBy: """
            A perceptron on half of the bundled digits, dampings 1e-4 to 1 by decays 0 to 0.99, the rate tuned in each of the \
            twenty cells, the cells chosen by their losses of tuning: the held-out loss of the best cell against that of the \
            worst damping at its decay, and of the worst decay at its damping. It holds if both are worse (95 % interval of \
            each paired difference below zero), and does not hold if one of the intervals excludes an advantage of 0.02 nats.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 150, full: 1500)
    ) { context in
        try DampingGrid(context).finding(context)
    }
}

/// AdaFisher at every damping and decay of its averages, tuned in each cell.
struct DampingGrid {
    static let dampings: [Double] = [1e-4, 1e-3, 1e-2, 0.1, 1]
    static let decays: [Double] = [0, 0.5, 0.9, 0.99]

    /// The arms by damping (outer) and decay (inner).
    let cells: [[TunedArm]]

    /// Tunes and trains what is missing.
    init(_ context: ClaimContext) throws {
        let problem = Problem.smallClassifier(context.form)
        cells = try Self.dampings.map { damping in
            // F lies in [damping, 1 + damping]: best rates grow with it.
            let middle = 0.02 * max(1, (damping / 1e-2).squareRoot())
            return try Self.decays.map { decay in
                try context.tuned(
                    Arm(
                        "adafisher:statistics_interval=10,damping=\(damping),decay=\(decay)",
                        rates: [middle / 3, middle, middle * 3],
                        label: "damping \(NumberText.short(damping)), decay \(NumberText.short(decay))"),
                    on: problem)
            }
        }
    }

    /// The cells that the rule names, of a table of losses of tuning by row and column: the best, the worst of its column and
    /// the worst of its row. The worst of an infinite loss is one that diverged at every rate.
    static func chosen(_ losses: [[Double]]) -> (best: (Int, Int), worstRow: Int, worstColumn: Int) {
        let places = losses.indices.flatMap { row in losses[row].indices.map { (row, $0) } }
        let best = places.min { losses[$0.0][$0.1] < losses[$1.0][$1.1] } ?? (0, 0)
        let row = losses.indices.max { losses[$0][best.1] < losses[$1][best.1] } ?? 0
        let column = losses[best.0].indices.max { losses[best.0][$0] < losses[best.0][$1] } ?? 0
        return (best, row, column)
    }

    /// What was found.
    func finding(_ context: ClaimContext) -> ClaimFinding {
        let tuned = cells.map { $0.map { arm in arm.trials.map(\.loss).min() ?? .infinity } }
        let (place, worstRow, worstColumn) = Self.chosen(tuned)
        let best = cells[place.0][place.1]
        let contrasts = [cells[worstRow][place.1], cells[place.0][worstColumn]].map {
            context.contrast(
                best, to: $0, quantity: "held-out loss, nats/image", decidedBy: .better(margin: 0.02), of: 2)
        }
        let text = NumberText.plain
        func loss(_ arm: TunedArm) -> SampleSummary? { SampleSummary(Array(arm.losses.values)) }
        let table = ExhibitTable(
            title: "Held-out loss by damping and decay",
            caption:
                "Means over seeds with the standard deviation, and the tuned rate; a star marks the best cell of tuning.",
            columns: ["damping"] + Self.decays.map { "decay \(NumberText.short($0))" },
            rows: cells.indices.map { row in
                [NumberText.short(Self.dampings[row])]
                    + cells[row].indices.map { column in
                        let arm = cells[row][column]
                        let star = (row, column) == place ? " *" : ""
                        return (loss(arm).map { text.spread($0, decimals: 3) } ?? "-")
                            + " at \(NumberText.significant(arm.rate))\(star)"
                    }
            })
        let figure = ClaimFigure(
            title: "Held-out loss by damping", caption: "95 % intervals over seeds.",
            horizontal: .init("damping", isLogarithmic: true),
            vertical: .init("loss, nats/image", isLogarithmic: true),
            series: Self.decays.indices.map { column in
                .init(
                    "decay \(NumberText.short(Self.decays[column]))",
                    cells.indices.compactMap { row in
                        loss(cells[row][column]).map {
                            .init(Self.dampings[row], $0.mean, interval: $0.interval())
                        }
                    })
            })
        // A decay of 0, no averaging, is an end of its range, not of the grid.
        let isInside = place.0 > 0 && place.0 < cells.count - 1 && place.1 < Self.decays.count - 1
        return ClaimFinding(
            .all(contrasts.map(\.verdict)),
            "The best cell against the worst damping at its decay and the worst decay at its damping. "
                + contrasts.map(\.sentence).joined(separator: " "),
            contrasts: contrasts, exhibits: [.table(table)], figures: [figure],
            remarks: [
                isInside
                    ? "The best cell lies inside the grid, or at a decay of 0, which is no averaging at all."
                    : "The best cell lies at the edge of the grid.",
                "The worst cells are chosen by one run of tuning each, the contrasts are of other runs.",
            ])
    }
}
