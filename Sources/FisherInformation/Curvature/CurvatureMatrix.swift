/// A matrix known by its products.
public enum CurvatureMatrix: Hashable, Sendable {
    /// The Fisher information in the model's own labels, in closed form.
    case fisher
    /// The generalized Gauss-Newton matrix.
    case gaussNewton
    /// The Hessian of the mean loss.
    case hessian
}
