import FisherInformation

/// What a rule asks of a batch besides its gradient.
public enum CurvatureRequest: Hashable, Sendable {
    /// Squared gradients of units, by parameter.
    case diagonal(CurvatureSource, CurvatureScope)
    /// The factors A and S of every layer that has them.
    case kronecker(CurvatureSource, WeightSharing)
    /// The diagonals of A and S, without forming either.
    case kroneckerDiagonal(CurvatureSource, WeightSharing)
    /// What layers were given and what came back to them, kept until the rule has used it.
    case uses(CurvatureSource)
    /// The few rows of which a layer's gradient is the product, where products with them are cheaper.
    case gradientRows
    /// Products with the matrix of the units' gradients, and of it with itself, without forming it.
    case perSampleGradients(CurvatureSource)
    /// The whole matrix of the group's parameters: memory of the square of their number.
    case full(CurvatureSource)
    /// Products with a matrix that is never formed; the batch's graph is kept for them.
    case products(CurvatureMatrix)

    /// Whose labels it needs; nothing for products.
    var source: CurvatureSource? {
        switch self {
        case .diagonal(let source, _), .kronecker(let source, _), .kroneckerDiagonal(let source, _),
            .uses(let source), .perSampleGradients(let source), .full(let source):
            source
        case .gradientRows: .empirical
        case .products: nil
        }
    }
}

/// Which of a group's parameters an estimate is made for.
public enum CurvatureScope: Hashable, Sendable {
    /// All.
    case everything
    /// Those that no layer with Kronecker factors has.
    case outsideLayers
}
