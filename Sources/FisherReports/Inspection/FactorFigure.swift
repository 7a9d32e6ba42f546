import FisherInformation
import FisherStudies
import Torch

/// The factors of one layer's K-FAC surrogate: both as heat maps, and their spectra.
struct FactorFigure: Figure {
    let layer: LayerInspection
    private let inputs: HeatMap
    private let outputs: HeatMap
    private let spectra: SpectrumPlot
    private let sizes: (inputs: Int, outputs: Int)

    /// The figure of a layer with factors; nil for one without.
    init?(_ layer: LayerInspection) throws(TorchError) {
        guard let factors = layer.factors else { return nil }
        self.layer = layer
        sizes = (factors.inputs.matrix.shape[0], factors.outputs.matrix.shape[0])
        inputs = HeatMap(try factors.inputs.matrix.scalars(), size: sizes.inputs)
        outputs = HeatMap(try factors.outputs.matrix.scalars(), size: sizes.outputs)
        spectra = SpectrumPlot(factors)
    }

    var title: String { "\(layer.path.readableName) (\(layer.kind)): K-FAC's surrogate" }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        guard let factors = layer.factors else { return "" }
        return "Factor A of \(sizes.inputs) inputs: "
            + "\(NumberText.share(factors.inputs.share.raw)) of its energy lies on the diagonal, effective "
            + "rank \(NumberText.significant(factors.inputs.spectrum.effectiveRank)). Factor S of "
            + "\(sizes.outputs) outputs: \(NumberText.share(factors.outputs.share.raw)), effective rank "
            + "\(NumberText.significant(factors.outputs.spectrum.effectiveRank))."
    }

    /// The numbers under the drawing.
    var caption: String {
        guard let factors = layer.factors else { return "" }
        func words(_ name: String, _ factor: FactorInspection) -> String {
            let centred =
                factor.share.centred.map { " (\(NumberText.share($0)) without the mean)" } ?? ""
            return
                "\(name): \(NumberText.share(factor.share.raw)) of the energy on the diagonal\(centred), "
                + "\(NumberText.share(factor.discs.dominantShare)) of the rows diagonally dominant, "
                + "removing off-diagonals moves the eigenvalues by "
                + NumberText.significant(factor.spectrum.relativeShift(to: factor.diagonalSpectrum)) + "."
        }
        return words("A", factors.inputs) + " " + words("S", factors.outputs)
    }

    private static let top = 22.0

    /// The side of a heat map.
    private func side(_ layout: ChartLayout) -> Double {
        layout.hasRoomForNames ? 270 : (layout.width - 24) / 2
    }

    func height(in layout: ChartLayout) -> Double {
        Self.top + side(layout) + (layout.hasRoomForNames ? 46 : 336)
    }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let isWide = layout.hasRoomForNames
        let (side, top) = (side(layout), Self.top)
        let second = isWide ? 304.0 : side + 24
        let maps =
            [
                SVG.text("A, \(sizes.inputs) inputs", x: 0, y: 14, class: "axis-title"),
                SVG.text("S, \(sizes.outputs) outputs", x: second, y: 14, class: "axis-title"),
            ] + inputs.drawing(x: 0, y: top, size: side)
            + outputs.drawing(x: second, y: top, size: side)
            + (inputs.hasNegative || outputs.hasNegative
                ? HeatMap.signedScale(x: 0, y: top + side + 12, width: side)
                : HeatMap.scale(x: 0, y: top + side + 12, width: side))
        let plot =
            isWide
            ? spectra.drawing(x: 600, y: top + 10, width: 360, height: side + 30)
            : spectra.drawing(x: 0, y: top + side + 70, width: layout.width, height: 260)
        let heading = SVG.text(
            "eigenvalues, relative to the largest", x: isWide ? 600 : 0, y: isWide ? 14 : top + side + 52,
            class: "axis-title")
        return [.tag("g", [:], maps), .tag("g", [:], [heading] + plot)]
    }
}
