import NeuralNet
import Torch

extension Optimizer {
    /// Everything that the optimizer remembers, by key: `parameter/<path>/<name>` for what the rules keep,
    /// `parameter/<path>/step` for how often a parameter has moved, `optimizer/...` for the counters.
    ///
    /// The tensors are those in use: save them before the next step.
    public var state: [String: Tensor] {
        var all: [String: Tensor] = [
            "optimizer/updates": Tensor([Int64(updateCount)], shape: []),
            "optimizer/skipped": Tensor([Int64(skippedCount)], shape: []),
            "optimizer/skipped_in_a_row": Tensor([Int64(skippedInARow)], shape: []),
        ]
        for slot in slots {
            all["parameter/\(slot.path)/step"] = Tensor([Int64(slot.step)], shape: [])
            for (name, tensor) in slot.state.tensors { all["parameter/\(slot.path)/\(name)"] = tensor }
        }
        return all
    }

    /// Continues from a saved state, bit for bit. The state must be of the same parameters; where it is not,
    /// `OptimizerError.badState` names the key, and nothing is changed.
    public func restore(_ saved: [String: Tensor]) throws {
        var unused = saved
        func count(_ key: String) throws -> Int {
            guard let tensor = unused.removeValue(forKey: key) else {
                throw OptimizerError.badState(key: key, reason: "is missing")
            }
            try tensor.check()
            let value = tensor.count == 1 ? try tensor.item() : -1
            guard value >= 0, let whole = Int(exactly: value) else {
                throw OptimizerError.badState(key: key, reason: "is no count")
            }
            return whole
        }
        let updates = try count("optimizer/updates")
        let skipped = try count("optimizer/skipped")
        let inARow = try count("optimizer/skipped_in_a_row")
        var restored = groups
        for g in groups.indices {
            for s in groups[g].slots.indices {
                let slot = groups[g].slots[s]
                let prefix = "parameter/\(slot.path)/"
                restored[g].slots[s].step = try count(prefix + "step")
                var state = TensorState()
                for key in unused.keys.filter({ $0.hasPrefix(prefix) }) {
                    guard let tensor = unused.removeValue(forKey: key) else { continue }
                    try Optimizer.checkDType(tensor, key: key, of: slot)
                    state[String(key.dropFirst(prefix.count))] = tensor.copy()
                }
                try checkState(state, of: slot, rule: groups[g].group.rule, step: restored[g].slots[s].step)
                restored[g].slots[s].state = state
            }
        }
        if let extra = unused.keys.min() {
            throw OptimizerError.badState(key: extra, reason: "belongs to no parameter")
        }
        groups = restored
        (updateCount, skippedCount, skippedInARow) = (updates, skipped, inARow)
    }

    private static func checkDType(_ tensor: Tensor, key: String, of slot: Slot) throws {
        try tensor.check()
        let expected = slot.parameter.wrappedValue.dtype.accumulator
        guard tensor.dtype == expected else {
            throw OptimizerError.badState(key: key, reason: "has type \(tensor.dtype), not \(expected)")
        }
    }

    /// The rule itself tells which tensors it keeps: a step on zeros makes a state of the right shapes.
    private func checkState(
        _ state: TensorState, of slot: Slot, rule: any OptimizationRule, step: Int
    ) throws {
        guard step > 0 else {
            if let name = state.tensors.keys.min() {
                throw OptimizerError.badState(
                    key: "parameter/\(slot.path)/\(name)", reason: "is there before the first step")
            }
            return
        }
        let fresh = Optimizer.firstState(of: slot, rule: rule)
        for name in Set(fresh.tensors.keys).union(state.tensors.keys).sorted() {
            let key = "parameter/\(slot.path)/\(name)"
            guard let expected = fresh[name] else {
                throw OptimizerError.badState(key: key, reason: "is not one that the rule keeps")
            }
            guard let found = state[name] else {
                throw OptimizerError.badState(key: key, reason: "is missing")
            }
            guard found.shape == expected.shape else {
                throw OptimizerError.badState(
                    key: key, reason: "has shape \(found.shape), not \(expected.shape)")
            }
        }
    }

    /// The bytes that the rules' memories will take after the first step. Costs about as much as a step.
    public var expectedStateByteCount: Int {
        groups.reduce(0) { total, bound in
            bound.slots.reduce(total) { sum, slot in
                let state = Optimizer.firstState(of: slot, rule: bound.group.rule)
                return sum + state.tensors.values.reduce(0) { $0 + $1.byteCount }
            }
        }
    }

    /// What a rule remembers of a parameter after a step on zeros.
    private static func firstState(of slot: Slot, rule: any OptimizationRule) -> TensorState {
        let tensor = slot.parameter.wrappedValue
        let zeros = Tensor.zeros(like: tensor.detached(), dtype: tensor.dtype.accumulator)
        var fresh = [TensorState()]
        _ = withoutGradients {
            rule.direction([RuleInput(parameter: zeros, score: zeros, step: 1)], state: &fresh)
        }
        return fresh[0]
    }
}
