/// A requested estimate: the structure in which the curvature is stored, and its source.
///
///     let found = try estimator.estimate([.diagonal(.exact), .kronecker(.sampled(1))], of: objective(batch))
///
/// Requests of one list share the forward pass, and those of one source its backward passes. All estimates are on the
/// scale of the mean negative log-likelihood, whose Hessian they approximate.
public enum CurvatureRequest: Hashable, Sendable {
    /// The gradient of the mean negative log-likelihood.
    case gradient
    /// The whole matrix, [parameters, parameters]: all per-sample gradients, and the square of the number of
    /// parameters.
    case full(CurvatureSource)
    /// The matrix of a linear system: by the gradients of the units if these are fewer than the parameters, else the whole
    /// matrix.
    case system(CurvatureSource)
    /// The whole matrix of each layer, without the blocks between layers; layers that share a parameter have
    /// one block together.
    case blocks(CurvatureSource)
    /// The diagonal, by parameter. No per-sample gradient is stored for linear layers, norms and embeddings
    /// that are used once.
    case diagonal(CurvatureSource)
    /// The factors A and S with F ~ A (x) S of every layer that has them.
    case kronecker(CurvatureSource, WeightSharing = .expand)
    /// The diagonals of A and S, neither of which is formed, and the diagonal itself of parameters without factors.
    case kroneckerDiagonal(CurvatureSource, WeightSharing = .expand)
    /// The diagonal of each layer's information in the eigenbases of its own factors (EKFAC). Needs the
    /// passes twice: those at labels are kept, those of a closed form recomputed.
    case eigenvalueCorrected(CurvatureSource, WeightSharing = .expand)
    /// The given number of leading eigenpairs, by Lanczos iteration on products.
    case lowRank(Int, CurvatureSource)
    /// Products with vectors; no matrix. Closed forms keep the graph of the forward pass, the others what was captured,
    /// as long as the operator lives. A product costs about three passes over the network, or two for each draw.
    case products(CurvatureSource)
    /// Products with the Hessian of the mean loss (Pearlmutter 1994), two backward passes each; keeps the graph.
    case hessian
    /// Products with the matrix of the per-sample gradients, and of it with itself, without forming it.
    case perSampleGradients(CurvatureSource)
    /// The layers' inputs and the gradients of their outputs, for estimates in bases that are known only
    /// afterwards.
    case activations(CurvatureSource)
    /// The gradients of the first units of a batch, at most so many, for what is computed from their Gram matrix.
    case unitGradients(CurvatureSource, units: Int)
    /// The means of the inputs and of the output gradients of each layer with factors.
    case layerMeans(CurvatureSource)
    /// The few rows of which a layer's gradient is the product, if products with them are cheaper.
    case gradientRows

    /// The estimate's source; nil for the gradient and the Hessian, which have none.
    public var source: CurvatureSource? {
        switch self {
        case .full(let source), .system(let source), .blocks(let source), .diagonal(let source),
            .kronecker(let source, _),
            .kroneckerDiagonal(let source, _), .eigenvalueCorrected(let source, _), .lowRank(_, let source),
            .products(let source), .perSampleGradients(let source), .activations(let source),
            .layerMeans(let source), .unitGradients(let source, _):
            source
        case .gradientRows: .empirical
        case .gradient, .hessian: nil
        }
    }

    /// The structure's name in commands and files.
    public var structure: String {
        switch self {
        case .gradient: "gradient"
        case .full: "full"
        case .system: "system"
        case .blocks: "blocks"
        case .diagonal: "diagonal"
        case .kronecker: "kronecker"
        case .kroneckerDiagonal: "diagonal_kronecker"
        case .eigenvalueCorrected: "ekfac"
        case .lowRank: "low_rank"
        case .products: "operator"
        case .hessian: "hessian"
        case .perSampleGradients: "per_sample_gradients"
        case .activations: "activations"
        case .layerMeans: "layer_means"
        case .unitGradients: "unit_gradients"
        case .gradientRows: "gradient_rows"
        }
    }

    /// The structures of a source, in the order of the documentation.
    public static func structures(from source: CurvatureSource) -> [CurvatureRequest] {
        [
            .full(source), .blocks(source), .diagonal(source), .kronecker(source),
            .eigenvalueCorrected(source), .kroneckerDiagonal(source), .lowRank(1, source),
            .products(source), .perSampleGradients(source),
        ]
    }
}

extension CurvatureRequest {
    /// Why the estimate does not exist; nil if it does.
    public var unsupportedReason: String? {
        if case .lowRank(let rank, _) = self, rank < 1 { return "the rank must be at least 1, not \(rank)" }
        if case .unitGradients(_, let units) = self, units < 1 { return "it needs a unit, not \(units)" }
        if case .sampled(let draws)? = source, draws < 1 { return "it needs a draw, not \(draws)" }
        switch (self, source) {
        case (.kronecker, .minibatch), (.eigenvalueCorrected, .minibatch), (.kroneckerDiagonal, .minibatch),
            (.activations, .minibatch), (.layerMeans, .minibatch):
            return "the square of a mean gradient has no factors"
        case (.perSampleGradients, .minibatch), (.unitGradients, .minibatch), (.system, .minibatch):
            return "a mean gradient has no units"
        case (.perSampleGradients, .exact), (.perSampleGradients, .gaussNewton):
            return "a closed form has no labels, and no single gradient per unit"
        default: return nil
        }
    }

    /// The table of existing estimates, Markdown: a row for each structure, a column for each source.
    public static var supportTable: String {
        let sources = CurvatureSource.kinds
        let head = "| | " + sources.map { "`\($0)`" }.joined(separator: " | ") + " |"
        let rule = "|---|" + sources.map { _ in "---|" }.joined()
        let columns = sources.map(structures)
        let rows = columns[0].indices.map { row in
            "| `\(columns[0][row].structure)` | "
                + columns.map { $0[row].unsupportedReason == nil ? "yes" : "no" }.joined(separator: " | ")
                + " |"
        }
        return ([head, rule] + rows).joined(separator: "\n")
    }

    /// The error for an estimate that does not exist.
    func unsupported(_ reason: String) -> CurvatureError {
        .noSuchEstimate(source: source.map { "\($0)" } ?? "loss", structure: structure, reason: reason)
    }

    /// Whether it is computed from second derivatives rather than from captured backward passes.
    package var needsSecondDerivatives: Bool {
        switch self {
        case .hessian: true
        case .products(let source), .lowRank(_, let source): source.isClosedForm
        default: false
        }
    }

    /// The source of its backward passes; nil if it needs none.
    var capturedSource: CurvatureSource? { needsSecondDerivatives ? nil : source }

    /// Whether it needs labels drawn from the model.
    package var drawsLabels: Bool { if case .sampled? = source { true } else { false } }

    /// Whether it is of layers with factors alone, so that no other parameter's per-sample gradients are
    /// needed.
    var isOfFactorsOnly: Bool {
        switch self {
        case .kronecker, .eigenvalueCorrected, .activations, .layerMeans, .gradientRows: true
        default: false
        }
    }

    /// Whether it sums the rows of layers into Kronecker factors or means, in which padding takes no part.
    var hasFactors: Bool {
        switch self {
        case .kronecker, .kroneckerDiagonal, .eigenvalueCorrected, .layerMeans, .unitGradients: true
        default: false
        }
    }

    /// Whether it reads its passes twice, and recomputes them instead of keeping them.
    var repeatsClosedForm: Bool {
        switch self {
        case .eigenvalueCorrected(let source, _), .activations(let source): source.isClosedForm
        default: false
        }
    }
}
