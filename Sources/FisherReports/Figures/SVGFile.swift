import Foundation

/// A drawing as an SVG file that needs nothing else: no style sheet, no variables, no script.
enum SVGFile {
    /// The file's text.
    ///
    /// - Parameters:
    ///   - drawing: what is drawn.
    ///   - points: the width in points, 1/72 inch.
    ///   - title: the name for readers who cannot see it.
    ///   - description: likewise, what it shows.
    ///   - background: a color behind everything; nil leaves it transparent.
    static func source(
        _ drawing: Drawing, points: Double, title: String, description: String, background: String? = nil
    ) -> String {
        let scale = points / drawing.width
        let all = Markup.Attribute.init
        var parts: [Markup] = [.tag("title", [:], title.printable), .tag("desc", [:], description.printable)]
        if let background {
            // Larger than the drawing: its height in pixels is seldom whole, and the last row must be opaque too.
            parts.append(
                .tag(
                    "rect",
                    ["x": "-1%", "y": "-1%", "width": "102%", "height": "102%", "fill": background]))
        }
        var clips: [Drawing.Box] = []
        let items = drawing.items.map { item -> Markup in
            switch item {
            case .words(let words): return text(words)
            case .outline(let outline, let paint, let clip):
                var attributes = [all("d", data(of: outline))] + Self.attributes(of: paint)
                if let clip {
                    let known = clips.firstIndex(of: clip) ?? clips.count
                    if known == clips.count { clips.append(clip) }
                    attributes.append(all("clip-path", "url(#clip\(known))"))
                }
                return .element("path", attributes, [])
            }
        }
        parts += clips.enumerated().map { index, box in
            .tag(
                "clipPath", ["id": "clip\(index)"],
                [
                    .tag(
                        "rect",
                        [
                            "x": SVG.number(box.x), "y": SVG.number(box.y), "width": SVG.number(box.width),
                            "height": SVG.number(box.height),
                        ])
                ])
        }
        let root = Markup.tag(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "width": "\(SVG.precise(points))pt",
                "height": "\(SVG.precise(drawing.height * scale))pt",
                "viewBox": "0 0 \(SVG.number(drawing.width)) \(SVG.number(drawing.height))",
                "font-family": "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif",
                "font-size": SVG.number(Helvetica.figureSize), "role": "img",
            ], parts + items)
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + root.rendered
    }

    private static func text(_ words: Drawing.Words) -> Markup {
        .tag(
            "text",
            [
                "x": SVG.number(words.x), "y": SVG.number(words.y), "text-anchor": words.anchor.rawValue,
                "font-weight": words.isBold ? "bold" : "normal", "fill": words.color,
            ], words.text)
    }

    private static func attributes(of paint: Drawing.Paint) -> [Markup.Attribute] {
        func attribute(_ name: String, _ value: String) -> [Markup.Attribute] {
            [Markup.Attribute(name: name, value: value)]
        }
        var found = attribute("fill", paint.fill ?? "none")
        if paint.fill != nil, paint.fillOpacity < 1 {
            found += attribute("fill-opacity", SVG.precise(paint.fillOpacity))
        }
        if let stroke = paint.stroke {
            found += attribute("stroke", stroke) + attribute("stroke-width", SVG.precise(paint.width))
            if paint.strokeOpacity < 1 {
                found += attribute("stroke-opacity", SVG.precise(paint.strokeOpacity))
            }
            if !paint.dash.isEmpty {
                found += attribute("stroke-dasharray", paint.dash.map(SVG.precise).joined(separator: " "))
            }
            if paint.hasRoundCaps { found += attribute("stroke-linecap", "round") }
            found += attribute("stroke-linejoin", "round")
        }
        return found
    }

    /// The path commands of an outline.
    private static func data(of outline: [Drawing.Segment]) -> String {
        outline.map { segment in
            switch segment {
            case .move(let x, let y): "M\(place(x, y))"
            case .line(let x, let y): "L\(place(x, y))"
            case .curve(let ax, let ay, let bx, let by, let x, let y):
                "C\(place(ax, ay)) \(place(bx, by)) \(place(x, y))"
            case .close: "Z"
            }
        }.joined()
    }

    private static func place(_ x: Double, _ y: Double) -> String {
        SVG.precise(x) + " " + SVG.precise(y)
    }
}
