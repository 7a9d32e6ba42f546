import Fisher

/// One layer's Kronecker factors: both as heat maps, and their spectra.
struct FactorFigure {
    let layer: LayerInspection
    private let inputs: HeatMap
    private let outputs: HeatMap
    private let spectra: SpectrumPlot
    private let sizes: (inputs: Int, outputs: Int)

    /// The figure of a layer with factors; nothing for one without.
    init?(_ layer: LayerInspection) throws(TorchError) {
        guard let factors = layer.factors else { return nil }
        self.layer = layer
        sizes = (factors.inputs.matrix.shape[0], factors.outputs.matrix.shape[0])
        inputs = HeatMap(try factors.inputs.matrix.scalars(), size: sizes.inputs)
        outputs = HeatMap(try factors.outputs.matrix.scalars(), size: sizes.outputs)
        spectra = SpectrumPlot(factors)
    }

    /// What the drawing shows, for who cannot see it.
    var summary: String {
        guard let factors = layer.factors else { return "" }
        return "Factor A of \(sizes.inputs) inputs: "
            + "\(InspectionTable.share(factors.inputs.share.raw)) of its energy lies on the diagonal, effective "
            + "rank \(InspectionTable.short(factors.inputs.spectrum.effectiveRank)). Factor S of "
            + "\(sizes.outputs) outputs: \(InspectionTable.share(factors.outputs.share.raw)), effective rank "
            + "\(InspectionTable.short(factors.outputs.spectrum.effectiveRank))."
    }

    /// The numbers under the drawing.
    var caption: String {
        guard let factors = layer.factors else { return "" }
        func words(_ name: String, _ factor: FactorInspection) -> String {
            let centred =
                factor.share.centred.map { " (\(InspectionTable.share($0)) without the mean)" } ?? ""
            return
                "\(name): \(InspectionTable.share(factor.share.raw)) of the energy on the diagonal\(centred), "
                + "\(InspectionTable.share(factor.discs.dominantShare)) of the rows diagonally dominant, "
                + "removing off-diagonals moves the eigenvalues by "
                + InspectionTable.short(factor.spectrum.relativeShift(to: factor.diagonalSpectrum)) + "."
        }
        return words("A", factors.inputs) + " " + words("S", factors.outputs)
    }

    /// The drawing in one layout.
    func drawing(_ layout: ChartLayout, id: String) -> Markup {
        let isWide = layout.hasRoomForNames
        let side = isWide ? 270.0 : 198
        let second = isWide ? 304.0 : 222
        let title = 22.0
        let maps =
            [
                SVG.text("A, \(sizes.inputs) inputs", x: 0, y: 14, class: "axis-title"),
                SVG.text("S, \(sizes.outputs) outputs", x: second, y: 14, class: "axis-title"),
            ] + inputs.drawing(x: 0, y: title, size: side)
            + outputs.drawing(x: second, y: title, size: side)
            + HeatMap.scale(x: 0, y: title + side + 12, width: side)
        let plot =
            isWide
            ? spectra.drawing(x: 600, y: title, width: 360, height: side + 40)
            : spectra.drawing(x: 0, y: title + side + 60, width: 420, height: 270)
        let heading = SVG.text(
            "eigenvalues, relative to the largest", x: isWide ? 600 : 0, y: isWide ? 14 : title + side + 52,
            class: "axis-title")
        let height = isWide ? title + side + 46 : title + side + 336
        return .tag(
            "svg",
            [
                "class": "chart \(layout.name)", "role": "img", "aria-labelledby": "\(id)-title \(id)-desc",
                "viewBox": "0 0 \(SVG.number(layout.width)) \(SVG.number(height))",
            ],
            [
                .tag("title", ["id": "\(id)-title"], InspectionTable.name(layer.path)),
                .tag("desc", ["id": "\(id)-desc"], summary),
                .tag("g", [:], maps), .tag("g", [:], [heading] + plot),
            ])
    }
}
