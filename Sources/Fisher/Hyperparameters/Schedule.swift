import FisherInformation
import Foundation

/// A hyperparameter over the updates of a training run: a constant, or a curve.
///
/// Updates are counted from 1. A number literal is a constant.
public enum Schedule: Hashable, Sendable {
    /// The same value always.
    case constant(Double)
    /// peak t / warmUp until `warmUp`, then `peak`.
    case linearWarmUp(Double, warmUp: Int)
    /// A linear warm-up, then half a cosine from `peak` down to `floor` at update `steps`.
    case cosine(Double, steps: Int, warmUp: Int = 0, floor: Double = 0)
    /// peak min(t / warmUp, sqrt(warmUp / t)).
    case inverseSquareRoot(Double, warmUp: Int)
    /// A linear warm-up, `peak`, and in the last `decay` of `steps` updates a straight line down to `floor`.
    case warmUpStableDecay(Double, steps: Int, warmUp: Int = 0, decay: Int, floor: Double = 0)

    /// The value at an update.
    public func callAsFunction(_ update: Int) -> Double {
        let t = Double(update)
        switch self {
        case .constant(let value): return value
        case .linearWarmUp(let peak, let warmUp): return peak * ramp(t, warmUp)
        case .cosine(let peak, let steps, let warmUp, let floor):
            if update <= warmUp { return peak * ramp(t, warmUp) }
            let progress = min(1, Double(update - warmUp) / Double(max(steps - warmUp, 1)))
            return floor + (peak - floor) * 0.5 * (1 + cos(.pi * progress))
        case .inverseSquareRoot(let peak, let warmUp):
            let turn = Double(max(warmUp, 1))
            return peak * min(t / turn, (turn / t).squareRoot())
        case .warmUpStableDecay(let peak, let steps, let warmUp, let decay, let floor):
            if update <= warmUp { return peak * ramp(t, warmUp) }
            let remaining = Double(max(steps - update, 0)) / Double(max(decay, 1))
            return floor + (peak - floor) * min(1, remaining)
        }
    }

    private func ramp(_ t: Double, _ warmUp: Int) -> Double { min(1, t / Double(max(warmUp, 1))) }

    /// The same course with another peak.
    public func scaled(toPeak peak: Double) -> Schedule {
        switch self {
        case .constant: .constant(peak)
        case .linearWarmUp(_, let warmUp): .linearWarmUp(peak, warmUp: warmUp)
        case .cosine(_, let steps, let warmUp, let floor):
            .cosine(peak, steps: steps, warmUp: warmUp, floor: floor)
        case .inverseSquareRoot(_, let warmUp): .inverseSquareRoot(peak, warmUp: warmUp)
        case .warmUpStableDecay(_, let steps, let warmUp, let decay, let floor):
            .warmUpStableDecay(peak, steps: steps, warmUp: warmUp, decay: decay, floor: floor)
        }
    }

    /// The largest and smallest numbers that the curve is made of, for validation.
    var extremes: [Double] {
        switch self {
        case .constant(let value): [value]
        case .linearWarmUp(let peak, _), .inverseSquareRoot(let peak, _): [peak]
        case .cosine(let peak, _, _, let floor), .warmUpStableDecay(let peak, _, _, _, let floor):
            [peak, floor]
        }
    }
}

extension Schedule: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    /// A constant.
    public init(floatLiteral value: Double) { self = .constant(value) }
    /// A constant.
    public init(integerLiteral value: Int) { self = .constant(Double(value)) }
}
