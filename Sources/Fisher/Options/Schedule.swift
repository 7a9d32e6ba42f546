import FisherOptions
import Foundation

/// A hyperparameter over the updates of a training run: a constant, or a curve.
///
/// Updates are counted from 1. A number literal is a constant. Curves can be put one after another
/// (``sequence(_:)``, ``warmUp(_:then:)``) and scaled (``scaled(by:)``).
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
    /// Schedules one after another, each of which counts its own updates from 1; the last one has no end.
    case sequence([Phase])

    /// A part of a sequence.
    public struct Phase: Hashable, Sendable {
        /// The schedule.
        public let schedule: Schedule
        /// The number of updates for which it holds; of no effect in the last phase.
        public let updates: Int

        /// Describes a schedule that holds for so many updates, by default for all that come.
        public init(_ schedule: Schedule, updates: Int = .max) {
            self.schedule = schedule
            self.updates = updates
        }
    }

    /// A straight line from 0 to where a schedule begins, over so many updates, and then that schedule.
    public static func warmUp(_ updates: Int, then schedule: Schedule) -> Schedule {
        if updates < 1 { return schedule }
        return .sequence([
            Phase(.linearWarmUp(schedule(1), warmUp: updates), updates: updates), Phase(schedule),
        ])
    }

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
        case .sequence(let phases):
            var first = 0
            for phase in phases.dropLast() {
                if update - first <= phase.updates { return phase.schedule(update - first) }
                first += phase.updates
            }
            return phases.last?.schedule(update - first) ?? 0
        }
    }

    private func ramp(_ t: Double, _ warmUp: Int) -> Double { min(1, t / Double(max(warmUp, 1))) }

    /// The same course with every value multiplied by a factor.
    public func scaled(by factor: Double) -> Schedule {
        switch self {
        case .constant(let value): .constant(value * factor)
        case .linearWarmUp(let peak, let warmUp): .linearWarmUp(peak * factor, warmUp: warmUp)
        case .cosine(let peak, let steps, let warmUp, let floor):
            .cosine(peak * factor, steps: steps, warmUp: warmUp, floor: floor * factor)
        case .inverseSquareRoot(let peak, let warmUp): .inverseSquareRoot(peak * factor, warmUp: warmUp)
        case .warmUpStableDecay(let peak, let steps, let warmUp, let decay, let floor):
            .warmUpStableDecay(
                peak * factor, steps: steps, warmUp: warmUp, decay: decay, floor: floor * factor)
        case .sequence(let phases):
            .sequence(phases.map { Phase($0.schedule.scaled(by: factor), updates: $0.updates) })
        }
    }

    /// The same course with another peak; floors stay, except in a sequence, which is scaled as a whole.
    public func scaled(toPeak peak: Double) -> Schedule {
        switch self {
        case .constant: .constant(peak)
        case .linearWarmUp(_, let warmUp): .linearWarmUp(peak, warmUp: warmUp)
        case .cosine(_, let steps, let warmUp, let floor):
            .cosine(peak, steps: steps, warmUp: warmUp, floor: floor)
        case .inverseSquareRoot(_, let warmUp): .inverseSquareRoot(peak, warmUp: warmUp)
        case .warmUpStableDecay(_, let steps, let warmUp, let decay, let floor):
            .warmUpStableDecay(peak, steps: steps, warmUp: warmUp, decay: decay, floor: floor)
        case .sequence: scaled(by: peak / (extremes.max() ?? 1))
        }
    }
}

extension Schedule: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    /// A constant.
    public init(floatLiteral value: Double) { self = .constant(value) }
    /// A constant.
    public init(integerLiteral value: Int) { self = .constant(Double(value)) }
}

extension Schedule: NumericOptionValue {
    /// What is wrong with a text that is no schedule.
    public static var expectation: String { "is neither a number nor a schedule" }
    /// A constant is a number; curves are texts.
    public static var form: OptionForm { .bare }

    /// The largest and smallest numbers that the curve is made of.
    public var extremes: [Double] {
        switch self {
        case .constant(let value): [value]
        case .linearWarmUp(let peak, _), .inverseSquareRoot(let peak, _): [peak]
        case .cosine(let peak, _, _, let floor), .warmUpStableDecay(let peak, _, _, _, let floor):
            [peak, floor]
        case .sequence(let phases): phases.flatMap(\.schedule.extremes)
        }
    }
}
