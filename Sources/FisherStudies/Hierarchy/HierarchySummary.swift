/// The ladder at one damping: means over the seeds with intervals.
///
/// The points of one training are not independent: a seed's value is its mean over them, and intervals are over the
/// seeds' values.
public struct HierarchySummary: Sendable {
    /// A mean with its interval and the values behind it.
    public struct Estimate: Hashable, Sendable {
        /// The seeds' values, by seed.
        public let values: [UInt64: Double]
        /// The mean over the seeds; NaN if some value is missing.
        public let mean: Double
        /// Student's 95 % interval of the mean; nil for one seed.
        public let interval: ClosedRange<Double>?

        /// Summarizes one value of each seed.
        init(_ values: [UInt64: Double]) {
            self.values = values
            let summary = SampleSummary.ofFinite(Array(values.values))
            let mean = summary?.mean ?? .nan
            self.mean = mean
            let half = summary?.standardError.map {
                $0 * StudentT(degreesOfFreedom: values.count - 1).halfWidth(probability: 0.95)
            }
            interval = half.flatMap { $0.isFinite && mean.isFinite ? mean - $0...mean + $0 : nil }
        }

        /// Half the interval's width; nil without one.
        public var halfWidth: Double? { interval.map { ($0.upperBound - $0.lowerBound) / 2 } }
    }

    /// One level at one damping.
    public struct Row: Sendable {
        /// The level's position.
        public let level: Int
        /// The damping.
        public let damping: Double
        /// The angle to the reference at this damping, in degrees.
        public let angle: Estimate
        /// The same angle by half the draws; of NaN for a closed form.
        public let halfAngle: Estimate
        /// The cosine of the angle.
        public let cosine: Estimate
        /// The decrease of the loss of the mini-batch that gave the gradient, in nats.
        public let decrease: Estimate
        /// The decrease of the held-out loss, in nats.
        public let heldOutDecrease: Estimate
    }

    /// A row for each level and damping, levels in their order, dampings ascending.
    public let rows: [Row]

    /// Summarizes all points, or those after one number of training steps.
    public init(_ study: HierarchyComparison, step: Int? = nil) {
        let points = study.points.filter { step == nil || $0.step == step }
        let bySeed = Dictionary(grouping: points, by: \.seed)
        rows = study.levels.indices.flatMap { level in
            study.settings.dampings.map { damping in
                func estimate(_ value: (HierarchyMeasure) -> Double) -> Estimate {
                    Estimate(
                        bySeed.compactMapValues { points in
                            let found = points.flatMap(\.measures).filter {
                                $0.level == level && $0.damping == damping
                            }.map(value)
                            return found.isEmpty ? nil : SampleSummary.ofFinite(found)?.mean ?? .nan
                        })
                }
                return Row(
                    level: level, damping: damping, angle: estimate(\.angle),
                    halfAngle: estimate { $0.halfAngle ?? .nan }, cosine: estimate(\.cosine),
                    decrease: estimate(\.decrease), heldOutDecrease: estimate(\.heldOutDecrease))
            }
        }
    }

    /// The rows of a level, by ascending damping.
    public func rows(of level: Int) -> [Row] { rows.filter { $0.level == level } }

    /// The row of a level at a damping.
    public func row(of level: Int, damping: Double) -> Row? {
        rows.first { $0.level == level && $0.damping == damping }
    }

    /// The row of a level's own best damping by the held-out decrease; nil for a level without one.
    public func best(of level: Int, in study: HierarchyComparison) -> Row? {
        guard study.levels[level].isDamped else { return nil }
        return rows(of: level).filter { $0.heldOutDecrease.mean.isFinite }.max {
            $0.heldOutDecrease.mean < $1.heldOutDecrease.mean
        }
    }
}

extension SampleSummary {
    /// The summary of some numbers; nil if there are none or one of them is not finite.
    fileprivate static func ofFinite(_ values: [Double]) -> SampleSummary? {
        values.allSatisfy { abs($0) < 1e150 } ? SampleSummary(values) : nil
    }
}
