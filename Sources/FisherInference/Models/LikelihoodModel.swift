import Torch

/// The log-likelihood and its derivatives at a point.
package struct Evaluation: Sendable {
    package var logLikelihood: Double
    /// The gradient of the log-likelihood.
    package var score: [Double]
    /// The variance of the score under the model.
    package var expected: DenseMatrix
    /// Minus the Hessian of the log-likelihood.
    package var observed: DenseMatrix
}

/// How the data vary, whatever the model says: sums of outer products of scores.
package struct ScoreVariance: Sendable {
    /// The sum over independent units, or over clusters of them.
    package let matrix: DenseMatrix
    /// The number of clusters; nil for independent units.
    package let clusterCount: Int?
}

/// A model with data whose parameters are inferred: a table's regression, or a small network.
package protocol LikelihoodModel {
    /// A name for each parameter.
    var parameterNames: [String] { get }
    /// The number of independent units n.
    var unitCount: Double { get }
    /// Where a fit begins.
    var start: [Double] { get }

    /// -infinity outside the parameters' range.
    func logLikelihood(at point: [Double]) throws -> Double
    func evaluation(at point: [Double]) throws -> Evaluation
    /// The variance of the scores of independent units.
    func unitVariance(at point: [Double]) throws -> ScoreVariance
    /// The same model with a response drawn from it; the predictors stay.
    func resampled(at point: [Double], using draws: inout RandomDraws) throws -> Self
    /// The largest change of a linear predictor along a step: parameters may run to infinity where the likelihood has no
    /// maximum, and predictors with them. Nil where there are none.
    func predictorChange(along step: [Double]) -> Double?
}
