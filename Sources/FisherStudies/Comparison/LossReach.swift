import Foundation

/// The steps and the time in which an optimizer's runs reached a validation loss: a target, or the final loss of the
/// first optimizer from the same seed.
///
/// Between two evaluations the loss is taken to change evenly. The schedule is that of the whole run: a run that was to
/// end at the target would decay its learning rate earlier.
public struct LossReach: Sendable, Hashable, Encodable {
    /// One run.
    public struct Run: Sendable, Hashable, Encodable {
        /// The seed.
        public let seed: UInt64
        /// The steps to the loss; nil if the run never reached it.
        public let steps: Double?
        /// The tokens to it.
        public let tokens: Double?
        /// The seconds of training to it.
        public let seconds: Double?
        /// The steps that the run made.
        public let length: Int
    }

    /// The runs that came to their end, well or not, by increasing seed.
    public let runs: [Run]
    /// The steps over the runs.
    public let steps: CensoredSummary
    /// The tokens over the runs.
    public let tokens: CensoredSummary
    /// The seconds of training over the runs.
    public let seconds: CensoredSummary

    /// Searches the curves of an entry for a loss that may depend on the seed; nil if no run has one.
    public init?(of entry: OptimizerEntry, to target: (UInt64) -> Double?) {
        var seen = Set<UInt64>()
        let runs = entry.evenlyTimed.runs.filter { $0.isFinal && seen.insert($0.seed).inserted }
            .sorted { $0.seed < $1.seed }
            .compactMap { run in target(run.seed).map { Run(run, to: $0) } }
        guard let steps = CensoredSummary(runs.map(\.steps)),
            let tokens = CensoredSummary(runs.map(\.tokens)),
            let seconds = CensoredSummary(runs.map(\.seconds))
        else { return nil }
        (self.runs, self.steps, self.tokens, self.seconds) = (runs, steps, tokens, seconds)
    }

    /// The ratios to a reference's steps or seconds, seed by seed; nil unless every run of both from a common seed reached
    /// the loss, since a mean over the others would leave out the slow ones.
    func ratio(
        to reference: LossReach, of value: KeyPath<Run, Double?>, test: (Int) -> BaselineTest
    ) -> Ratio? {
        let known = Dictionary(uniqueKeysWithValues: reference.runs.map { ($0.seed, $0) })
        let pairs = runs.compactMap { run in known[run.seed].map { (run[keyPath: value], $0[keyPath: value]) }
        }
        let logarithms = pairs.compactMap { own, other -> Double? in
            guard let own, let other, own > 0, other > 0 else { return nil }
            return log(own / other)
        }
        guard logarithms.count == pairs.count, let summary = SampleSummary(logarithms) else { return nil }
        guard summary.count >= ComparisonPlan.fewestSeeds, let error = summary.standardError else {
            return Ratio(value: exp(summary.mean), interval: nil)
        }
        let half = test(summary.count).halfWidth * error
        return Ratio(
            value: exp(summary.mean), interval: exp(summary.mean - half)...exp(summary.mean + half))
    }

    /// A ratio to the first optimizer.
    public struct Ratio: Sendable, Hashable, Encodable {
        /// The geometric mean over the common seeds.
        public let value: Double
        /// The simultaneous 95 % interval, by Student's t on logarithms at Šidák's level; nil for fewer than three seeds.
        public let interval: ClosedRange<Double>?
    }
}

extension LossReach.Run {
    fileprivate init(_ run: RunRecord, to target: Double) {
        let place = Self.place(of: target, on: run.curve)
        self.init(
            seed: run.seed, steps: place?.steps, tokens: place?.tokens, seconds: place?.seconds,
            length: run.curve.last?.step ?? 0)
    }

    private static func place(
        of target: Double, on curve: [CurvePoint]
    ) -> (steps: Double, tokens: Double, seconds: Double)? {
        var before: (point: CurvePoint, loss: Double)?
        for point in curve {
            guard let loss = point.validationLoss, RunRecord.isUsable(loss), point.seconds.isFinite else {
                continue
            }
            if loss <= target {
                guard let before, before.loss > loss else {
                    return (Double(point.step), Double(point.tokens), point.seconds)
                }
                let share = (before.loss - target) / (before.loss - loss)
                func between(_ a: Double, _ b: Double) -> Double { a + share * (b - a) }
                return (
                    between(Double(before.point.step), Double(point.step)),
                    between(Double(before.point.tokens), Double(point.tokens)),
                    between(before.point.seconds, point.seconds)
                )
            }
            before = (point, loss)
        }
        return nil
    }
}
