import FisherInformation
import FisherStudies

/// The spectrum of one layer's true block: of all units, on half of them tested on the other half, and that of K-FAC's
/// surrogate.
struct BlockFigure: Figure {
    private let layer: LayerInspection
    private let plot: SpectrumPlot

    init(_ layer: LayerInspection) {
        self.layer = layer
        let block = layer.block
        let largest = block.spectrum.values.first ?? 0
        func relative(_ values: [Double]) -> [Double] { largest > 0 ? values.map { $0 / largest } : [] }
        var pairs = [
            SpectrumPlot.Pair(
                label: "true block", whole: relative(Array(block.spectrum.values.prefix(block.rank))),
                dashed: relative(block.halves?.heldOut ?? []))
        ]
        if let factors = layer.factors {
            pairs.append(
                SpectrumPlot.Pair(
                    label: "K-FAC's surrogate",
                    whole: relative(Self.products(factors, count: max(block.rank, 16))), dashed: []))
        }
        plot = SpectrumPlot(pairs, note: "dashed: eigenvectors of half the units, on the other half")
    }

    /// The largest eigenvalues of A (x) S.
    private static func products(_ factors: LayerInspection.Factors, count: Int) -> [Double] {
        let (a, s) = (factors.inputs.spectrum.values, factors.outputs.spectrum.values)
        // Element (i, k) of the sorted factors is at most the ((i + 1) (k + 1))th largest.
        var found: [Double] = []
        for (i, x) in a.enumerated() where i < count {
            for (k, y) in s.enumerated() {
                if (i + 1) * (k + 1) > count { break }
                found.append(x * y)
            }
        }
        return Array(found.sorted(by: >).prefix(count))
    }

    var title: String { "\(layer.path.readableName) (\(layer.kind)): true block" }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        "Eigenvalues of the true block of \(layer.block.parameterCount) parameters, relative to the largest: rank "
            + "\(layer.block.rank), effective rank \(NumberText.significant(layer.block.effectiveRank))."
    }

    /// The numbers under the drawing.
    var caption: String {
        let block = layer.block
        let text = NumberText.typographic
        let errors = layer.errors.map { error in
            "\(Self.name(error.structure)) \(text.fixed(error.comparison.relativeDistance, decimals: 3))"
                + (error.isWorseThanZero ? " (a matrix of zeros would be nearer)" : "")
        }
        let parameters = [1e-4, 1e-3, 1e-2, 1e-1].map { share -> String in
            let damping = share * (block.spectrum.values.first ?? 0)
            return "\(NumberText.significant(block.effectiveParameters(damping: damping))) at "
                + NumberText.short(share)
        }
        return "Norm \(NumberText.significant(block.norm)), largest eigenvalue "
            + "\(NumberText.significant(block.spectrum.values.first ?? 0)), rank \(text.grouped(block.rank)) of "
            + "\(text.grouped(block.parameterCount)). Error relative to the block: "
            + errors.joined(separator: ", ") + ". Effective parameters: "
            + parameters.joined(separator: ", ") + " times the largest eigenvalue as damping."
    }

    private static func name(_ structure: String) -> String {
        ["diagonal": "diagonal", "kronecker": "K-FAC", "ekfac": "EKFAC"][structure] ?? structure
    }

    func height(in layout: ChartLayout) -> Double { 330 }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let heading = SVG.text(
            "eigenvalues, relative to the true block's largest", x: 0, y: 14, class: "axis-title")
        return [
            .tag(
                "g", [:],
                [heading]
                    + plot.drawing(
                        x: 0, y: 32, width: layout.hasRoomForNames ? 734 : layout.width, height: 292))
        ]
    }
}
