/// How the curve of one optimizer is distinguished from the others: by color, by dashes and by the marks on it.
///
/// The colors come from Okabe and Ito's palette for color-blind readers. Colors, dashes and marks have
/// periods without common factor, so that no two of the first two hundred optimizers agree in all of them.
struct SeriesStyle: Sendable, Hashable {
    enum Mark: Int, CaseIterable, Sendable {
        case circle, square, triangle, diamond, star, downTriangle
    }

    /// The optimizer's position in the comparison.
    let index: Int

    /// The colors on white paper: those of light pages.
    static let paperColors = ["#0072b2", "#d55e00", "#009e73", "#b8609a", "#c98a00", "#2f9bd6", "#39424d"]
    /// The number of colors that the style sheet defines.
    static let colorCount = paperColors.count
    private static let dashes = ["", "8 4", "2.5 3.5", "12 4 2.5 4", "5 3"]

    /// The number of a color of the style sheet.
    var color: Int { index % Self.colorCount }

    /// The pattern of dashes as SVG has it; empty for a solid line.
    var dash: String { Self.dashes[index % Self.dashes.count] }

    /// The mark on the curve.
    var mark: Mark { Mark.allCases[index % Mark.allCases.count] }

    /// A short name for charts without room for labels: A, B, ... Z, then numbers.
    var letter: String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        return letters.indices.contains(index) ? String(letters[index]) : String(index + 1)
    }

    /// The commands that draw the mark around a point.
    func markPath(x: Double, y: Double, radius r: Double) -> String {
        switch mark {
        case .circle:
            return "M\(SVG.number(x - r)) \(SVG.number(y))a\(SVG.number(r)) \(SVG.number(r)) 0 1 0 "
                + "\(SVG.number(2 * r)) 0a\(SVG.number(r)) \(SVG.number(r)) 0 1 0 \(SVG.number(-2 * r)) 0Z"
        case .square:
            let s = 0.88 * r
            return SVG.area([(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)])
        case .triangle:
            return SVG.area([(x, y - 1.2 * r), (x + 1.1 * r, y + 0.8 * r), (x - 1.1 * r, y + 0.8 * r)])
        case .diamond:
            return SVG.area([(x, y - 1.25 * r), (x + 1.25 * r, y), (x, y + 1.25 * r), (x - 1.25 * r, y)])
        case .star:
            let s = 0.4 * r
            return SVG.area([
                (x, y - 1.4 * r), (x + s, y - s), (x + 1.4 * r, y), (x + s, y + s),
                (x, y + 1.4 * r), (x - s, y + s), (x - 1.4 * r, y), (x - s, y - s),
            ])
        case .downTriangle:
            return SVG.area([(x, y + 1.2 * r), (x + 1.1 * r, y - 0.8 * r), (x - 1.1 * r, y - 0.8 * r)])
        }
    }

    /// A sample of the line and its mark, for tables and legends.
    var swatch: Markup {
        .tag(
            "svg",
            [
                "class": "swatch", "viewBox": "0 0 34 12", "width": "34", "height": "12",
                "aria-hidden": "true",
            ],
            [
                SVG.group(
                    style: self,
                    [
                        SVG.path("M0 6L34 6", class: "curve", dash: dash),
                        SVG.path(markPath(x: 17, y: 6, radius: 4), class: "mark"),
                    ])
            ]
        )
    }
}
