import FisherStudies
import Foundation

/// One figure of a study, for a paper: a column wide, legible there, with everything in one file.
///
/// Names stand below the drawing, each beside the line and the mark of its series. The title belongs into the caption.
public struct StudyFigure: Sendable {
    /// The name by which the command line knows it.
    public let name: String
    /// The title that the page gives it.
    public let title: String
    /// A description for readers who cannot see it, and a start for its caption.
    public let summary: String
    private let drawing: Drawing

    /// The width of a column in points, 3.3 inches: texts are 8.6 points high.
    public static let columnWidth = 237.6

    init(name: String, _ figure: any Figure) {
        (self.name, title, summary) = (name, figure.title, figure.summary)
        let layout = ChartLayout.narrow
        var drawing = Drawing(
            figure.content(in: layout, id: name), width: layout.width, height: figure.height(in: layout))
        drawing.add(figure.legend)
        self.drawing = drawing
    }

    /// The figure as SVG; on white paper where `isOpaque`.
    public func svg(isOpaque: Bool = false) -> Data {
        Data(
            SVGFile.source(
                drawing, points: Self.columnWidth, title: title, description: summary,
                background: isOpaque ? "#ffffff" : nil
            ).utf8)
    }

    /// The figure as PDF.
    public func pdf() -> Data { PDFFile.encoded(drawing, points: Self.columnWidth, title: title) }

    /// The pixels of an inch of a figure as PNG.
    public static let pixelsAnInch = 300.0

    /// A PNG file that was drawn of ``svg(isOpaque:)`` by ``pixelsAnInch``, with its size.
    public static func sized(png: [UInt8]) -> Data {
        Data(PNGImage.sized(png, pixelsAnInch: pixelsAnInch))
    }

    /// Where everything lies, for tests.
    var parts: Drawing { drawing }
}

extension Drawing {
    private static let lineHeight = 19.0

    /// Adds the series' names below, as many in a line as fit.
    mutating func add(_ legend: [(style: SeriesStyle, label: String)]) {
        guard !legend.isEmpty else { return }
        var (x, y) = (0.0, height + 14)
        let room = width - 72
        for (style, label) in legend {
            let name = Self.cut("\(style.letter)  \(label)", to: room)
            let length = 42 + Helvetica.width(of: name, size: Helvetica.figureSize)
            if x > 0, x + length > width {
                (x, y) = (0, y + Self.lineHeight)
            }
            let sample = SVG.group(
                style: style,
                [
                    SVG.path(
                        SVG.polyline([(x, y - 4.5), (x + 34, y - 4.5)]), class: "curve", dash: style.dash),
                    SVG.path(style.markPath(x: x + 17, y: y - 4.5, radius: 4), class: "mark"),
                ])
            items +=
                Drawing([sample, SVG.text(name, x: x + 40, y: y, class: "label")], width: width, height: 0)
                .items
            x += length + 16
        }
        height = y + 8
    }

    /// The text, ended with an ellipsis where it is wider than `room`.
    private static func cut(_ text: String, to room: Double) -> String {
        func width(_ text: String) -> Double { Helvetica.width(of: text, size: Helvetica.figureSize) }
        if width(text) <= room { return text }
        var text = text
        while !text.isEmpty, width(text + "\u{2026}") > room { text.removeLast() }
        return text + "\u{2026}"
    }
}
