import Fisher
import Foundation

/// An inspection as one HTML page that needs nothing else: no network, no script to be read.
public struct InspectionReport {
    private let inspection: ModelInspection
    private let subject: InspectionSubject

    /// The report of an inspection.
    public init(_ inspection: ModelInspection, of subject: InspectionSubject) {
        self.inspection = inspection
        self.subject = subject
    }

    /// The page's source; throws why a factor could not be computed, if so.
    public func page() throws(TorchError) -> String {
        let head = Markup.tag(
            "head", [:],
            [
                .tag("meta", ["charset": "utf-8"]),
                .tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .tag("meta", ["name": "color-scheme", "content": "light dark"]),
                .tag("title", [:], "\(subject.title): Fisher information"),
                .tag("style", [:], [.verbatim(ReportStyle.sheet + Self.style)]),
            ])
        var sections = [opening, table, map]
        for (index, layer) in inspection.layers.enumerated() {
            if let figure = try FactorFigure(layer) { sections.append(drawn(figure, id: "layer-\(index)")) }
        }
        let body = Markup.tag(
            "body", [:],
            [
                .tag("main", [:], sections + [footer]),
                .tag("script", [:], [.verbatim(ReportScript.source)]),
            ])
        return "<!DOCTYPE html>\n" + Markup.tag("html", ["lang": "en"], [head, body]).rendered + "\n"
    }

    /// Writes the page, whole or not at all.
    public func write(to path: String) throws {
        try DurableStorage.replaceFile(at: path, with: Data(try page().utf8))
    }

    /// The areas of the maps, over the report's own style sheet.
    private static let style = """

        .heat{fill:var(--series-0);stroke:none}
        .least .heat{fill:var(--series-1)}
        .unreached{fill:var(--strong-rule);stroke:none}
        .frame{fill:none;stroke:var(--rule);stroke-width:1}
        .layers tbody th{min-width:0;display:block}
        .layers tbody th,.layers tbody td{padding-top:7px;padding-bottom:7px}
        .layers .below{display:block}
        .layers .name{overflow-wrap:normal}
        .least text.tick,.least text.number{font-size:11.5px}

        """

    private var opening: Markup {
        let text = NumberText.typographic
        let count = inspection.layers.reduce(0) { $0 + $1.parameterCount }
        let facts =
            [
                text.counted(inspection.layers.count, "layer"), text.grouped(count) + " parameters",
                text.counted(inspection.observationCount, "observation"),
                "true information: \(inspection.source)",
            ] + subject.settings.map { "\($0.name): \($0.value)" }
        return .tag(
            "header", [:],
            [
                .tag("p", ["class": "eyebrow"], "Fisher information"),
                .tag("h1", [:], subject.title),
                .tag("p", ["class": "description"], subject.description),
                .tag("p", ["class": "headline"], headline),
                .tag("p", ["class": "facts"], facts.map { .tag("span", [:], $0) }),
            ])
    }

    /// What the numbers come to, in two sentences.
    private var headline: String {
        let trace = inspection.layers.reduce(0) { $0 + $1.trace }
        let empirical = inspection.layers.reduce(0) { $0 + $1.empiricalTrace }
        let ratio = trace > 0 ? InspectionTable.short(empirical / trace) : "-"
        let factors = inspection.layers.compactMap(\.factors)
        let shares = factors.map(\.diagonalShare).sorted()
        let middle = shares.isEmpty ? nil : shares[shares.count / 2]
        return "The information of an observation has the trace \(InspectionTable.short(trace)); the data's "
            + "labels make it \(ratio) times that."
            + (middle.map {
                " A diagonal keeps \(InspectionTable.share($0)) of the squared energy of the Kronecker factors "
                    + "(median over \(factors.count) layers)."
            } ?? " No layer has Kronecker factors.")
    }

    private var table: Markup {
        let rows = InspectionTable(inspection, numbers: .typographic)
        let titles = InspectionTable.titles.map { $0.joined(separator: " ") }
        // The type stands under the name.
        let columns = titles.indices.filter { $0 != 1 }
        let head = Markup.tag("tr", [:], columns.map { .tag("th", ["scope": "col"], titles[$0]) })
        let body = rows.rows.map { cells in
            Markup.tag(
                "tr", [:],
                [
                    .tag(
                        "th", ["scope": "row"],
                        [
                            .tag("span", ["class": "name"], Self.breakable(cells[0])),
                            .tag("span", ["class": "minor below"], cells[1]),
                        ])
                ] + columns.dropFirst().map { .tag("td", ["data-title": titles[$0]], cells[$0]) })
        }
        let notes = [
            rows.footnote,
            "The trace is that of the true diagonal, summed over the layer's parameters. Effective rank (exp of "
                + "the entropy of the eigenvalues) and condition number are those of A (x) S. The diagonal share "
                + "is the part of its squared energy on the diagonal, with the means of A and S in it and removed. "
                + "Empirical distance is that of the diagonal at the data's labels from the true one, relative to "
                + "the latter; cosine the angle between the two.",
        ].compactMap { $0 }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Layers"),
                .tag("table", ["class": "layers"], [.tag("thead", [:], [head]), .tag("tbody", [:], body)]),
            ] + notes.map { .tag("p", ["class": "note"], $0) })
    }

    /// A path that may be broken after its dots.
    private static func breakable(_ path: String) -> [Markup] {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        return parts.enumerated().flatMap { index, part -> [Markup] in
            index + 1 < parts.count ? [.text(part + "."), .tag("wbr")] : [.text(String(part))]
        }
    }

    private var map: Markup {
        let map = LeastInformedMap(found: inspection.leastInformed)
        let share = InspectionTable.short(100 * inspection.leastInformed.share)
        return .tag(
            "figure", [:],
            [
                .tag("h2", [:], "Least-informed parameters"),
                .tag(
                    "div", ["class": "canvas"],
                    ChartLayout.all.map { map.drawing($0, id: "least-\($0.name)") }),
                .tag(
                    "figcaption", [:],
                    "The \(share) % of the elements with the least information (at most "
                        + "\(InspectionTable.short(inspection.leastInformed.threshold)); equal ones count "
                        + "together), and in gray those with none. A cell is as strong as the root of the share of "
                        + "its elements. " + map.summary),
            ])
    }

    private func drawn(_ figure: FactorFigure, id: String) -> Markup {
        .tag(
            "figure", [:],
            [
                .tag("h2", [:], "\(InspectionTable.name(figure.layer.path)) (\(figure.layer.kind))"),
                .tag(
                    "div", ["class": "canvas"],
                    ChartLayout.all.map { figure.drawing($0, id: "\(id)-\($0.name)") }),
                .tag("figcaption", [:], figure.caption),
            ])
    }

    private var footer: Markup {
        .tag(
            "footer", [:],
            [
                .tag(
                    "p", [:],
                    "Made by fisher inspect. Heat maps show magnitudes on a logarithmic scale; matrices of more "
                        + "than \(HeatMap.largestSide) rows by the root mean square of blocks. A trailing 1 in the "
                        + "inputs stands for the bias.")
            ])
    }
}
