import Foundation

/// The magnitudes of a matrix on a logarithmic scale, as areas of ten strengths.
struct HeatMap: Sendable {
    /// The style of areas of some strength, for pages that have them.
    static let style = "\n.heat{fill:var(--series-0);stroke:none}\n"

    /// The powers of ten below the largest element at which the scale ends.
    static let decades = 4.0
    static let levelCount = 10
    static let largestSide = 56

    /// The number of cells along each side.
    let side: Int
    /// 0 for zero elements, else 1...levelCount, row-major.
    let levels: [Int]

    /// The map of a square matrix of `size` rows; a larger one is cut into blocks, each shown by its root mean
    /// square.
    init(_ elements: [Double], size: Int) {
        precondition(elements.count == size * size && size > 0)
        let side = min(size, Self.largestSide)
        self.side = side
        var squares = [Double](repeating: 0, count: side * side)
        var counts = [Double](repeating: 0, count: side * side)
        for row in 0..<size {
            for column in 0..<size {
                let cell = row * side / size * side + column * side / size
                squares[cell] += elements[row * size + column] * elements[row * size + column]
                counts[cell] += 1
            }
        }
        let values = zip(squares, counts).map { ($0 / max($1, 1)).squareRoot() }
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
                    guard levels[row * side + column] == level else {
                        column += 1
                        continue
                    }
                    let first = column
                    while column < side, levels[row * side + column] == level { column += 1 }
                    let (left, top) = (x + Double(first) * step, y + Double(row) * step)
                    let width = Self.number(Double(column - first) * step)
                    path +=
                        "M\(Self.number(left)) \(Self.number(top))h\(width)v\(Self.number(step))h-\(width)z"
                }
            }
            return path
        }
        let areas = (1...Self.levelCount).compactMap { level -> Markup? in
            let path = runs(level)
            return path.isEmpty ? nil : Self.area(path, level: level)
        }
        let frame = Markup.tag(
            "rect",
            [
                "class": "frame", "x": SVG.number(x), "y": SVG.number(y), "width": SVG.number(size),
                "height": SVG.number(size),
            ])
        return areas + [frame]
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
    static func number(_ value: Double) -> String {
        let text = String(format: "%.2f", value)
        guard text.contains(".") else { return text }
        let cut = text.reversed().drop { $0 == "0" }
        return String((cut.first == "." ? cut.dropFirst() : cut[...]).reversed())
    }
}
