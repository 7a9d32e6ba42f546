import Foundation

/// A drawing as a PDF file (ISO 32000-1, version 1.4) of one page: vector graphics with the standard fonts Helvetica and
/// Symbol, which are not embedded.
enum PDFFile {
    /// The file's bytes. Equal drawings give equal bytes: the file has no date.
    ///
    /// - Parameters:
    ///   - drawing: what is drawn.
    ///   - points: the width in points, 1/72 inch.
    ///   - title: the document's title.
    static func encoded(_ drawing: Drawing, points: Double, title: String) -> Data {
        let scale = points / drawing.width
        let height = drawing.height * scale
        var opacities: [Opacity] = []
        let body = drawing.items.map { operators(of: $0, &opacities) }.joined()
        // The vertical axis of a page points up.
        let content = "\(number(scale)) 0 0 \(number(-scale)) 0 \(number(height)) cm\n" + body
        let states = opacities.enumerated().map { index, opacity in
            "/G\(index) << /ca \(number(opacity.fill)) /CA \(number(opacity.stroke)) >>"
        }
        let fonts = ["/F1 5 0 R", "/F2 6 0 R", "/F3 7 0 R"].joined(separator: " ")
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 \(number(points)) \(number(height))] /Contents 4 0 R "
                + "/Resources << /Font << \(fonts) >> /ExtGState << \(states.joined(separator: " ")) >> >> >>",
            "<< /Length \(content.utf8.count) >>\nstream\n\(content)\nendstream",
            font("Helvetica", "/Encoding /WinAnsiEncoding"),
            font("Helvetica-Bold", "/Encoding /WinAnsiEncoding"), font("Symbol", ""),
            "<< /Title \(string(title)) /Producer (swift-fisher) >>",
        ]
        var file = Data("%PDF-1.4\n%".utf8) + [0xE2, 0xE3, 0xCF, 0xD3, 0x0A]
        var places: [Int] = []
        for (index, object) in objects.enumerated() {
            places.append(file.count)
            file += Data("\(index + 1) 0 obj\n\(object)\nendobj\n".utf8)
        }
        let table = file.count
        // Each entry of the table has twenty bytes.
        let entries = places.map { String(format: "%010d 00000 n \n", $0) }.joined()
        file += Data(
            ("xref\n0 \(objects.count + 1)\n0000000000 65535 f \n" + entries
                + "trailer\n<< /Size \(objects.count + 1) /Root 1 0 R /Info \(objects.count) 0 R >>\n"
                + "startxref\n\(table)\n%%EOF\n").utf8)
        return file
    }

    private struct Opacity: Hashable {
        let fill: Double
        let stroke: Double
    }

    private static func font(_ name: String, _ more: String) -> String {
        "<< /Type /Font /Subtype /Type1 /BaseFont /\(name) \(more) >>"
    }

    private static func operators(of item: Drawing.Item, _ opacities: inout [Opacity]) -> String {
        switch item {
        case .words(let words): return text(words)
        case .outline(let outline, let paint, let clip):
            let closes = paint.fill != nil && paint.stroke != nil
            let end = closes ? "B" : paint.fill != nil ? "f" : paint.stroke != nil ? "S" : "n"
            let opacity = Opacity(fill: paint.fillOpacity, stroke: paint.strokeOpacity)
            let known = opacities.firstIndex(of: opacity) ?? opacities.count
            if known == opacities.count { opacities.append(opacity) }
            var lines = ["q", "/G\(known) gs"]
            if let clip {
                lines.append(
                    [clip.x, clip.y, clip.width, clip.height].map(number).joined(separator: " ") + " re W n")
            }
            if let fill = paint.fill { lines.append(color(fill) + " rg") }
            if let stroke = paint.stroke {
                let dash = paint.dash.map(number).joined(separator: " ")
                lines.append(
                    "\(color(stroke)) RG \(number(paint.width)) w \(paint.hasRoundCaps ? 1 : 0) J 1 j [\(dash)] 0 d"
                )
            }
            return (lines + [path(outline), end, "Q\n"]).joined(separator: "\n")
        }
    }

    private static func path(_ outline: [Drawing.Segment]) -> String {
        outline.map { segment in
            switch segment {
            case .move(let x, let y): "\(number(x)) \(number(y)) m"
            case .line(let x, let y): "\(number(x)) \(number(y)) l"
            case .curve(let ax, let ay, let bx, let by, let x, let y):
                [ax, ay, bx, by, x, y].map(number).joined(separator: " ") + " c"
            case .close: "h"
            }
        }.joined(separator: "\n")
    }

    /// A text, in pieces of one font each.
    private static func text(_ words: Drawing.Words) -> String {
        var pieces: [(face: Helvetica.Face, bytes: [UInt8])] = []
        for character in words.text {
            let glyph = Helvetica.glyph(character, isBold: words.isBold)
            if pieces.last?.face != glyph.face { pieces.append((glyph.face, [])) }
            pieces[pieces.count - 1].bytes.append(glyph.byte)
        }
        // Letters stand upright in a space whose vertical axis points down.
        let place = "1 0 0 -1 \(number(words.extent.lowerBound)) \(number(words.y)) Tm"
        let shown = pieces.map { piece in
            "/\(piece.face.rawValue) \(number(Helvetica.figureSize)) Tf \(string(piece.bytes)) Tj"
        }
        return "BT \(color(words.color)) rg \(place) \(shown.joined(separator: " ")) ET\n"
    }

    /// A string of bytes, hexadecimal.
    private static func string(_ bytes: [UInt8]) -> String {
        "<" + bytes.map { String(format: "%02X", $0) }.joined() + ">"
    }

    /// A text of any characters, as UTF-16.
    private static func string(_ text: String) -> String {
        string([0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] })
    }

    private static func color(_ hex: String) -> String {
        let value = Int(hex.dropFirst(), radix: 16) ?? 0
        return [16, 8, 0].map { number(Double(value >> $0 & 0xFF) / 255) }.joined(separator: " ")
    }

    /// A number with four decimals at most; PDF knows no exponents.
    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let text = String(format: "%.4f", min(max(value, -1e6), 1e6))
        let cut = text.reversed().drop { $0 == "0" }
        return String((cut.first == "." ? cut.dropFirst() : cut[...]).reversed())
    }
}
