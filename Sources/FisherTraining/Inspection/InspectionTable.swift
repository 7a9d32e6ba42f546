import Fisher
import Foundation

/// The numbers of an inspection, a layer a row.
struct InspectionTable {
    /// The titles in lines, and the units under them.
    static let titles = [
        ["layer"], ["type"], ["parameters"], ["trace"], ["effective", "rank"], ["condition", "number"],
        ["diagonal", "share"], ["mean", "removed"], ["empirical", "distance"], ["cosine"],
    ]

    /// The cells of each layer; those without Kronecker factors say so where a factor's number would stand.
    let rows: [[String]]
    /// The layers without Kronecker factors.
    let withoutFactors: [String]

    init(_ inspection: ModelInspection, numbers: NumberText = .plain) {
        rows = inspection.layers.map { layer in
            [
                Self.name(layer.path), layer.kind, numbers.grouped(layer.parameterCount),
                Self.short(layer.trace), Self.short(layer.effectiveRank) + (layer.factors == nil ? " *" : ""),
                Self.short(layer.conditionNumber) + (layer.factors == nil ? " *" : ""),
                layer.factors.map { Self.share($0.diagonalShare) } ?? "no factors",
                layer.factors?.centredShare.map(Self.share) ?? "-",
                Self.short(layer.comparison.relativeDistance),
                numbers.fixed(layer.comparison.cosine, decimals: 3),
            ]
        }
        withoutFactors = inspection.layers.filter { $0.factors == nil }.map { Self.name($0.path) }
    }

    /// What the star means; nothing where all layers have factors.
    var footnote: String? {
        guard !withoutFactors.isEmpty else { return nil }
        return "* without Kronecker factors, of the diagonal alone: " + withoutFactors.joined(separator: ", ")
    }

    /// The table for a terminal or a file.
    func text(usesColor: Bool) -> String {
        let columns = Self.titles.enumerated().map { index, title in
            TextTable.Column(title, index < 2 ? .left : .right, rows.map { TextTable.Cell($0[index]) })
        }
        let lines = TextTable(columns).lines(usesColor: usesColor)
        return (lines + (footnote.map { ["", $0] } ?? [])).joined(separator: "\n")
    }

    /// A layer's path, or what stands for the model itself.
    static func name(_ path: ParameterPath) -> String { path == .root ? "(the model)" : "\(path)" }

    /// Three significant digits.
    static func short(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : "inf" }
        let size = abs(value)
        if value == 0 { return "0" }
        if size >= 1e5 || size < 1e-3 { return String(format: "%.2e", value) }
        return String(format: size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.3g", value)
    }

    /// A share with enough digits to tell it from zero and one.
    static func share(_ value: Double) -> String {
        value < 0.001 && value > 0 ? String(format: "%.1e", value) : String(format: "%.3f", value)
    }
}

extension ModelInspection {
    /// The table by layer, layers without Kronecker factors named below it.
    public func table(usesColor: Bool = false) -> String { InspectionTable(self).text(usesColor: usesColor) }
}
