import FisherOptions
import Foundation

/// A hyperparameter over the updates of a training run: a constant, or a curve.
///
/// Updates are counted from 1. A number literal is a constant. Curves can be put one after another
/// (``sequence(_:)``, ``warmUp(_:then:)``) and scaled (``scaled(by:)``). A ``plateau(_:factor:patience:threshold:minimum:cooldown:)``
/// depends on the validation loss besides.
public indirect enum Schedule: Hashable, Sendable {
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
    /// A schedule that is multiplied by `factor` whenever the loss on held-out data has stopped falling.
    ///
    /// An optimizer is told each such loss by `Optimizer.observe(validationLoss:)`, which training sessions call at every
    /// evaluation. An evaluation is better if its loss is below b - threshold |b|, b being the best so far; after more
    /// than `patience` others in a row the schedule is reduced, but the reduction never takes its largest value below
    /// `minimum`, and the next `cooldown` evaluations do not count. The reduction is part of the optimizer's state, not of
    /// the schedule: a call with an update gives the value of the schedule that is reduced. It stands outermost.
    case plateau(
        Schedule, factor: Double = 0.1, patience: Int = 2, threshold: Double = 1e-4, minimum: Double = 0,
        cooldown: Int = 0)

    /// A part of a sequence.
    public struct Phase: Hashable, Sendable {
        /// The schedule.
        public let schedule: Schedule
        /// The number of updates for which it holds; of no effect in the last phase.
        public let updates: Int

        /// Describes a schedule that holds for a number of updates, by default for all that follow.
        public init(_ schedule: Schedule, updates: Int = .max) {
            self.schedule = schedule
            self.updates = updates
        }
    }

    /// A straight line from 0 to where a schedule begins, over a number of updates, and then that schedule.
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
        case .plateau(let base, _, _, _, _, _): return base(update)
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
        case .plateau(let base, let reduction, let patience, let threshold, let minimum, let cooldown):
            .plateau(
                base.scaled(by: factor), factor: reduction, patience: patience, threshold: threshold,
                minimum: minimum * factor, cooldown: cooldown)
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
        case .plateau(let base, let factor, let patience, let threshold, let minimum, let cooldown):
            .plateau(
                base.scaled(toPeak: peak), factor: factor, patience: patience, threshold: threshold,
                minimum: minimum, cooldown: cooldown)
        }
    }

    /// Why there is no such schedule; nil if there is. Numbers of the curves are for the option to judge.
    var complaint: String? {
        switch self {
        case .plateau(let base, let factor, let patience, let threshold, let minimum, let cooldown):
            if base.holdsPlateau { return "has a plateau inside a plateau" }
            if !(factor > 0 && factor < 1) {
                return "has a factor of \(factor), which must lie between 0 and 1"
            }
            if patience < 0 || cooldown < 0 { return "has a negative patience or cooldown" }
            if !(threshold >= 0 && threshold < 1) {
                return "has a threshold of \(threshold), which must lie in [0, 1)"
            }
            return minimum >= 0 ? base.complaint : "has a minimum of \(minimum), which is below 0"
        case .sequence(let phases):
            return phases.contains { $0.schedule.holdsPlateau }
                ? "has a plateau inside a sequence; write plateau(schedule=sequence(...))" : nil
        default: return nil
        }
    }

    private var holdsPlateau: Bool {
        switch self {
        case .plateau: true
        case .sequence(let phases): phases.contains { $0.schedule.holdsPlateau }
        default: false
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
    /// What is wrong with an invalid schedule.
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
        case .plateau(let base, _, _, _, let minimum, _): base.extremes + [minimum]
        }
    }
}
