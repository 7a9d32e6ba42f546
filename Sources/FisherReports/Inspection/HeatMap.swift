import Foundation

/// A matrix on a logarithmic scale of magnitudes, as areas of ten strengths in a color for each sign.
///
/// Negative cells are smaller squares too, so that signs are told apart without colors.
struct HeatMap: Sendable {
    /// The style of areas of some strength, for pages that have them.
    static let style =
        "\n.heat{fill:var(--series-0);stroke:none}.negative{fill:var(--series-1);stroke:none}\n"

    /// The powers of ten below the largest element at which the scale ends.
    static let decades = 4.0
    static let levelCount = 10
    static let largestSide = 56

    /// The number of cells along each side.
    let side: Int
    /// 0 for zero elements, else 1...levelCount, row-major.
    let levels: [Int]
    /// Whether the elements of a cell have a negative sum, row-major.
    let isNegative: [Bool]

    /// Whether any cell that is shown is negative.
    var hasNegative: Bool { zip(levels, isNegative).contains { $0 > 0 && $1 } }

    /// The map of a square matrix of `size` rows; a larger one is cut into blocks, each shown by its root mean
    /// square and the sign of its sum.
    init(_ elements: [Double], size: Int) {
        precondition(elements.count == size * size && size > 0)
        let side = min(size, Self.largestSide)
        self.side = side
        var squares = [Double](repeating: 0, count: side * side)
        var sums = squares
        var counts = [Double](repeating: 0, count: side * side)
        for row in 0..<size {
            for column in 0..<size {
                let cell = row * side / size * side + column * side / size
                squares[cell] += elements[row * size + column] * elements[row * size + column]
                sums[cell] += elements[row * size + column]
                counts[cell] += 1
            }
        }
        let values = zip(squares, counts).map { ($0 / max($1, 1)).squareRoot() }
        isNegative = sums.map { $0 < 0 }
        let largest = values.max() ?? 0
        levels = values.map { value in
            guard largest > 0, value > 0 else { return 0 }
            let height = 1 + log10(value / largest) / Self.decades
            return max(0, min(Self.levelCount, Int((height * Double(Self.levelCount)).rounded(.up))))
        }
    }

    /// The map in a square: an area for each strength, made of runs along the rows.
    func drawing(x: Double, y: Double, size: Double) -> [Markup] {
        let step = size / Double(side)
        func runs(_ level: Int) -> String {
            var path = ""
            for row in 0..<side {
                var column = 0
                while column < side {
                    func isRun(_ column: Int) -> Bool {
                        levels[row * side + column] == level && !isNegative[row * side + column]
                    }
                    guard isRun(column) else {
                        column += 1
                        continue
                    }
                    let first = column
                    while column < side, isRun(column) { column += 1 }
                    let (left, top) = (x + Double(first) * step, y + Double(row) * step)
                    let width = Self.number(Double(column - first) * step)
                    path +=
                        "M\(Self.number(left)) \(Self.number(top))h\(width)v\(Self.number(step))h-\(width)z"
                }
            }
            return path
        }
        func squares(_ level: Int) -> String {
            let edge = Self.number(Self.negativeShare * step)
            let margin = (1 - Self.negativeShare) / 2
            return levels.indices.filter { levels[$0] == level && isNegative[$0] }.map { cell in
                let left = x + (Double(cell % side) + margin) * step
                let top = y + (Double(cell / side) + margin) * step
                return "M\(Self.number(left)) \(Self.number(top))h\(edge)v\(edge)h-\(edge)z"
            }.joined()
        }
        let areas = (1...Self.levelCount).flatMap { level -> [Markup] in
            [(runs(level), "heat"), (squares(level), "negative")].filter { !$0.0.isEmpty }.map {
                Self.area($0.0, level: level, class: $0.1)
            }
        }
        let frame = Markup.tag(
            "rect",
            [
                "class": "frame", "x": SVG.number(x), "y": SVG.number(y), "width": SVG.number(size),
                "height": SVG.number(size),
            ])
        return areas + [frame]
    }

    /// The side of a negative cell's square, as a share of the cell's.
    private static let negativeShare = 0.72

    /// The scale of both signs from left to right: the negative ones from strong to weak, then the positive ones.
    static func signedScale(x: Double, y: Double, width: Double) -> [Markup] {
        let step = width / Double(2 * levelCount)
        let boxes = (1...levelCount).flatMap { level -> [Markup] in
            let left = x + (Double(levelCount - level) + (1 - negativeShare) / 2) * step
            let edge = number(negativeShare * step)
            let right = number(x + Double(levelCount + level - 1) * step)
            return [
                area(
                    "M\(number(left)) \(number(y + 1))h\(edge)v6h-\(edge)z", level: level, class: "negative"),
                area("M\(right) \(number(y))h\(number(step))v8h-\(number(step))z", level: level),
            ]
        }
        return boxes + [
            SVG.text("\u{2212}largest", x: x, y: y + 22, class: "tick"),
            SVG.text("1e-4", x: x + width / 2, y: y + 22, class: "tick", anchor: "middle"),
            SVG.text("+largest", x: x + width, y: y + 22, class: "tick", anchor: "end"),
        ]
    }

    /// The scale from left to right, from weak to strong.
    static func scale(x: Double, y: Double, width: Double) -> [Markup] {
        let step = width / Double(levelCount)
        let boxes = (1...levelCount).map { level in
            let left = number(x + Double(level - 1) * step)
            return area("M\(left) \(number(y))h\(number(step))v8h-\(number(step))z", level: level)
        }
        return boxes + [
            SVG.text("1e-4", x: x, y: y + 22, class: "tick"),
            SVG.text("largest element", x: x + width, y: y + 22, class: "tick", anchor: "end"),
        ]
    }

    /// An area of one strength.
    static func area(_ path: String, level: Int, class name: String = "heat") -> Markup {
        .tag(
            "path",
            ["class": name, "d": path, "fill-opacity": number(Double(level) / Double(levelCount))])
    }

    /// Two decimals: cells are a few pixels wide, and tenths would leave seams.
    static func number(_ value: Double) -> String { SVG.precise(value) }
}
