import FisherInformation
import FisherStudies
import Foundation
import Torch

/// An inspection as one self-contained HTML page, readable without a network and without scripts.
public struct InspectionReport {
    private let inspection: ModelInspection
    private let document: InspectionDocument
    private let options: PageOptions

    /// The report of an inspection.
    public init(
        _ inspection: ModelInspection, of subject: InspectionSubject, _ options: PageOptions = PageOptions()
    ) {
        (self.inspection, self.options) = (inspection, options)
        document = InspectionDocument(inspection, of: subject)
    }

    /// The page's source; throws why a factor could not be computed, if so.
    public func page() throws(TorchError) -> String {
        let head: [Markup?] = [
            opening, table, .warnings(document.warnings), sample, damping, surrogates, map.markup,
        ]
        let footer: Markup = .footer(
            "Made by fisher inspect. Heat maps show magnitudes on a logarithmic scale and signs by color, negative "
                + "cells as smaller squares; matrices of more than \(HeatMap.largestSide) rows by the root mean "
                + "square and the sign of the sum of blocks. A trailing 1 in the inputs stands for the bias."
                + (options.source.map { " " + $0 } ?? ""))
        return ReportPage(
            title: options.title ?? "\(document.subject.title): Fisher information",
            style: HeatMap.style + Self.style, head + (try layerFigures()).map(\.markup) + [footer]
        ).source
    }

    /// The spectra of the layers' blocks and the factors of their surrogates.
    private func layerFigures() throws(TorchError) -> [NamedFigure] {
        var figures: [NamedFigure?] = []
        for (index, layer) in inspection.layers.enumerated() {
            let block = BlockFigure(layer)
            figures.append(NamedFigure("block-\(index)", block, note: block.caption))
            if let figure = try FactorFigure(layer) {
                figures.append(NamedFigure("layer-\(index)", figure, note: figure.caption))
            }
        }
        return figures.compactMap(\.self)
    }

    /// The figures for papers: the map of the least-informed parameters, `least`, then of each layer, counted from 0, the
    /// spectrum `block-0` and the factors `layer-0`.
    public func figures() throws(TorchError) -> [StudyFigure] {
        ([map] + (try layerFigures())).map { StudyFigure(name: $0.name, $0.figure) }
    }

    /// Writes the page, whole or not at all.
    public func write(to path: String) throws {
        try DurableStorage.replaceFile(at: path, with: Data(try page().utf8))
    }

    /// The areas of the maps, over the report's own style sheet.
    private static let style = """

        .least .heat{fill:var(--series-1)}
        .unreached{fill:var(--strong-rule);stroke:none}
        .frame{fill:none;stroke:var(--rule);stroke-width:1}
        .layers tbody th{min-width:0;display:block}
        .layers tbody th,.layers tbody td{padding-top:7px;padding-bottom:7px}
        @media (min-width:721px){.layers thead th+th,.layers tbody td{padding-left:10px}}
        .layers .below{display:block}
        .layers .name{overflow-wrap:normal}
        @media (min-width:721px){.dense,.dense thead th{font-size:12px}}
        .least text.tick,.least text.number{font-size:11.5px}

        """

    private var opening: Markup {
        let text = NumberText.typographic
        let count = document.layers.reduce(0) { $0 + $1.parameters }
        return .opening(
            "Fisher information", title: options.title ?? document.subject.title,
            description: document.subject.description,
            headline: headline,
            facts: [
                text.counted(document.layers.count, "layer"), text.grouped(count) + " parameters",
                text.counted(document.observations, "observation"), "true information: \(document.source)",
            ] + document.subject.settings.map { "\($0.name): \($0.value)" })
    }

    /// The result in a few sentences.
    private var headline: String {
        let trace = document.layers.reduce(0) { $0 + $1.trace }
        let empirical = document.layers.reduce(0) { $0 + $1.empiricalTrace }
        let ratio = trace > 0 ? NumberText.significant(empirical / trace) : "-"
        func middle(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : values.sorted()[values.count / 2]
        }
        let share = middle(document.layers.map(\.diagonalShare)).map {
            " A diagonal keeps \(NumberText.share($0)) of the squared norm of a layer's true block"
        }
        let errors = document.layers.compactMap { layer in
            layer.errors.first { $0.structure == "kronecker" }?.comparison.relativeDistance
        }
        let error = middle(errors).map { ", K-FAC is wrong by \(NumberText.significant($0)) of its norm" }
        return "The information of an observation has the trace \(NumberText.significant(trace)); the data's "
            + "labels make it \(ratio) times that." + (share ?? "") + (error ?? "")
            + " (medians over the layers). Between layers lies "
            + "\(NumberText.share(document.betweenLayersShare)) of the whole."
    }

    private var table: Markup {
        .section(
            "Layers: true blocks and their approximations",
            [Self.layers(document.overview)],
            notes: [
                document.legend, document.wholeText,
                "The trace is that of the true diagonal over all batches. All else in the table is of the Gram matrix of "
                    + "the gradients of \(document.units) units, \(document.rows) rows, whose eigenvalues are those of "
                    + "the block; no surrogate is in it. Effective rank is exp of the entropy of the eigenvalues.",
            ])
    }

    private var sample: Markup {
        .section(
            "What the sample determines",
            [Self.layers(document.sampleTable, class: "layers dense")],
            notes: [
                "With fewer rows than parameters a block is singular, and its large eigenvalues are too large. The largest "
                    + "on half of the units against all of them shows how fast that falls; what its eigenvector has on "
                    + "the other half is on average at most the true value; the extrapolation removes a bias of the "
                    + "order 1 / n. The noise share is the part of the squared norm that a finite sample adds. "
                    + "Shrinkage is the weight that Ledoit and Wolf's estimate gives to a multiple of the identity.",
                document.conditionText,
            ])
    }

    private var damping: Markup {
        .section(
            "Effective parameters and Takeuchi's penalty",
            [.table(document.dampingTable, class: "layers", style: { _ in nil })],
            notes: [document.takeuchiText])
    }

    private var surrogates: Markup? {
        guard document.surrogateTable.rowCount > 0 else { return nil }
        return .section(
            "K-FAC's surrogates",
            [Self.layers(document.surrogateTable)],
            notes: [
                "Numbers of A (x) S, beside those of the true block that it stands for: they measure the surrogate."
            ])
    }

    /// A table whose first column names layers.
    private static func layers(_ table: StudyTable, class name: String = "layers") -> Markup {
        .table(
            table, class: name, style: { _ in nil },
            label: { breakable(table.columns[0].cells[$0].lines.joined(separator: " ")) })
    }

    /// A path that may be broken after its dots.
    private static func breakable(_ path: String) -> [Markup] {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        return parts.enumerated().flatMap { index, part -> [Markup] in
            index + 1 < parts.count ? [.text(part + "."), .tag("wbr")] : [.text(String(part))]
        }
    }

    private var map: NamedFigure {
        let map = LeastInformedMap(found: inspection.leastInformed)
        return NamedFigure(
            name: "least", figure: map,
            note:
                "The \(NumberText.significant(100 * document.leastInformedShare)) % of the elements with the least "
                + "information (at most \(NumberText.significant(document.leastInformedThreshold)); equal ones "
                + "count together), and in gray those with none. A cell is as strong as the root of the share "
                + "of its elements. " + map.summary)
    }
}
