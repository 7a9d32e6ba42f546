import Foundation

/// What the reproduction of a claim found: the verdict, and everything that it rests on.
public struct ClaimFinding: Codable, Sendable, Hashable {
    /// The verdict by the claim's rule.
    public var verdict: ClaimVerdict
    /// The answer in one or two sentences, with the numbers that decided, their seeds and intervals.
    public var answer: String
    /// The differences that were judged.
    public var contrasts: [ClaimContrast]
    /// Tables and pictures.
    public var exhibits: [TaskExhibit]
    /// Charts.
    public var figures: [ClaimFigure]
    /// Restrictions of what was found, a sentence each: best rates at an edge, runs that diverged.
    public var remarks: [String]

    /// States what was found.
    public init(
        _ verdict: ClaimVerdict, _ answer: String, contrasts: [ClaimContrast] = [],
        exhibits: [TaskExhibit] = [], figures: [ClaimFigure] = [], remarks: [String] = []
    ) {
        self.verdict = verdict
        self.answer = answer
        self.contrasts = contrasts
        self.exhibits = exhibits
        self.figures = figures
        self.remarks = remarks
    }
}

/// A difference of two arms over the seeds that both have, and what it says of a part of a claim.
public struct ClaimContrast: Codable, Sendable, Hashable {
    /// The arm.
    public var label: String
    /// What it is compared to.
    public var reference: String
    /// The quantity and its unit: `validation loss, nats/byte`.
    public var quantity: String
    /// The seeds of the pairs, by increasing seed.
    public var seeds: [UInt64]
    /// The arm's value less the reference's, by seed.
    public var differences: [Double]
    /// The mean difference.
    public var mean: Double
    /// The lower end of its interval; nil if there is none.
    public var lower: Double?
    /// The upper end.
    public var upper: Double?
    /// The smallest difference that matters, stated beforehand.
    public var margin: Double
    /// What this difference says of its part of the claim.
    public var verdict: ClaimVerdict
    /// Further words for readers: the rates, and whether they lie inside their grids.
    public var note: String

    /// Records a difference.
    public init(
        _ label: String, to reference: String, quantity: String, seeds: [UInt64], differences: [Double],
        mean: Double, interval: ClosedRange<Double>?, margin: Double, verdict: ClaimVerdict, note: String = ""
    ) {
        self.label = label
        self.reference = reference
        self.quantity = quantity
        self.seeds = seeds
        self.differences = differences
        self.mean = mean
        lower = interval?.lowerBound
        upper = interval?.upperBound
        self.margin = margin
        self.verdict = verdict
        self.note = note
    }
}

extension ClaimContrast {
    /// The interval of the mean; nil if there is none.
    public var interval: ClosedRange<Double>? {
        guard let lower, let upper, lower <= upper else { return nil }
        return lower...upper
    }

    /// The difference in a sentence, with its interval and seeds: `Validation loss, nats/byte: fadam less adamw is -0.021
    /// [-0.030, -0.012], 5 seeds.`
    public var sentence: String {
        let subject = quantity.prefix(1).uppercased() + quantity.dropFirst()
        let count = NumberText.plain.counted(seeds.count, "seed")
        return "\(subject): \(label) less \(reference) is \(figures), \(count)."
    }

    /// The mean and its interval, with as many decimals as the interval's width calls for.
    package var figures: String {
        guard mean.isFinite else { return "without a difference" }
        let text = NumberText.plain
        let width = interval.map { $0.upperBound - $0.lowerBound } ?? abs(mean)
        let scale = max(width, margin / 10)
        let decimals =
            scale > 0 && scale.isFinite ? min(8, max(0, Int((1.7 - log10(scale)).rounded(.up)))) : 4
        return text.signed(mean, decimals: decimals)
            + (interval.map { " " + text.interval($0, decimals: decimals) } ?? "")
    }
}
