/// In what form an estimate of the Fisher information is held.
public enum CurvatureStructure: Hashable, Sendable, CustomStringConvertible {
    /// The whole matrix, [parameters, parameters].
    case full
    /// The whole matrix of each layer, without what lies between layers.
    case blocks
    /// The diagonal.
    case diagonal
    /// F ~ A (x) S by layer.
    case kronecker
    /// The same with the eigenvalues measured in its eigenbasis (EKFAC).
    case corrected
    /// diag A and diag S by layer (AdaFisher).
    case diagonalKronecker
    /// The leading eigenpairs.
    case lowRank(Int)
    /// Products with vectors; no matrix.
    case `operator`

    /// One of each, in the order of the documentation.
    public static let kinds: [CurvatureStructure] = [
        .full, .blocks, .diagonal, .kronecker, .corrected, .diagonalKronecker, .lowRank(1), .operator,
    ]

    /// The name in commands and files.
    public var description: String {
        switch self {
        case .full: "full"
        case .blocks: "blocks"
        case .diagonal: "diagonal"
        case .kronecker: "kronecker"
        case .corrected: "ekfac"
        case .diagonalKronecker: "diagonal_kronecker"
        case .lowRank: "low_rank"
        case .operator: "operator"
        }
    }
}

extension CurvatureEstimator {
    /// Why there is no estimate of a structure from a source; nothing where there is one.
    public static func unsupportedReason(_ structure: CurvatureStructure, from source: CurvatureSource)
        -> String?
    {
        guard source == .minibatch else { return nil }
        return switch structure {
        case .kronecker, .corrected, .diagonalKronecker: "the square of a mean gradient has no factors"
        case .full, .blocks, .diagonal, .lowRank, .operator: nil
        }
    }

    /// The table of existing estimates, Markdown: a row for each structure, a column for each source.
    public static var existing: String {
        let sources: [CurvatureSource] = [
            .exact, .sampled(1), .empirical, .improved, .minibatch, .gaussNewton,
        ]
        let names = ["exact", "sampled", "empirical", "improved", "minibatch", "gauss_newton"]
        let head = "| | " + names.map { "`\($0)`" }.joined(separator: " | ") + " |"
        let rule = "|---|" + names.map { _ in "---|" }.joined()
        let rows = CurvatureStructure.kinds.map { structure in
            "| `\(structure)` | "
                + sources.map { unsupportedReason(structure, from: $0) == nil ? "yes" : "no" }
                .joined(separator: " | ") + " |"
        }
        return ([head, rule] + rows).joined(separator: "\n")
    }

    /// Throws where there is no estimate of a structure from a source.
    static func requireExisting(
        _ structure: CurvatureStructure, from source: CurvatureSource
    ) throws(CurvatureError) {
        guard let reason = unsupportedReason(structure, from: source) else { return }
        throw .noSuchEstimate(source: "\(source)", structure: "\(structure)", reason: reason)
    }
}
