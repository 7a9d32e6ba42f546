import Fisher
import FisherBenchmarks
import FisherStudies
import FisherTasks

/// What a step costs against the number of parameters.
enum StepCost {
    static let claim = Claim(
        "cost",
        says:
            "Per-step cost: SGD O(d), Adam O(d), K-FAC O(m^3 + n^3) at an inversion, natural gradient O(d^3).",
        in: .hierarchy("The Approximation Hierarchy, the table's third column"),
        decidedBy: """
            Steps on networks n-n-n-10 of growing width with 16 samples, all sizes in turns, the fastest of four steps of each: \
            the power of the number of parameters d in the time of the update (for K-FAC with its factors inverted, for the \
            natural gradient with its system solved), fitted to all sizes. With square layers m^3 + n^3 is d^1.5. The fit's 95 % \
            interval of each power must lie within 0.5 of the published one; where it reaches beyond, as on a machine with other \
            work, the claim is not decided.
            """,
        evidence: .exact, cost: ClaimCost(short: 90, full: 240)
    ) { try finding(isShort: $0.form == .short) }

    /// The milliseconds of one size.
    private struct Size {
        let parameterCount: Double
        let update: Double
        let statistics: Double
    }

    /// A network of one width with its optimizer.
    private final class Subject {
        private let step: () throws -> StepReport
        let parameterCount: Double
        private var update = Double.infinity
        private var statistics = Double.infinity

        init(_ rule: any OptimizationRule, width: Int) throws {
            let generator = try RandomGenerator(seed: 0)
            let model = Sequential([
                Linear(width, width, using: generator), Tanh(), Linear(width, width, using: generator),
                Tanh(), Linear(width, Digits.classCount, using: generator),
            ])
            let inputs = Tensor.normal([16, width], using: generator)
            let targets = Tensor((0..<16).map { Int64($0 % 10) }, shape: [16])
            let optimizer = try Optimizer(for: model, rule)
            parameterCount = Double(optimizer.parameterCount)
            step = {
                try optimizer.step { try Objective(Categorical(logits: model(inputs)), observing: targets) }
            }
        }

        /// Makes a step, whose times count if they are the smallest and it is not the first.
        func time(counts: Bool) throws {
            let report = try step()
            guard counts else { return }
            update = min(update, report.updateTime / .milliseconds(1))
            statistics = min(statistics, report.statisticsTime / .milliseconds(1))
        }

        var size: Size { Size(parameterCount: parameterCount, update: update, statistics: statistics) }
    }

    /// Times all widths in turns, so that other work disturbs all of them; the fastest step of each is what it disturbs least.
    private static func sizes(_ rule: any OptimizationRule, widths: [Int]) throws -> [Size] {
        let subjects = try widths.map { try Subject(rule, width: $0) }
        for turn in 0..<5 {
            for subject in subjects { try subject.time(counts: turn > 0) }
        }
        return subjects.map(\.size)
    }

    private static func finding(isShort: Bool) throws -> ClaimFinding {
        let settings = HierarchySettings()
        var rows: [[String]] = []
        var measurements: [MeasuredQuantity] = []
        var series: [ClaimFigure.Series] = []
        for name in ["sgd", "adam", "kfac", "natural_gradient"] {
            let candidate = try HierarchyCandidate(name, in: settings)
            var rule = candidate.rule
            // Repeated steps of length 1 would leave the numbers' range.
            rule.learningRate = 1e-6
            if rule is NaturalGradient { try rule.set("solver", to: "dense") }
            let sizes = try sizes(rule, widths: widths(name, isShort: isShort))
            guard let published = candidate.level.publishedCost else { continue }
            let law = PowerLaw(sizes.map { ($0.parameterCount, $0.update) })
            let label = candidate.level.label
            measurements.append(
                MeasuredQuantity(
                    "power of d in the time of the update, \(label), published \(published.text)",
                    law, .within((published.exponent - 0.5)...(published.exponent + 0.5))))
            let statistics = PowerLaw(sizes.map { ($0.parameterCount, $0.statistics) })
            rows.append([
                label, published.text, MeasuredQuantity("", law).text,
                statistics == nil ? "" : MeasuredQuantity("", statistics).text,
                NumberText.plain.compact(sizes.last?.parameterCount ?? 0),
                NumberText.plain.milliseconds(sizes.last?.update ?? .nan),
                NumberText.plain.milliseconds(sizes.last?.statistics ?? .nan),
            ])
            series.append(.init("\(label), update", sizes.map { .init($0.parameterCount, $0.update) }))
        }
        let figure = ClaimFigure(
            title: "The time of an update",
            horizontal: .init("parameters d", isLogarithmic: true),
            vertical: .init("milliseconds", isLogarithmic: true), series: series)
        let table = ExhibitTable(
            title: "Powers of d",
            caption: "With the fits' 95 % intervals; statistics are what a rule asks of a batch.",
            columns: [
                "rule", "published", "update", "statistics", "largest d", "update there, ms",
                "statistics there, ms",
            ], rows: rows)
        let texts = rows.map { "\($0[2]) (\($0[0]), published \($0[1]))" }
        return ClaimFinding(
            deciding: measurements,
            "The time of an update goes as d to the power \(texts.joined(separator: ", ")).",
            exhibits: [.table(table)], figures: [figure],
            remarks: [
                """
                Times of one machine, which other work disturbs; the intervals are those of the fits. A cost in operations \
                becomes a time only where a size is large enough: linear updates leave the cache, and matrices of a few hundred \
                rows are multiplied the slower the smaller they are.
                """,
                """
                What the table leaves out are the statistics: the natural gradient's matrix costs samples times classes times d^2, \
                K-FAC's factors samples times (m^2 + n^2).
                """,
            ])
    }

    /// Widths that reach the regime of each rule within seconds.
    private static func widths(_ name: String, isShort: Bool) -> [Int] {
        switch name {
        case "natural_gradient": [28, 34, 40, 48] + (isShort ? [] : [64])
        case "kfac": [384, 512, 768, 1024, 1280] + (isShort ? [] : [1536, 2048])
        default: [256, 384, 512, 768, 1024, 1536] + (isShort ? [] : [2048])
        }
    }
}
