// Steps of processes that divide the state: each moves its own share, and the shares are collected afterwards.

import CKernels
import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// Whether this process moves a slot or a part of it.
    func hasWork(on slot: Int) -> Bool { division?.keeps(slot) ?? true }

    /// Divides the state, which is complete here, as ``processes`` and ``dividesState`` say.
    func divide() {
        precondition(
            division == nil || updateCount == 0,
            "the processes of an optimizer cannot change between its updates")
        division = nil
        guard let processes, dividesState, processes.size > 1 else { return }
        // The norm in the information is one over whole tensors.
        take(division(among: processes, cuts: clipFisherNorm == nil))
    }

    /// Keeps the share of a division, of a state that is complete here.
    private func take(_ made: StateDivision) {
        guard made.holdings.contains(where: { $0 != .all }) else { return }
        division = made
        for slot in slots.indices { slots[slot].state = share(of: slots[slot].state, slot) }
        for slot in slots.indices { slots[slot].bounds = nil }
    }

    /// What this process keeps of a slot's complete state.
    func share(of state: TensorState, _ slot: Int) -> TensorState {
        guard let division else { return state }
        if let part = division.part(of: slot) {
            let count = slots[slot].parameter.wrappedValue.count
            var own = state
            for (name, tensor) in state.tensors where tensor.count == count {
                own[name] = tensor.flattened().narrowed(0, from: part.lowerBound, length: part.count).copy()
            }
            return own
        }
        return division.keeps(slot) ? state : TensorState()
    }

    /// Divides anew, by whole tensors, before a step in which a tensor that is cut does not take the fused path: a formula
    /// needs sums over the tensor.
    ///
    /// - Parameter isFused: the slots that take it, here or elsewhere; nil where the state is not divided.
    func keepWholeTensors(unless isFused: [Bool]?, _ gradients: GradientList) throws {
        guard let former = division, let isFused else { return }
        guard slots.indices.contains(where: { former.isCut($0) && gradients.reaches($0) && !isFused[$0] })
        else { return }
        let complete = try completeState()
        division = nil
        try restore(complete)
        take(division(among: former.group, cuts: false))
    }

    /// The optimizer's complete state, where several processes divide it: all of them call this. For one process it is
    /// ``state``. Costs an exchange of the state, and memory for all of it on every process.
    public func completeState() throws -> [String: Tensor] {
        guard let division else { return state }
        let group = division.group
        let own = shard.sorted { $0.key < $1.key }
        let described = own.map { key, tensor in
            ([key, "\(tensor.dtype.rawValue)"] + tensor.shape.map(String.init)).joined(separator: "\t")
        }
        let lists = try group.texts(described.joined(separator: "\n"), as: "the exchange of the state")
        var all: [String: Tensor] = [:]
        for (rank, list) in lists.enumerated() {
            for (number, line) in list.split(separator: "\n").enumerated() {
                let fields = line.split(separator: "\t").map(String.init)
                guard fields.count >= 2, let raw = Int32(fields[1]), let dtype = DType(rawValue: raw) else {
                    preconditionFailure("processes describe their states alike")
                }
                let tensor =
                    rank == group.rank
                    ? own[number].value.contiguous()
                    : Tensor.zeros(fields.dropFirst(2).compactMap { Int($0) }, dtype: dtype)
                if tensor.count > 0 {
                    try group.broadcast(tensor, from: rank, as: "the exchange of the state")
                }
                all[fields[0]] = tensor
            }
        }
        return try joined(all)
    }

    /// The processes that divide the state; nil where this one keeps everything.
    public var sharers: ProcessGroup? { division?.group }

    /// The part of ``state`` that this process alone saves: the parts of all processes together are the complete state.
    public var shard: [String: Tensor] {
        // The first process saves what all have, too.
        guard let division, division.rank > 0 else { return state }
        let own = slots.indices.filter { division.holdings[$0] != .all }
        return Dictionary(
            uniqueKeysWithValues: own.flatMap { savedState(of: $0) }.map { ($0.key, $0.tensor) })
    }

    /// A slot's state under the keys by which it is saved: a part has its range, as in `parameter/w/momentum[0:32768]`.
    func savedState(of slot: Int) -> [(key: String, tensor: Tensor)] {
        let part = division?.part(of: slot)
        return slots[slot].state.tensors.compactMap { name, tensor in
            let key = "parameter/\(slots[slot].path)/\(name)"
            guard let part else { return (key, tensor) }
            if tensor.count != part.count { return division?.rank == 0 ? (key, tensor) : nil }
            return part.isEmpty ? nil : ("\(key)[\(part.lowerBound):\(part.upperBound)]", tensor)
        }
    }

    /// A saved state whose parts are joined to whole tensors. Throws `OptimizerError.badState` for parts that leave gaps.
    func joined(_ saved: [String: Tensor]) throws -> [String: Tensor] {
        var whole: [String: Tensor] = [:]
        var parts: [String: [(range: Range<Int>, tensor: Tensor)]] = [:]
        for (key, tensor) in saved {
            if let (name, range) = Self.part(named: key) {
                parts[name, default: []].append((range, tensor))
            } else {
                whole[key] = tensor
            }
        }
        let shapes = Dictionary(
            slots.map { ("\($0.path)", $0.parameter.wrappedValue.shape) },
            uniquingKeysWith: { first, _ in first })
        for (key, found) in parts {
            let sorted = found.sorted { $0.range.lowerBound < $1.range.lowerBound }
            let path = key.dropFirst("parameter/".count).split(separator: "/").dropLast().joined(
                separator: "/")
            var end = 0
            for (range, tensor) in sorted {
                guard range.lowerBound == end, tensor.count == range.count, tensor.rank == 1 else {
                    throw OptimizerError.badState(key: key, reason: "has parts that do not fit each other")
                }
                end = range.upperBound
            }
            guard whole[key] == nil, let shape = shapes[path], shape.reduce(1, *) == end else {
                throw OptimizerError.badState(key: key, reason: "has parts that are not all of it")
            }
            whole[key] = Tensor.concatenated(sorted.map(\.tensor)).reshaped(shape)
        }
        return whole
    }

    /// The key and the range of a part's key.
    private static func part(named key: String) -> (String, Range<Int>)? {
        guard key.hasSuffix("]"), let bracket = key.lastIndex(of: "[") else { return nil }
        let bounds = key[key.index(after: bracket)...].dropLast().split(separator: ":").map { Int($0) }
        guard bounds.count == 2, let start = bounds[0], let end = bounds[1], start >= 0, start <= end else {
            return nil
        }
        return (String(key[..<bracket]), start..<end)
    }

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

    /// Collects what the other processes have moved: the parameters, and the numbers of the reports.
    func collect(_ gradients: GradientList, _ plan: inout StepPlan) throws {
        guard let division else { return }
        let moved = slots.indices.filter { gradients.reaches($0) && division.holdings[$0] != .all }
        for slot in moved where !hasWork(on: slot) { slots[slot].step += 1 }
        try withoutGradients { try division.collect(moved.map { ($0, slots[$0].parameter.wrappedValue) }) }
        for slot in moved where division.isCut(slot) { slots[slot].bounds?.acceptVersion() }

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
        numbers = try division.completed(numbers, as: "the exchange of reports")
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
