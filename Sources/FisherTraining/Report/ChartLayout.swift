/// The size of a chart's drawing; each chart is drawn once for wide pages and once for narrow ones.
struct ChartLayout: Sendable {
    /// The name of the class that shows the drawing on its pages only.
    let name: String
    let width: Double
    /// The height of a line chart.
    let height: Double
    /// The room beside a line chart for names, and beside a dot chart for numbers.
    let rightMargin: Double
    let leftMargin: Double
    /// The number of round values wished for on the horizontal axis.
    let tickCount: Int
    /// Whether there is room for names at the lines' ends; otherwise letters stand there.
    let hasRoomForNames: Bool

    static let wide = ChartLayout(
        name: "wide", width: 960, height: 430, rightMargin: 228, leftMargin: 52, tickCount: 8,
        hasRoomForNames: true
    )
    static let narrow = ChartLayout(
        name: "narrow", width: 420, height: 340, rightMargin: 36, leftMargin: 44, tickCount: 4,
        hasRoomForNames: false
    )
    static let all = [wide, narrow]
}
