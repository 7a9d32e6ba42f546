import FisherInformation
import FisherOptions
import Torch

/// FAdam (Fisher Adam): a power of Adam's diagonal divides the gradient before the momentum, and the decay.
///
///     f  <- b2hat f + (1 - b2hat) g^2,  b2hat = b2 (1 - b2^(t-1)) / (1 - b2^t),  f_0 = 1
///     eh  = min(epsilon, epsilon2 RMS(g)),  d = f^rho + eh^(2 rho)
///     n   = g / d,      n <- n / max(1, RMS(n) / c)
///     m  <- b1 m + (1 - b1) n
///     w   = theta / d,  w <- w / max(1, RMS(w) / c)
///     theta <- theta - eta (m + lambda w)
///
/// Hwang (2024), Algorithm 1; g is the gradient of the loss, RMS is over one parameter tensor. Where d is
/// exactly zero (an element that never had a gradient, with no epsilon) both n and w are zero. The decay
/// falls mostly on elements with almost no information, and its clip takes it from the others; see
/// `decayMetric` for AdamW's. At rho = 1/2 without momentum and decay the direction of each tensor's step is Adam's.
public struct FAdam: FisherMetricRule, DiagonalSourceRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// How the information divides the step.
    public var metric = FisherMetric()
    /// Where the information of a batch comes from.
    public var estimate = DiagonalEstimate()

    public init() {}

    public var division: WorkDivision { needsBatch ? .tensors : .elements }

    public static let summary = RuleSummary(
        name: "fadam", title: "FAdam", source: "mini-batch gradient", structure: "diagonal",
        power: "1/2 (rho)", momentum: "of the natural gradient", stateBytes: "8",
        cost: "P", neglects: "correlations; units, by source",
        reference: "Hwang 2024, Algorithm 1")

    public func update(for input: RuleInput, diagonal: Tensor?, state: inout TensorState) -> ParameterUpdate {
        metric.update(for: input, learningRate: learningRate, diagonal: diagonal, state: &state) {
            g, b2hat, addend, state in
            FisherMetric.fullSquare(g, decay: b2hat, addend: addend, state: &state)
        }
    }
}
