import FisherInformation
import Foundation

// What an inspection shows: the layers, what its sample determines, and dampings.
extension InspectionDocument {
    /// Marks an error with which a matrix of zeros would be nearer.
    static let worseThanZero = "!"

    /// One row per layer: the true block, and how far each structure is from it.
    public var overview: StudyTable {
        func error(_ structure: String) -> (Layer) -> Double? {
            { layer in layer.errors.first { $0.structure == structure }?.comparison.relativeDistance }
        }
        func errorColumn(_ title: [String], _ structure: String) -> StudyColumn<Layer> {
            StudyColumn(title) { layer in
                guard let value = error(structure)(layer) else { return "-" }
                return .init(
                    NumberText.plain.fixed(value, decimals: 3) + (value > 1 ? " " + Self.worseThanZero : ""))
            }
        }
        return StudyTable(
            layers,
            [
                StudyColumn(["layer"], key: "layer", .left, field: \.path) { .init($0.name) },
                StudyColumn(["type"], key: "type", .left, detail: \.kind) { .init($0.kind) },
                StudyColumn(["parameters"], key: "parameters", field: { "\($0.parameters)" }) {
                    .init(NumberText.plain.grouped($0.parameters))
                },
                .field("trace", number: \.trace), .field("empirical_trace", number: \.empiricalTrace),
                .field("norm", number: \.block.norm), .field("noise_share", number: \.block.noiseShare),
                .field("rank", number: { Double($0.block.rank) }),
                .field("effective_rank", number: \.block.effectiveRank),
                .field("condition_number", number: \.block.conditionNumber),
                .field("range_condition_number", number: \.block.rangeConditionNumber),
                .field("diagonal_share", number: \.diagonalShare),
                .field("diagonal_error", number: error("diagonal")),
                .field("kronecker_error", number: error("kronecker")),
                .field("ekfac_error", number: error("ekfac")),
                .field("top_eigenvalue", number: \.block.eigenvalues.first),
                .field("top_eigenvalue_half", number: { $0.block.half?.eigenvalues.first }),
                .field("top_eigenvalue_held_out", number: { $0.block.half?.heldOut.first }),
                .field("top_eigenvalue_extrapolated", number: { $0.block.half?.extrapolatedEigenvalue }),
                .field("shrinkage_weight", number: \.block.shrinkage.weight),
                .field("shrunk_condition_number", number: \.block.shrinkage.conditionNumber),
                .field("diagonal_empirical_cosine", number: \.diagonalEmpiricalToTrue.cosine),
                .field("empirical_cosine", number: \.blockEmpiricalToTrue.cosine),
                .field("empirical_cosine_error", number: \.blockEmpiricalToTrue.standardError),
                .field("empirical_distance", number: \.blockEmpiricalToTrue.relativeDistance),
                .field("surrogate_effective_rank", number: { $0.surrogate?.effectiveRank }),
                .field("surrogate_condition_number", number: { $0.surrogate?.conditionNumber }),
                .field("surrogate_diagonal_share", number: { $0.surrogate?.diagonalShare }),
                StudyColumn(["trace"]) { .init(NumberText.significant($0.trace)) },
                StudyColumn(["rank"]) { .init(NumberText.plain.grouped($0.block.rank)) },
                StudyColumn(["effective", "rank"]) { .init(NumberText.significant($0.block.effectiveRank)) },
                StudyColumn(["diagonal", "share"]) { .init(NumberText.share($0.diagonalShare)) },
                errorColumn(["error of", "diagonal"], "diagonal"),
                errorColumn(["error of", "K-FAC"], "kronecker"), errorColumn(["error of", "EKFAC"], "ekfac"),
                StudyColumn(["empirical", "diagonal"]) { .init(Self.cosine($0.diagonalEmpiricalToTrue)) },
                StudyColumn(["empirical", "block"]) { .init(Self.cosine($0.blockEmpiricalToTrue)) },
            ])
    }

    /// What the sample determines of the spectra: a row per layer, then the whole model.
    public var sampleTable: StudyTable {
        func number(_ title: [String], _ value: @escaping (Block) -> Double?) -> StudyColumn<(String, Block)>
        {
            StudyColumn(title) { .init(value($0.1).map(NumberText.significant) ?? "-") }
        }
        return StudyTable(
            layers.map { ($0.name, $0.block) } + [("whole model", whole)],
            [
                StudyColumn(["layer"], .left) { .init($0.0) },
                number(["largest", "eigenvalue"]) { $0.eigenvalues.first },
                number(["eigenvalue of", "half the units"]) { $0.half?.eigenvalues.first },
                number(["that on the", "other half"]) { $0.half?.heldOut.first },
                number(["eigenvalue", "less 1/n bias"]) { $0.half?.extrapolatedEigenvalue },
                StudyColumn(["noise", "share"]) { .init($0.1.noiseShare.map(NumberText.share) ?? "-") },
                StudyColumn(["rank of", "parameters"]) {
                    .init(
                        "\(NumberText.plain.grouped($0.1.rank)) of \(NumberText.plain.grouped($0.1.parameters))"
                    )
                },
                number(["condition", "in the range"], \.rangeConditionNumber),
                StudyColumn(["shrinkage"]) { .init(NumberText.share($0.1.shrinkage.weight)) },
                number(["shrunk", "condition"], \.shrinkage.conditionNumber),
                number(["effective", "rank"], \.effectiveRank),
                number(["effective rank", "of half"]) { $0.half?.effectiveRank },
                number(["effective rank", "shrunk"], \.shrinkage.effectiveRank),
            ])
    }

    /// Effective parameters and Takeuchi's penalty of the whole model by damping.
    public var dampingTable: StudyTable {
        StudyTable(
            dampings.indices.map { ($0, dampings[$0]) },
            [
                StudyColumn(["damping"], .left) { .init(NumberText.short($0.1)) },
                StudyColumn(["effective", "parameters"]) {
                    .init(NumberText.significant(whole.effectiveParameters[$0.0]))
                },
                StudyColumn(["Takeuchi's", "penalty"]) {
                    .init(NumberText.significant(takeuchiPenalties[$0.0]))
                },
            ])
    }

    /// K-FAC's surrogates as what they are: a row per layer that has one.
    public var surrogateTable: StudyTable {
        func number(
            _ title: [String], _ value: @escaping (Surrogate) -> Double?
        ) -> StudyColumn<(Layer, Surrogate)> {
            StudyColumn(title) { .init(value($0.1).map(NumberText.significant) ?? "-") }
        }
        return StudyTable(
            layers.compactMap { layer in layer.surrogate.map { (layer, $0) } },
            [
                StudyColumn(["layer"], .left) { .init($0.0.name) },
                number(["effective rank", "of A (x) S"], \.effectiveRank),
                StudyColumn(["effective rank", "of the block"]) {
                    .init(NumberText.significant($0.0.block.effectiveRank))
                },
                number(["condition", "of A (x) S"]) { $0.rangeConditionNumber ?? $0.conditionNumber },
                StudyColumn(["condition", "of the block"]) {
                    .init(NumberText.significant($0.0.block.rangeConditionNumber))
                },
                StudyColumn(["diagonal share", "of A (x) S"]) {
                    .init(NumberText.share($0.1.diagonalShare))
                },
                StudyColumn(["that, mean", "removed"]) {
                    .init($0.1.centredDiagonalShare.map(NumberText.share) ?? "-")
                },
                StudyColumn(["diagonal share", "of the block"]) {
                    .init(NumberText.share($0.0.diagonalShare))
                },
            ])
    }

    /// What the blocks are of, in a line.
    public var title: String {
        let number = NumberText.plain
        return "True blocks (\(source)) of \(number.counted(units, "unit")), "
            + "\(number.counted(rows, "row")) of gradients:"
    }

    /// The share between layers, and the empirical information of the whole model, in sentences.
    public var wholeText: String {
        let unbiased =
            unbiasedBetweenLayersShare.map {
                ", \(NumberText.share($0)) without the noise of the sample"
            } ?? ""
        return
            "Between layers lies \(NumberText.share(betweenLayersShare)) of the whole information's squared "
            + "norm\(unbiased). Its rank is \(NumberText.plain.grouped(whole.rank)) of "
            + "\(NumberText.plain.grouped(whole.parameters)), its effective rank "
            + "\(NumberText.significant(whole.effectiveRank)). The whole empirical information has the cosine "
            + "\(Self.cosine(empiricalToTrue)) to it and the relative distance "
            + "\(NumberText.significant(empiricalToTrue.relativeDistance))."
    }

    /// What condition numbers are of, and what was cut.
    public var conditionText: String {
        let number = NumberText.plain
        let lost = whole.parameters - whole.rank
        let cutoff = whole.cutoff.map { ", at or below \(NumberText.short($0)) times the largest" } ?? ""
        return
            "Condition numbers are those of the part that the sample determines: the largest eigenvalue over the smallest "
            + "that is not cut. Cut are eigenvalues that are rounding\(cutoff): "
            + "\(number.grouped(lost)) of \(number.grouped(whole.parameters)) directions of the whole model, in which these "
            + "units have no information. Those of the factors A and S are cut at the rounding of their own type."
    }

    /// What the damping's table covers.
    public var takeuchiText: String {
        "tr[F (F + damping)^-1] and tr[(F + damping)^-1 J] of the whole model, F the true information, J the empirical one; "
            + "\(NumberText.share(takeuchiShare)) of tr J lies where F is not rounding. TIC is twice the loss summed "
            + "over the data plus twice the penalty; it takes a minimum."
    }

    /// The meaning of the columns.
    public var legend: String {
        let flagged = layers.flatMap(\.errors).contains(where: \.isWorseThanZero)
        return
            "Rank, effective rank and diagonal share are those of the true block F; an error is |structure - F| / |F|. "
            + (flagged ? "\(Self.worseThanZero): a matrix of zeros would be nearer. " : "")
            + "Empirical: the cosine of the diagonal and of the block at the data's labels to the true ones"
            + (layers.contains { $0.blockEmpiricalToTrue.standardError ?? 0 > 0 }
                ? ", with the standard error of the draws." : ".")
    }

    /// Warnings for what a sample is too small to show.
    public var warnings: [String] {
        var found: [String] = []
        if rows < whole.parameters, let noise = whole.noiseShare, noise > 0.1 {
            found.append(
                "\(NumberText.share(noise)) of the squared norm of the whole information is the noise of "
                    + "\(units) units: eigenvalues are too large and ranks too small; use more with --batches and --rows."
            )
        }
        if source == "sampled" {
            found.append(
                "a single draw of labels: cosines are too small by its noise, which cannot be told; use --samples 16."
            )
        }
        return found
    }

    /// The tables as text, for a terminal or a file.
    public func text(width: Int?, usesColor: Bool) -> String {
        func wrapped(_ text: String) -> [String] { DisplayWidth.paragraph(text, width: width) }
        func table(_ table: StudyTable) -> [String] { table.lines(width: width, usesColor: usesColor) }
        var lines = wrapped(title) + table(overview) + [""] + wrapped(legend)
        lines += [""] + wrapped(wholeText)
        lines += ["", "What the sample determines:"] + table(sampleTable)
        lines += [""] + wrapped(conditionText)
        lines += [""] + table(dampingTable) + [""] + wrapped(takeuchiText)
        if surrogateTable.rowCount > 0 {
            lines +=
                [""] + wrapped("K-FAC's surrogate A (x) S beside the true block, for which it is no measure:")
            lines += table(surrogateTable)
        }
        return (lines + warningLines(width: width)).joined(separator: "\n") + "\n"
    }

    /// A cosine with its standard error, if draws give one.
    package static func cosine(_ comparison: DrawnComparison) -> String {
        let cosine = NumberText.plain.fixed(comparison.cosine, decimals: 3)
        guard let error = comparison.standardError, error > 0 else { return cosine }
        return cosine + " ± " + NumberText.plain.fixed(error, decimals: 3)
    }
}
