import FisherInformation
import FisherOptions
import Torch

/// FAdafactor: FAdam with the diagonal of a matrix kept as a product of row and column sums.
///
///     R <- b2hat R + (1 - b2hat) g^2 1,   C <- b2hat C + (1 - b2hat) 1^T g^2,   f = R C / sum(R)
///
/// and the rest as FAdam; sum(R) = 0 gives f = 0. A parameter of rank two or more is a matrix of its first
/// dimension by the rest; vectors and scalars keep the whole diagonal. Hwang (2024), Algorithm 2.
public struct FAdafactor: FisherMetricRule, DiagonalSourceRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// How the information divides the step.
    public var metric = FisherMetric()
    /// Where the information of a batch comes from.
    public var estimate = DiagonalEstimate()

    public init() {}

    public static let summary = RuleSummary(
        name: "fadafactor", title: "FAdafactor", source: "mini-batch gradient",
        structure: "rank-one diagonal",
        power: "1/2 (rho)", momentum: "of the natural gradient", stateBytes: "4, and 4 a row and column",
        cost: "P", neglects: "correlations, all but rank one of the diagonal; units, by source",
        reference: "Hwang 2024, Algorithm 2")

    public func update(for input: RuleInput, diagonal: Tensor?, state: inout TensorState) -> ParameterUpdate {
        metric.update(for: input, learningRate: learningRate, diagonal: diagonal, state: &state) {
            g, b2hat, addend, state in
            factoredSquare(g, decay: b2hat, addend: addend, state: &state)
                ?? FisherMetric.fullSquare(g, decay: b2hat, addend: addend, state: &state)
        }
    }
}
