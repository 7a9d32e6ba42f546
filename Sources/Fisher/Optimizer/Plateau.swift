import Torch

/// The course of a plateau schedule of one option in one group: what it has seen of the loss, and how far it is reduced.
///
/// It counts as PyTorch's `ReduceLROnPlateau` does with mode `min` and threshold mode `rel`, and differs from it in two points.
/// Where the best loss b is negative, a loss must be below b - threshold |b|, while PyTorch's b (1 - threshold) takes a loss
/// that is worse than the best for better. And every reduction counts, while PyTorch leaves out those of less than `eps`, 1e-8.
struct Plateau {
    /// The option's name.
    let option: String
    /// The schedule, which is a plateau.
    let schedule: Schedule
    /// The best loss so far; infinite before the first.
    private var best = Double.infinity
    /// Evaluations since then that count.
    private var bad = 0
    /// Evaluations that do not count yet.
    private var cooling = 0
    /// What the schedule is multiplied by.
    private(set) var scale = 1.0

    init(option: String, schedule: Schedule) { (self.option, self.schedule) = (option, schedule) }

    /// Notes a loss; a loss that is no number counts as no better one.
    mutating func observe(_ loss: Double) {
        guard
            case .plateau(let base, let factor, let patience, let threshold, let minimum, let cooldown) =
                schedule
        else { return }
        if loss < (best.isFinite ? best - threshold * abs(best) : .infinity) {
            (best, bad) = (loss, 0)
        } else {
            bad += 1
        }
        if cooling > 0 { (cooling, bad) = (cooling - 1, 0) }
        if bad > patience {
            let peak = base.extremes.max() ?? 0
            scale = min(scale, max(scale * factor, peak > 0 ? minimum / peak : 0))
            (cooling, bad) = (cooldown, 0)
        }
    }

    /// The schedule as it is now.
    var inForce: Schedule {
        guard case .plateau(let base, _, _, _, _, _) = schedule else { return schedule }
        return scale == 1 ? base : base.scaled(by: scale)
    }

    /// The state as numbers that ``restore(_:)`` takes.
    var state: [Double] { [best, Double(bad), Double(cooling), scale] }

    /// Continues from a state; false, and unchanged, if the numbers are none.
    mutating func restore(_ numbers: [Double]) -> Bool {
        guard numbers.count == 4, !numbers[0].isNaN, let bad = Int(exactly: numbers[1]), bad >= 0,
            let cooling = Int(exactly: numbers[2]), cooling >= 0, numbers[3] > 0, numbers[3] <= 1
        else { return false }
        (best, self.bad, self.cooling, scale) = (numbers[0], bad, cooling, numbers[3])
        return true
    }
}

extension Optimizer.BoundGroup {
    /// The plateaus of a rule's options in the order of their names; throws for one that cannot be.
    static func plateaus(of rule: any OptimizationRule) throws(HyperparameterError) -> [Plateau] {
        var found: [Plateau] = []
        func note(_ name: String, _ schedule: Schedule) throws(HyperparameterError) {
            if let complaint = schedule.complaint {
                throw HyperparameterError(
                    rule: type(of: rule).summary.name, option: name, value: "\(schedule)", reason: complaint)
            }
            if case .plateau = schedule { found.append(Plateau(option: name, schedule: schedule)) }
        }
        try note("learning_rate", rule.learningRate)
        for (name, text) in rule.settings.sorted(by: { $0.name < $1.name })
        where name != "learning_rate" && text.contains("plateau(") {
            guard let schedule = Schedule(text) else {
                throw HyperparameterError(
                    rule: type(of: rule).summary.name, option: name, value: text, reason: Schedule.expectation
                )
            }
            try note(name, schedule)
        }
        return found
    }

    /// The configured rule with the present values of its plateaus.
    func reducedRule() -> (any OptimizationRule)? {
        if plateaus.isEmpty { return nil }
        var rule = configuredRule
        for plateau in plateaus {
            if plateau.option == "learning_rate" {
                rule.learningRate = plateau.inForce
            } else {
                // A part of an allowed value is allowed; where it is not, the option stays as it is.
                try? rule.set(plateau.option, to: "\(plateau.inForce)")
            }
        }
        return rule
    }
}

extension Optimizer {
    /// Tells plateau schedules a loss on held-out data; others do not depend on it. To be called once at each evaluation, at
    /// regular intervals, before the state is saved. A training session does so.
    public func observe(validationLoss: Double) {
        for number in groups.indices where !groups[number].plateaus.isEmpty {
            var plateaus = groups[number].plateaus
            for position in plateaus.indices { plateaus[position].observe(validationLoss) }
            groups[number].plateaus = plateaus
        }
    }

    /// A rule's schedule as the plateaus of the groups have reduced it.
    package func inForce(_ schedule: Schedule) -> Schedule {
        groups.lazy.flatMap(\.plateaus).first { $0.schedule == schedule }?.inForce ?? schedule
    }

    /// What a group's plateaus have come to, for `describe()`: their options and what these are multiplied by.
    func reductions(ofGroup number: Int) -> String {
        groups[number].plateaus.filter { $0.scale != 1 }.map { "; \($0.option) now times \($0.scale)" }
            .joined()
    }

    static func plateauKey(_ group: Int, _ option: String) -> String {
        "optimizer/plateau/\(group)/\(option)"
    }
}
