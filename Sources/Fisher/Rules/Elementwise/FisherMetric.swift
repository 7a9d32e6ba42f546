import FisherInformation
import FisherOptions
import Foundation
import Torch

/// Where FAdam's epsilon-hat comes from.
public enum EpsilonPolicy: String, Codable, CaseIterable, OptionValue {
    /// min(epsilon, epsilon2 RMS(g)), as printed in Algorithm 1.
    case adaptive
    /// The option epsilon.
    case fixed
    /// epsilon / number of elements (the paper's footnote 19).
    case perSize = "per_size"
    /// epsilon added to f at every step, inside the average (EAdam, Yuan and Gao 2020).
    case accumulated
    /// epsilon2 sqrt(max f), in the unit of g: a scale of the gradients changes no step.
    case fractionOfMaximum = "fraction_of_maximum"
}

/// What the momentum of rules with a Fisher metric averages.
public enum MomentumOrder: String, Codable, CaseIterable, OptionValue {
    /// The clipped natural gradient, as published.
    case natural
    /// The gradient, which is then divided and clipped: Adam's order.
    case raw
}

/// The metric of FAdam's weight decay.
public enum DecayMetric: String, Codable, CaseIterable, OptionValue {
    /// theta / d, clipped, as published.
    case natural
    /// Theta itself, as in AdamW.
    case euclidean
    /// No decay.
    case none
}

/// The common part of FAdam, FAdafactor and KroneckerFAdam: a step that is divided by a power of the
/// information's diagonal, with momentum and decay measured by the same metric.
///
///     eh  = min(epsilon, epsilon2 RMS(g)),  d = f^rho + eh^(2 rho)
///     n   = g / d,      n <- n / max(1, RMS(n) / c)
///     m  <- b1 m + (1 - b1) n
///     w   = theta / d,  w <- w / max(1, RMS(w) / c)
///     theta <- theta - eta (m + lambda w)
///
/// Hwang (2024), Algorithm 1; f is the rule's own estimate of the diagonal. The option `length`, which is ours,
/// scales n before its clip.
public struct FisherMetric: ConfigurableOptions {
    /// Decay b1 of the momentum average, in [0, 1).
    @Configurable("beta1", .decay, "decay of the momentum") public var beta1: Schedule = 0.9
    /// Decay b2 of the information f, in [0, 1).
    @Configurable("beta2", .decay, "decay of the Fisher information") public var beta2: Schedule = 0.999
    /// Largest epsilon-hat.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "largest epsilon-hat")
    public var epsilon: Schedule = 1e-8
    /// Largest epsilon-hat as a fraction epsilon2 of the gradient's RMS.
    @Configurable("epsilon2", .nonNegative, aliases: ["eps2"], "epsilon-hat relative to RMS(g)")
    public var epsilon2: Schedule = 0.01
    /// Largest RMS c of the natural gradient and of the decay; nil for no clipping.
    @Configurable("clip", .positive, "largest RMS of the natural gradient and of the decay; none: no clip")
    public var clip: Double? = 1
    /// Decay lambda of the weights, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the weights")
    public var weightDecay: Schedule = 1e-3
    /// Power rho of the information, in (0, 1]: 1/2 the invariant, 1 the natural gradient.
    @Configurable("power", .exponent, aliases: ["rho"], "power of the Fisher information")
    public var power = 0.5
    /// The RMS of the natural gradient before its clip: its own, 1, or what the power 1/2 would have given.
    @Configurable("length", "RMS of the natural gradient before its clip")
    public var length = StepLength.own
    /// Where epsilon-hat comes from.
    @Configurable("epsilon_policy", aliases: ["epsilon_rule"], "where epsilon-hat comes from")
    public var epsilonPolicy = EpsilonPolicy.adaptive
    /// What the momentum averages.
    @Configurable("momentum_order", aliases: ["momentum"], "what the momentum averages")
    public var momentumOrder = MomentumOrder.natural
    /// Whether the momentum is corrected for its start at zero; the paper uses it as a built-in warm-up.
    @Configurable("corrects_momentum_bias", "correct the momentum's start at zero")
    public var correctsMomentumBias = false
    /// The metric of the weight decay.
    @Configurable("decay_metric", aliases: ["decay"], "what the weight decay is measured by")
    public var decayMetric = DecayMetric.natural
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.bypass

    /// The defaults.
    public init() {}
}

/// A rule whose step is that of a ``FisherMetric``.
@dynamicMemberLookup
public protocol FisherMetricRule: OptimizationRule {
    /// How the information divides the step; its options are accessible as the rule's own.
    var metric: FisherMetric { get set }
}

extension FisherMetricRule {
    /// An option of the metric.
    public subscript<Value>(dynamicMember path: WritableKeyPath<FisherMetric, Value>) -> Value {
        get { metric[keyPath: path] }
        set { metric[keyPath: path] = newValue }
    }
}

extension FisherMetric {
    /// The update of a step for one tensor.
    ///
    /// - Parameters:
    ///   - input: the parameter and its gradient.
    ///   - learningRate: eta.
    ///   - diagonal: the diagonal of this batch, in place of the squared gradient if there is one.
    ///   - state: the rule's state.
    ///   - division: by which a tensor is divided in place of d, from f and eh^(2 rho).
    ///   - fisher: f after a gradient: its running average with the decay b2hat, plus an addend.
    func update(
        for input: RuleInput, learningRate: Schedule, diagonal: Tensor?, state: inout TensorState,
        division: ((_ f: Tensor, _ addend: Tensor) -> (Tensor) -> Tensor)? = nil,
        fisher: (_ g: Tensor, _ b2hat: Double, _ addend: Double, _ state: inout TensorState) -> Tensor
    ) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let (eta, b1, rho) = (learningRate(t), beta1(t), power)
        let lambda = input.decays ? weightDecay(t) : 0

        let b2hat = correctedDecay(beta2(t), t)
        let addend = epsilonPolicy == .accumulated ? epsilon(t) : 0
        let root = diagonal?.squareRoot() ?? g
        let f = fisher(root, b2hat, addend, &state)
        let eh = epsilonHat(g, f, t)
        let floor = inPrecision(of: f, eh.power(2 * rho))
        let d = raised(f, to: rho) + floor
        let quotientByMetric = division?(f, floor) ?? { quotient($0, d) }
        // The natural gradient with its length; at the power 1/2 of the diagonal the root's length is its own.
        func divided(_ g: Tensor) -> Tensor {
            let n = quotientByMetric(g)
            if rho == 0.5, length == .squareRoot, division == nil { return n }
            return length.applied(to: n, root: quotient(g, f.squareRoot() + inPrecision(of: f, eh)))
        }

        let m: Tensor
        let n: (value: Tensor, factor: Tensor?)
        let correction = correctsMomentumBias ? 1 - pow(b1, Double(t)) : 1
        switch momentumOrder {
        case .natural:
            n = clipped(divided(g), to: clip)
            m = averaged(state["momentum"] ?? .zeros(like: g), n.value, decay: b1)
            state["momentum"] = m
        case .raw:
            m = averaged(state["momentum"] ?? .zeros(like: g), g, decay: b1)
            state["momentum"] = m
            n = clipped(divided(m / correction), to: clip)
        }
        var step = momentumOrder == .raw ? n.value : correctsMomentumBias ? m / correction : m

        var record: DecayRecord?
        if lambda != 0 {
            switch decayMetric {
            case .natural:
                let w = clipped(quotientByMetric(theta), to: clip).value
                step = step + w * lambda
                record = DecayRecord(direction: w, information: f)
            case .euclidean: step = step + theta * lambda
            case .none: break
            }
        }
        if let a = input.auxiliaryGradient(for: auxiliary) {
            // Where no gradient ever reached an element its metric is still the identity.
            let metric = d.masked(f.equals(0), with: 1)
            step = step + clipped(quotient(a, metric), to: clip).value
        }
        return ParameterUpdate(change: step * -eta, clipFactor: n.factor, epsilon: eh, decay: record)
    }

    /// epsilon-hat, 0-dimensional, in float64.
    private func epsilonHat(_ g: Tensor, _ f: Tensor, _ t: Int) -> Tensor {
        switch epsilonPolicy {
        case .adaptive: (g.rootMeanSquare() * epsilon2(t)).clamped(max: epsilon(t))
        case .fixed: .full([], epsilon(t), dtype: .float64)
        case .perSize: .full([], g.failure == nil ? epsilon(t) / Double(max(g.count, 1)) : 0, dtype: .float64)
        case .accumulated: .full([], 0, dtype: .float64)
        case .fractionOfMaximum: f.largest().squareRoot() * epsilon2(t)
        }
    }

    /// f <- b2hat f + (1 - b2hat) g^2 + addend, f_0 = 1, element by element.
    static func fullSquare(
        _ g: Tensor, decay b2hat: Double, addend: Double, state: inout TensorState
    ) -> Tensor {
        let average = averaged(state["fisher"] ?? .ones(like: g), square(of: g), decay: b2hat)
        let f = addend == 0 ? average : average + addend
        state["fisher"] = f
        return f
    }
}

/// A matrix of average squares kept as its row and column sums (Shazeer and Stern 2018): R <- b R + (1 - b)
/// (g^2) 1 + addend, C likewise for columns, and f = R C / sum(R) in g's shape; nil for a gradient of rank
/// less than two, which has no rows. Epsilon is added to every g^2, an addend to every element of the
/// average.
func factoredSquare(
    _ g: Tensor, decay: Double, addend: Double = 0, epsilon: Double = 0, state: inout TensorState
) -> Tensor? {
    guard g.failure == nil, g.rank >= 2 else { return nil }
    let squares = square(of: g, sharedBy: g.count)
    let matrix = (epsilon == 0 ? squares : squares + epsilon).flattened(from: 1)
    let (rows, columns) = (Double(matrix.shape[0]), Double(matrix.shape[1]))
    let rowSums = matrix.sum(along: 1)
    let columnSums = matrix.sum(along: 0)
    let r = averaged(state["rows"] ?? .ones(like: rowSums), rowSums, decay: decay) + addend * columns
    let c = averaged(state["columns"] ?? .ones(like: columnSums), columnSums, decay: decay) + addend * rows
    state["rows"] = r
    state["columns"] = c
    return factoredSquare(like: g, in: state)
}

/// f = R C / sum(R) in a tensor's shape, from the row and column sums of a state; nil where it has none.
func factoredSquare(like x: Tensor, in state: TensorState) -> Tensor? {
    guard let r = state["rows"], let c = state["columns"] else { return nil }
    // Dividing first keeps the product of two small sums from vanishing.
    return (r.unsqueezed(1) * quotient(c, r.sum())).reshaped(x.shape)
}
