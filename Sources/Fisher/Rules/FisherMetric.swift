// The steps that FAdam and FAdafactor share: everything but the estimate of the information.

import FisherInformation
import Foundation
import Torch

/// Where FAdam's epsilon-hat comes from.
public enum EpsilonPolicy: String, Codable, CaseIterable, Sendable {
    /// min(epsilon, epsilon2 RMS(g)), as printed in Algorithm 1.
    case adaptive
    /// epsilon.
    case fixed
    /// epsilon / number of elements (the paper's footnote 19).
    case perSize = "per_size"
    /// epsilon added to f at every step, inside the average (EAdam, Yuan and Gao 2020).
    case accumulated
    /// epsilon2 times the largest element of f.
    case fractionOfMaximum = "fraction_of_maximum"
}

/// What FAdam's momentum averages.
public enum FisherMomentum: String, Codable, CaseIterable, Sendable {
    /// The clipped natural gradient, as published.
    case natural
    /// The gradient, which is then divided and clipped: Adam's order.
    case raw
}

/// What FAdam's weight decay is measured by.
public enum FisherDecay: String, Codable, CaseIterable, Sendable {
    /// theta / d, clipped, as published.
    case natural
    /// theta: AdamW's.
    case euclidean
    /// No decay.
    case none
}

/// A rule that divides by a power of an estimated diagonal and treats momentum and decay by the same metric.
public protocol FisherMetricRule: TensorRule {
    /// b1, in [0, 1).
    var beta1: Schedule { get set }
    /// b2, in [0, 1).
    var beta2: Schedule { get set }
    /// epsilon.
    var epsilon: Schedule { get set }
    /// epsilon2.
    var epsilon2: Schedule { get set }
    /// c; no clipping where it is missing.
    var clip: Double? { get set }
    /// lambda.
    var weightDecay: Schedule { get set }
    /// rho.
    var power: Double { get set }
    /// Where epsilon-hat comes from.
    var epsilonPolicy: EpsilonPolicy { get set }
    /// What the momentum averages.
    var momentum: FisherMomentum { get set }
    /// Whether the momentum is corrected for its start at zero.
    var correctsMomentumBias: Bool { get set }
    /// What the decay is measured by.
    var decay: FisherDecay { get set }
    /// How the gradient of an auxiliary objective enters.
    var auxiliary: AuxiliaryTreatment { get set }

    /// The diagonal f of the information after this gradient: its running average, plus `addend`.
    func fisher(_ g: Tensor, decay b2hat: Double, addend: Double, state: inout TensorState) -> Tensor
}

extension FisherMetricRule {
    public func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        metricMovement(input, diagonal: nil, state: &state)
    }

    /// The movement with a diagonal of this batch in place of the squared gradient where there is one.
    func metricMovement(_ input: RuleInput, diagonal: Tensor?, state: inout TensorState) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let (eta, b1, rho) = (learningRate(t), beta1(t), power)
        let lambda = input.decays ? weightDecay(t) : 0

        let b2hat = correctedDecay(beta2(t), t)
        let addend = epsilonPolicy == .accumulated ? epsilon(t) : 0
        let root = diagonal?.squareRoot() ?? g
        let f = fisher(root, decay: b2hat, addend: addend, state: &state)
        let eh = epsilonHat(g, f, t)
        let d = raised(f, to: rho) + inPrecision(of: f, eh.power(2 * rho))

        let m: Tensor
        let n: (value: Tensor, factor: Tensor?)
        let correction = correctsMomentumBias ? 1 - pow(b1, Double(t)) : 1
        switch momentum {
        case .natural:
            n = clipped(quotient(g, d), to: clip)
            m = averaged(state["momentum"] ?? .zeros(like: g), n.value, decay: b1)
            state["momentum"] = m
        case .raw:
            m = averaged(state["momentum"] ?? .zeros(like: g), g, decay: b1)
            state["momentum"] = m
            n = clipped(quotient(m / correction, d), to: clip)
        }
        var step = momentum == .raw ? n.value : correctsMomentumBias ? m / correction : m

        var record: DecayRecord?
        if lambda != 0 {
            switch decay {
            case .natural:
                let w = clipped(quotient(theta, d), to: clip).value
                step = step + w * lambda
                record = DecayRecord(direction: w, information: f)
            case .euclidean: step = step + theta * lambda
            case .none: break
            }
        }
        if let a = input.auxiliaryGradient(for: auxiliary) {
            // Where no score ever reached an element its metric is still the identity.
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
        case .fractionOfMaximum: f.largest() * epsilon2(t)
        }
    }

    /// f <- b2hat f + (1 - b2hat) g^2 + addend, f_0 = 1, element by element.
    func fullSquare(_ g: Tensor, decay b2hat: Double, addend: Double, state: inout TensorState) -> Tensor {
        let average = averaged(state["fisher"] ?? .ones(like: g), square(of: g), decay: b2hat)
        let f = addend == 0 ? average : average + addend
        state["fisher"] = f
        return f
    }

    static func fisherMetricOptions() -> [RuleOption<Self>] {
        [
            .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
            .schedule("beta1", \.beta1, .decay, "decay of the momentum"),
            .schedule("beta2", \.beta2, .decay, "decay of the Fisher information"),
            .schedule("epsilon", \.epsilon, .nonNegative, aliases: ["eps"], "largest epsilon-hat"),
            .schedule(
                "epsilon2", \.epsilon2, .nonNegative, aliases: ["eps2"], "epsilon-hat relative to RMS(g)"),
            .optional("clip", \.clip, .positive, "largest RMS of the natural gradient and of the decay"),
            .schedule("weight_decay", \.weightDecay, .nonNegative, "decay of the weights"),
            .number("power", \.power, .exponent, aliases: ["rho"], "power of the Fisher information"),
            .choice(
                "epsilon_policy", \.epsilonPolicy, aliases: ["epsilon_rule"], "where epsilon-hat comes from"),
            .choice("momentum", \.momentum, "what the momentum averages"),
            .flag("corrects_momentum_bias", \.correctsMomentumBias, "correct the momentum's start at zero"),
            .choice("decay", \.decay, "what the decay is measured by"),
            .choice("auxiliary", \.auxiliary, "how auxiliary gradients enter"),
        ]
    }
}
