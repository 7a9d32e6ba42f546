/// What a rule asks of a batch besides its gradient.
public enum InformationRequest: Hashable, Sendable {
    /// Squared gradients of units, by parameter.
    case diagonal(InformationSource, InformationScope)
    /// The factors A and S of every layer that has them.
    case kronecker(InformationSource, WeightSharing)
    /// The diagonals of A and S, without forming either.
    case kroneckerDiagonal(InformationSource, WeightSharing)
    /// What layers were given and what came back to them, kept until the rule has used it.
    case uses(InformationSource)
    /// The few rows of which a layer's gradient is the product, where products with them are cheaper.
    case gradientRows
    /// Products with the matrix of the units' gradients, and of it with itself, without forming it.
    case unitScores(InformationSource)
    /// The whole matrix of the group's parameters: memory of the square of their number.
    case full(InformationSource)
    /// Products with a matrix that is never formed; the batch's graph is kept for them.
    case products(CurvatureMatrix)

    /// Whose labels it needs; nothing for products.
    var source: InformationSource? {
        switch self {
        case .diagonal(let source, _), .kronecker(let source, _), .kroneckerDiagonal(let source, _),
            .uses(let source), .unitScores(let source), .full(let source):
            source
        case .gradientRows: .empirical
        case .products: nil
        }
    }
}

/// Which of a group's parameters an estimate is made for.
public enum InformationScope: Hashable, Sendable {
    /// All.
    case everything
    /// Those that no layer with Kronecker factors has.
    case outsideLayers
}

/// A matrix known by its products.
public enum CurvatureMatrix: Hashable, Sendable {
    /// The Fisher information in the model's own labels, in closed form.
    case fisher
    /// The generalized Gauss-Newton matrix.
    case gaussNewton
    /// The Hessian of the mean loss.
    case hessian
}
