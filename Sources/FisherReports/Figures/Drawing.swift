import FisherStudies
import Foundation

/// A figure as lines, areas and texts with their own colors and widths: what a file of it is written from.
///
/// Lengths are those of the figure's layout; the vertical axis points down.
struct Drawing {
    /// A part of an outline.
    enum Segment: Equatable {
        case move(Double, Double)
        case line(Double, Double)
        case curve(Double, Double, Double, Double, Double, Double)
        case close
    }

    /// How an outline is filled and drawn.
    struct Paint: Equatable {
        /// The color of the area as `#rrggbb`; nil for none.
        var fill: String?
        var fillOpacity = 1.0
        /// The color of the line; nil for none.
        var stroke: String?
        var strokeOpacity = 1.0
        var width = 1.0
        var dash: [Double] = []
        var hasRoundCaps = false
    }

    /// A word or several at a place.
    struct Words: Equatable {
        enum Anchor: String { case start, middle, end }

        var text: String
        var x: Double
        var y: Double
        var anchor = Anchor.start
        var isBold = false
        var color = FigurePaint.ink

        /// The left and the right end by the widths of Helvetica.
        var extent: ClosedRange<Double> {
            let width = Helvetica.width(of: text, isBold: isBold, size: Helvetica.figureSize)
            let left = anchor == .start ? x : anchor == .middle ? x - width / 2 : x - width
            return left...left + width
        }
    }

    /// What is drawn, in this order.
    enum Item: Equatable {
        case outline([Segment], Paint, clip: Box?)
        case words(Words)
    }

    /// A rectangle.
    struct Box: Equatable {
        let x, y, width, height: Double
    }

    var width: Double
    var height: Double
    var items: [Item] = []

    /// Draws the parts of a figure.
    init(_ parts: [Markup], width: Double, height: Double) {
        (self.width, self.height) = (width, height)
        var boxes: [String: Box] = [:]
        for part in parts { Self.collectBoxes(part, into: &boxes) }
        for part in parts { add(part, FigurePaint(), clip: nil, boxes) }
    }

    private static func collectBoxes(_ part: Markup, into boxes: inout [String: Box]) {
        guard case .element(let name, let attributes, let children) = part else { return }
        if name == "clipPath", let id = attributes.value("id"), let first = children.first,
            case .element("rect", let sides, _) = first
        {
            boxes[id] = sides.box
        } else {
            for child in children { collectBoxes(child, into: &boxes) }
        }
    }

    private mutating func add(
        _ part: Markup, _ outer: FigurePaint, clip: Box?, _ boxes: [String: Box]
    ) {
        guard case .element(let name, let attributes, let children) = part else { return }
        let paint = outer.inside(attributes)
        var clip = clip
        if let reference = attributes.value("clip-path") {
            clip = boxes[String(reference.dropFirst(5).dropLast())] ?? clip
        }
        switch name {
        case "g", "svg":
            for child in children { add(child, paint, clip: clip, boxes) }
        case "line":
            let ends = ["x1", "y1", "x2", "y2"].map(attributes.number)
            items.append(
                .outline(
                    [.move(ends[0], ends[1]), .line(ends[2], ends[3])], paint.outline(attributes), clip: clip)
            )
        case "path":
            let outline = PathReader.segments(of: attributes.value("d") ?? "")
            if !outline.isEmpty { items.append(.outline(outline, paint.outline(attributes), clip: clip)) }
        case "rect":
            let box = attributes.box
            items.append(
                .outline(
                    [
                        .move(box.x, box.y), .line(box.x + box.width, box.y),
                        .line(box.x + box.width, box.y + box.height), .line(box.x, box.y + box.height),
                        .close,
                    ], paint.outline(attributes), clip: clip))
        case "text":
            let text = children.map { if case .text(let text) = $0 { text } else { "" } }.joined()
            let anchor = attributes.value("text-anchor").flatMap(Words.Anchor.init) ?? .start
            items.append(
                .words(
                    Words(
                        text: text.printable, x: attributes.number("x"), y: attributes.number("y"),
                        anchor: anchor, isBold: paint.isBold, color: paint.textColor)))
        default: break
        }
    }
}

extension [Markup.Attribute] {
    func value(_ name: String) -> String? { first { $0.name == name }?.value }
    func number(_ name: String) -> Double { value(name).flatMap { Double($0) } ?? 0 }
    fileprivate var box: Drawing.Box {
        Drawing.Box(x: number("x"), y: number("y"), width: number("width"), height: number("height"))
    }
}

/// Reads the path commands that the charts write: M, L, H, V, C, their relative forms, half circles, Z.
enum PathReader {
    static func segments(of data: String) -> [Drawing.Segment] {
        var found: [Drawing.Segment] = []
        var (x, y) = (0.0, 0.0)
        var start = (x: 0.0, y: 0.0)
        for (command, numbers) in commands(of: data) {
            let isRelative = command.isLowercase
            let (left, top) = isRelative ? (x, y) : (0, 0)
            switch command.lowercased() {
            case "m", "l":
                for (index, pair) in pairs(numbers).enumerated() {
                    // Relative pairs after the first count from the one before.
                    (x, y) = isRelative ? (x + pair.0, y + pair.1) : pair
                    if index == 0, command.lowercased() == "m" {
                        start = (x, y)
                        found.append(.move(x, y))
                    } else {
                        found.append(.line(x, y))
                    }
                }
            case "h":
                for number in numbers {
                    x = isRelative ? x + number : number
                    found.append(.line(x, y))
                }
            case "v":
                for number in numbers {
                    y = isRelative ? y + number : number
                    found.append(.line(x, y))
                }
            case "c" where numbers.count == 6:
                found.append(
                    .curve(
                        left + numbers[0], top + numbers[1], left + numbers[2], top + numbers[3],
                        left + numbers[4], top + numbers[5]))
                (x, y) = (left + numbers[4], top + numbers[5])
            case "a":
                for arc in stride(from: 0, to: numbers.count - 6, by: 7) {
                    let end =
                        isRelative
                        ? (x + numbers[arc + 5], y + numbers[arc + 6]) : (numbers[arc + 5], numbers[arc + 6])
                    found += halfCircle(from: (x, y), to: end, clockwise: numbers[arc + 4] > 0)
                    (x, y) = end
                }
            case "z":
                found.append(.close)
                (x, y) = start
            default: break
            }
        }
        return found
    }

    private static func pairs(_ numbers: [Double]) -> [(Double, Double)] {
        stride(from: 0, to: numbers.count - 1, by: 2).map { (numbers[$0], numbers[$0 + 1]) }
    }

    /// The commands with their numbers.
    private static func commands(of data: String) -> [(Character, [Double])] {
        var found: [(Character, [Double])] = []
        var number = ""
        func flush() {
            if let value = Double(number), !found.isEmpty { found[found.count - 1].1.append(value) }
            number = ""
        }
        for character in data {
            switch character {
            case "-" where !number.isEmpty && !number.hasSuffix("e"):
                flush()
                number = "-"
            case "0"..."9", ".", "-", "e": number.append(character)
            case " ", ",": flush()
            default:
                flush()
                found.append((character, []))
            }
        }
        flush()
        return found
    }

    /// Two quarters of a circle between opposite points, by the cubic that is off by 0.03 % of the radius.
    private static func halfCircle(
        from: (x: Double, y: Double), to: (x: Double, y: Double), clockwise: Bool
    ) -> [Drawing.Segment] {
        let k = 0.5522847498
        let (cx, cy) = ((from.x + to.x) / 2, (from.y + to.y) / 2)
        let (ax, ay) = (from.x - cx, from.y - cy)
        // The radius turned by a quarter; with the vertical axis pointing down, sweep 1 is clockwise.
        let (bx, by) = clockwise ? (-ay, ax) : (ay, -ax)
        return [
            .curve(
                cx + ax + k * bx, cy + ay + k * by, cx + bx + k * ax, cy + by + k * ay, cx + bx, cy + by),
            .curve(
                cx + bx - k * ax, cy + by - k * ay, cx - ax + k * bx, cy - ay + k * by, cx - ax, cy - ay),
        ]
    }
}
