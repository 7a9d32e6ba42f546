/// A chart of series over a common axis, as data.
public struct ClaimFigure: Codable, Sendable, Hashable {
    /// An axis of a chart.
    public struct Axis: Codable, Sendable, Hashable {
        /// The quantity and its unit.
        public var title: String
        /// Whether distances are ratios.
        public var isLogarithmic: Bool

        /// Names an axis.
        public init(_ title: String, isLogarithmic: Bool = false) {
            self.title = title
            self.isLogarithmic = isLogarithmic
        }
    }

    /// A point, with the ends of its vertical whisker if it has one.
    public struct Point: Codable, Sendable, Hashable {
        /// The horizontal coordinate.
        public var x: Double
        /// The vertical coordinate.
        public var y: Double
        /// The lower end of the whisker.
        public var lower: Double?
        /// The upper end of the whisker.
        public var upper: Double?

        /// Places a point.
        public init(_ x: Double, _ y: Double, interval: ClosedRange<Double>? = nil) {
            self.x = x
            self.y = y
            lower = interval?.lowerBound
            upper = interval?.upperBound
        }
    }

    /// Points of one kind.
    public struct Series: Codable, Sendable, Hashable {
        /// The name in the legend.
        public var label: String
        /// The points by increasing `x` where they are joined.
        public var points: [Point]
        /// Whether a line joins the points.
        public var isJoined: Bool

        /// Names a series.
        public init(_ label: String, _ points: [Point], isJoined: Bool = true) {
            self.label = label
            self.points = points
            self.isJoined = isJoined
        }
    }

    /// The heading.
    public var title: String
    /// A sentence below; empty for none.
    public var caption: String
    /// The horizontal axis.
    public var horizontal: Axis
    /// The vertical axis.
    public var vertical: Axis
    /// The series in the order of the legend.
    public var series: [Series]

    /// Describes a chart.
    public init(
        title: String, caption: String = "", horizontal: Axis, vertical: Axis, series: [Series]
    ) {
        self.title = title
        self.caption = caption
        self.horizontal = horizontal
        self.vertical = vertical
        self.series = series
    }
}
