import FisherInformation
import FisherStudies
import Foundation
import Torch

/// An inspection as one self-contained HTML page, readable without a network and without scripts.
public struct InspectionReport {
    private let inspection: ModelInspection
    private let document: InspectionDocument

    /// The report of an inspection.
    public init(_ inspection: ModelInspection, of subject: InspectionSubject) {
        self.inspection = inspection
        document = InspectionDocument(inspection, of: subject)
    }

    /// The page's source; throws why a factor could not be computed, if so.
    public func page() throws(TorchError) -> String {
        var figures: [Markup] = []
        for (index, layer) in inspection.layers.enumerated() {
            if let figure = try FactorFigure(layer) {
                figures.append(figure.figure(id: "layer-\(index)", note: figure.caption))
            }
        }
        return ReportPage(
            title: "\(document.subject.title): Fisher information", style: Self.style,
            [opening, table, map] + figures + [
                .footer(
                    "Made by fisher inspect. Heat maps show magnitudes on a logarithmic scale; matrices of more "
                        + "than \(HeatMap.largestSide) rows by the root mean square of blocks. A trailing 1 in the "
                        + "inputs stands for the bias.")
            ]
        ).source
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
        let count = document.layers.reduce(0) { $0 + $1.parameters }
        return .opening(
            "Fisher information", title: document.subject.title, description: document.subject.description,
            headline: headline,
            facts: [
                text.counted(document.layers.count, "layer"), text.grouped(count) + " parameters",
                text.counted(document.observations, "observation"), "true information: \(document.source)",
            ] + document.subject.settings.map { "\($0.name): \($0.value)" })
    }

    /// The result in two sentences.
    private var headline: String {
        let trace = document.layers.reduce(0) { $0 + $1.trace }
        let empirical = document.layers.reduce(0) { $0 + $1.empiricalTrace }
        let ratio = trace > 0 ? NumberText.significant(empirical / trace) : "-"
        let shares = document.layers.compactMap(\.diagonalShare).sorted()
        let middle = shares.isEmpty ? nil : shares[shares.count / 2]
        return "The information of an observation has the trace \(NumberText.significant(trace)); the data's "
            + "labels make it \(ratio) times that."
            + (middle.map {
                " A diagonal keeps \(NumberText.share($0)) of the squared energy of the Kronecker factors "
                    + "(median over \(shares.count) layers)."
            } ?? " No layer has Kronecker factors.")
    }

    private var table: Markup {
        .section(
            "Layers",
            [
                .table(
                    document.overview, class: "layers", style: { _ in nil },
                    label: { Self.breakable(document.layers[$0].name) })
            ],
            notes: [
                document.legend,
                "The trace is that of the true diagonal, summed over the layer's parameters. Effective rank (exp of "
                    + "the entropy of the eigenvalues) and condition number are those of A (x) S. The diagonal share "
                    + "is the part of its squared energy on the diagonal, with the means of A and S in it and removed. "
                    + "Empirical distance is that of the diagonal at the data's labels from the true one, relative to "
                    + "the latter; cosine the angle between the two.",
            ])
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
        return map.figure(
            id: "least",
            note:
                "The \(NumberText.significant(100 * document.leastInformedShare)) % of the elements with the least "
                + "information (at most \(NumberText.significant(document.leastInformedThreshold)); equal ones "
                + "count together), and in gray those with none. A cell is as strong as the root of the share "
                + "of its elements. " + map.summary)
    }
}
