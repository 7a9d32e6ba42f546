import FisherStudies
import Foundation

extension Markup {
    /// What a task shows of a run, as a section.
    ///
    /// - Parameters:
    ///   - exhibit: The pictures or the table.
    ///   - run: The run's name behind the title; empty if the page is of one run.
    static func exhibit(_ exhibit: TaskExhibit, of run: String) -> Markup {
        func title(_ own: String) -> String { run.isEmpty ? own : "\(own): \(run)" }
        switch exhibit {
        case .pictures(let grid):
            return .section(title(grid.title), [pictures(grid)], notes: [grid.caption])
        case .table(let table):
            return .section(
                title(table.title), [.table(table.studyTable, class: "runs texts", style: { _ in nil })],
                notes: [table.caption])
        }
    }

    /// Pictures in rows and columns, each part of the page itself.
    private static func pictures(_ grid: PictureGrid) -> Markup {
        let heads = grid.columnTitles.map { Markup.tag("th", ["scope": "col"], $0) }
        let corner: [Markup] = grid.rowTitles.isEmpty ? [] : [.tag("td", [:], "")]
        let rows = grid.rows.enumerated().map { index, images -> Markup in
            let head: [Markup] =
                grid.rowTitles.isEmpty
                ? []
                : [.tag("th", ["scope": "row"], index < grid.rowTitles.count ? grid.rowTitles[index] : "")]
            return .tag(
                "tr", [:], head + images.enumerated().map { .tag("td", [:], [picture($1, grid, index, $0)]) })
        }
        let first: [Markup] = heads.isEmpty ? [] : [.tag("tr", [:], corner + heads)]
        return .tag("div", ["class": "scrolled"], [.tag("table", ["class": "pictures"], first + rows)])
    }

    private static func picture(_ image: RasterImage, _ grid: PictureGrid, _ row: Int, _ column: Int)
        -> Markup
    {
        // Small pictures are enlarged by whole factors, so that each pixel stays a square.
        let factor = max(1, 64 / max(image.width, image.height))
        let names = [
            row < grid.rowTitles.count ? grid.rowTitles[row] : "row \(row + 1)",
            column < grid.columnTitles.count ? grid.columnTitles[column] : "column \(column + 1)",
        ]
        return .tag(
            "img",
            [
                "src": "data:image/png;base64," + PNGImage.encoded(image).base64EncodedString(),
                "width": "\(image.width * factor)", "height": "\(image.height * factor)",
                "alt": names.joined(separator: ", "),
            ])
    }
}
