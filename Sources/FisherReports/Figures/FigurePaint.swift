/// Colors and widths on paper by the classes that the style sheet gives them on pages.
struct FigurePaint {
    static let ink = "#000000"
    static let minor = "#444444"
    private static let rule = "#dddddd"
    private static let strongRule = "#777777"

    private var classes: Set<Substring> = []
    /// The color of the series that contains the element.
    private var series = Self.ink
    /// Whether the element is part of the map of what has least information, whose color is another.
    private var isLeast = false

    /// The paint of an element with such attributes inside this one.
    func inside(_ attributes: [Markup.Attribute]) -> FigurePaint {
        var paint = self
        paint.classes = Set((attributes.value("class") ?? "").split(separator: " "))
        if let style = attributes.value("style"), let position = style.firstMatch(of: /--series-(\d)/) {
            let color = Int(position.1) ?? 0
            paint.series = SeriesStyle.paperColors[color % SeriesStyle.colorCount]
        }
        if paint.classes.contains("least") { paint.isLeast = true }
        return paint
    }

    /// How a line or an area is drawn.
    func outline(_ attributes: [Markup.Attribute]) -> Drawing.Paint {
        var paint = Drawing.Paint()
        func stroke(_ color: String, _ width: Double, opacity: Double = 1, round: Bool = false) {
            (paint.stroke, paint.width, paint.strokeOpacity) = (color, width, opacity)
            paint.hasRoundCaps = round
        }
        func fill(_ color: String, opacity: Double = 1) { (paint.fill, paint.fillOpacity) = (color, opacity) }
        let colors = SeriesStyle.paperColors
        for name in classes {
            switch name {
            case "axis": stroke(Self.strongRule, 1)
            case "grid": stroke(Self.rule, 0.8)
            case "frame": stroke(Self.rule, 1)
            case "reference":
                stroke(Self.strongRule, 1)
                paint.dash = [4, 4]
            case "curve": stroke(series, 2.2)
            case "stray": stroke(series, 1.3, opacity: 0.85)
            case "leader": stroke(series, 1, opacity: 0.5)
            case "ending": stroke(series, 2.2, round: true)
            case "mean": stroke(series, 2.6, round: true)
            case "whisker": stroke(series, 1.6, round: true)
            case "span": stroke(series, 7, opacity: 0.2, round: true)
            case "chosen": stroke(series, 1.6)
            case "contour": stroke(Self.ink, 0.8, opacity: 0.55)
            case "band": fill(series, opacity: 0.15)
            case "shade": fill(Self.minor, opacity: 0.12)
            case "mark", "dot":
                fill(series)
                stroke("#ffffff", 1)
            case "heat": fill(colors[isLeast ? 1 : 0])
            case "negative": fill(colors[1])
            case "unreached": fill(Self.strongRule)
            default: break
            }
        }
        if let dash = attributes.value("stroke-dasharray"), !dash.isEmpty {
            paint.dash = dash.split(separator: " ").compactMap { Double($0) }
        }
        if let opacity = attributes.value("fill-opacity").flatMap({ Double($0) }) {
            paint.fillOpacity = opacity
        }
        return paint
    }

    /// Whether a text is bold.
    var isBold: Bool { classes.contains("number") }

    var textColor: String {
        classes.isDisjoint(with: ["tick", "axis-title", "value"]) ? Self.ink : Self.minor
    }
}
