// What processes that divide the state tell each other in a step, and the collection of what they have moved.

import CKernels
import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// What a group's rule exchanges with the other processes.
    func groupExchange(_ number: Int) -> GroupExchange {
        let slots = groups[number].slots
        guard let division, slots.contains(where: { division.holdings[$0] != .all }) else {
            return GroupExchange(count: slots.count)
        }
        return GroupExchange(count: slots.count) {
            try division.completed($0, as: "the norm of a group's step")
        } send: { tensor, position in
            guard case .one(let owner) = division.holdings[slots.lowerBound + position] else { return }
            try division.group.broadcast(tensor, from: owner, as: "the exchange of eigenbases")
        }
    }

    /// Runs the part of a step that each process has its own of; where it fails on one, all throw.
    func planTogether<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as ProcessGroupError {
            throw error
        } catch {
            _ = try division?.agreed(failed: nil, mayOverflow: false, hasFailed: true)
            throw error
        }
    }

    /// The most bytes of gradients that are surveyed by every process: reading them takes less time than a message.
    private static let surveyedByAll = 8 << 20

    /// The norms of the gradients that other processes move, found by this one, of which all have the sums; nil where an
    /// exchange of the norms is less work, or is needed for the same bits as of one process.
    ///
    /// - Parameter norms: is given them, by slot.
    /// - Returns: the sums of the cells of cut tensors, in their order.
    func otherNorms(
        _ gradients: GradientList, _ isFused: [Bool], _ jobs: any FusedWork, count: Double,
        _ norms: inout [Double]
    ) throws -> [[ck_sums]]? {
        guard let division, device == .cpu,
            slots.reduce(0, { $0 + $1.parameter.wrappedValue.byteCount }) <= Self.surveyedByAll,
            groups.allSatisfy({ $0.rule.division == .elements }),
            // Of those the survey has found more than the squares.
            !jobs.jobs.contains(where: { $0.isShared && $0.isMeasured })
        else { return nil }
        // What is decided here must not depend on the process.
        let divided = slots.indices.filter { gradients.reaches($0) && division.holdings[$0] != .all }
        guard divided.allSatisfy({ isFused[$0] }) else { return nil }
        let open = divided.filter { division.isCut($0) || !hasWork(on: $0) }
        let whole = try open.map { slot in
            guard let gradient = gradients.likelihood[slot]?.contiguous() else {
                preconditionFailure("a slot on the fused path has a gradient")
            }
            try gradient.check()
            return gradient
        }
        let survey = FusedUpdate(zip(open, whole).map { surveyJob($0, $1) }, threadLimit: threadLimit)
        withExtendedLifetime(whole) { survey.survey(scale: nil) }
        var cells: [[ck_sums]] = []
        for (position, slot) in open.enumerated() {
            if division.isCut(slot) {
                cells.append(survey.cellSums(of: position))
            } else {
                norms[slot] = survey.jobs[position].gradientSquares.squareRoot() / count
            }
        }
        return cells
    }

    /// Collects what the other processes have moved: the parameters, and the numbers of the reports.
    func collect(_ gradients: GradientList, _ plan: inout StepPlan) throws {
        guard let division else { return }
        let moved = slots.indices.filter { gradients.reaches($0) && division.holdings[$0] != .all }
        for slot in moved where !hasWork(on: slot) { slots[slot].step += 1 }
        var numbers = [Double](repeating: 0, count: 4 * slots.count)
        for slot in moved {
            if let outcome = plan.outcomes[slot] {
                numbers[4 * slot] = outcome.changeSquares
                if division.speaks(for: slot) {
                    numbers[4 * slot + 1] = outcome.clipFactor ?? .nan
                    numbers[4 * slot + 2] = outcome.epsilon ?? .nan
                }
            } else if let update = plan.updates[slot], division.speaks(for: slot) {
                let norm = plan.changeNorms[slot]
                numbers[4 * slot] = norm * norm
                numbers[4 * slot + 1] = try update.clipFactor?.item() ?? .nan
                numbers[4 * slot + 2] = try update.epsilon?.item() ?? .nan
                numbers[4 * slot + 3] = Double(update.fallbackCount)
            }
        }
        numbers = try withoutGradients {
            try division.collect(
                moved.map { ($0, slots[$0].parameter.wrappedValue) }, with: numbers, on: device)
        }
        for slot in moved where division.isCut(slot) { slots[slot].bounds?.acceptVersion() }
        func known(_ number: Double) -> Double? { number.isNaN ? nil : number }
        for slot in moved {
            let isCut = division.isCut(slot)
            if !isCut && hasWork(on: slot) { continue }
            let own = plan.outcomes[slot]
            plan.outcomes[slot] = FusedOutcome(
                count: slots[slot].parameter.wrappedValue.count, changeSquares: numbers[4 * slot],
                clipFactor: isCut ? own?.clipFactor : known(numbers[4 * slot + 1]),
                epsilon: isCut ? own?.epsilon : known(numbers[4 * slot + 2]), decay: own?.decay,
                fallbackCount: Int(numbers[4 * slot + 3]))
        }
    }
}

/// sqrt(sum of squares) in one order, without overflow where the result has none.
func combinedNorm(_ norms: [Double]) -> Double {
    let largest = norms.max() ?? 0
    // A NaN may hide from the maximum.
    guard largest > 0, largest.isFinite else { return norms.reduce(0, +) }
    return largest * norms.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
}
