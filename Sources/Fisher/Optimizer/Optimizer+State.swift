import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// The optimizer's complete state, by key: `parameter/<path>/<name>` for the rules' state,
    /// `parameter/<path>/step` for how often a parameter has moved, `optimizer/...` for the counters, for learning rates
    /// that ``setLearningRate(_:of:)`` has changed, and for what plateau schedules have seen.
    ///
    /// The tensors are those in use: save them before the next step. Where several processes divide the state, it is what
    /// this one keeps, a part of a tensor under `parameter/<path>/<name>[<first>:<end>]`; see ``completeState()``.
    public var state: [String: Tensor] {
        var all: [String: Tensor] = [
            "optimizer/updates": Tensor([Int64(updateCount)], shape: []),
            "optimizer/skipped": Tensor([Int64(skippedCount)], shape: []),
            "optimizer/skipped_in_a_row": Tensor([Int64(skippedInARow)], shape: []),
        ]
        for (number, slot) in slots.enumerated() {
            all["parameter/\(slot.path)/step"] = Tensor([Int64(slot.step)], shape: [])
            for (key, tensor) in savedState(of: number) { all[key] = tensor }
        }
        for (number, group) in groups.enumerated() {
            for plateau in group.plateaus {
                all[Optimizer.plateauKey(number, plateau.option)] = Tensor(plateau.state)
            }
            guard let changed = group.changedLearningRate else { continue }
            all[Optimizer.learningRateKey(number)] = Tensor(Array("\(changed)".utf8))
        }
        // A generator whose state cannot be read has failed before.
        if let bytes = try? labelGenerator?.state() { all["optimizer/label_generator"] = Tensor(bytes) }
        if let bytes = try? draws?.generator.state() { all["optimizer/draw_generator"] = Tensor(bytes) }
        if let bytes = try? roundingGenerator?.state() { all["optimizer/rounding_generator"] = Tensor(bytes) }
        return all
    }

    /// Continues from a saved state, bit for bit. The state must be of the same parameters; where it is not,
    /// `OptimizerError.badState` names the key, and nothing is changed.
    ///
    /// It is a complete one, or what several processes have saved together, however many they were; of it this process keeps
    /// its share. It may come from another device.
    public func restore(_ saved: [String: Tensor]) throws { try onDevice { try restoreHere(saved) } }

    private func restoreHere(_ saved: [String: Tensor]) throws {
        let saved = try joined(saved)
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
        var streams: [(generator: RandomGenerator, state: [UInt8])] = []
        let generators = [
            ("label", labelGenerator), ("draw", draws?.generator), ("rounding", roundingGenerator),
        ]
        for (name, generator) in generators {
            guard let generator else { continue }
            let key = "optimizer/\(name)_generator"
            guard let bytes = unused.removeValue(forKey: key) else {
                throw OptimizerError.badState(key: key, reason: "is missing")
            }
            let state = try bytes.scalars(as: UInt8.self)
            guard bytes.dtype == .uint8, state.count == (try generator.state().count) else {
                throw OptimizerError.badState(key: key, reason: "is no state of a generator")
            }
            streams.append((generator, state))
        }
        let owned = keysOfRules(in: saved)
        var (restoredGroups, restored) = (groups, slots)
        for (number, group) in groups.enumerated() {
            let key = Optimizer.learningRateKey(number)
            let changed: Schedule? = try unused.removeValue(forKey: key).map { saved in
                let text = String(decoding: try saved.scalars(as: UInt8.self), as: UTF8.self)
                guard let learningRate = Schedule(text) else {
                    throw OptimizerError.badState(key: key, reason: "is no schedule")
                }
                return learningRate
            }
            try restoredGroups[number].setLearningRate(changed)
            restoredGroups[number].plateaus = try restoredGroups[number].plateaus.map { plateau in
                var restored = Plateau(option: plateau.option, schedule: plateau.schedule)
                let key = Optimizer.plateauKey(number, plateau.option)
                if let numbers = unused.removeValue(forKey: key), try !restored.restore(numbers.scalars()) {
                    throw OptimizerError.badState(key: key, reason: "is no state of a plateau")
                }
                return restored
            }
            // Of an option that was a plateau when it was saved and is another schedule now.
            unused = unused.filter { !$0.key.hasPrefix(Optimizer.plateauKey(number, "")) }
            let steps = try group.slots.map { try count("parameter/\(slots[$0].path)/step") }
            let shapes = expectedShapes(ofGroup: number, after: steps.max() ?? 0)
            for (position, place) in group.slots.enumerated() {
                let slot = slots[place]
                restored[place].step = steps[position]
                var state = TensorState()
                for (key, name) in owned[slot.path] ?? [] {
                    guard let tensor = unused.removeValue(forKey: key) else { continue }
                    try checkDType(tensor, key: key, of: slot, rule: group.rule)
                    if let reason = try tensor.nonFiniteElement() {
                        throw OptimizerError.badState(key: key, reason: reason)
                    }
                    let device = slot.parameter.wrappedValue.device
                    state[name] = tensor.device == device ? tensor.copy() : tensor.to(device: device)
                }
                try Optimizer.check(state, of: slot, shapes: shapes[position], step: steps[position])
                restored[place].state = share(of: state, place)
                restored[place].bounds = nil
            }
        }
        if let extra = unused.keys.min() {
            throw OptimizerError.badState(key: extra, reason: "belongs to no parameter")
        }
        for (generator, state) in streams { try generator.restore(state) }
        (groups, slots) = (restoredGroups, restored)
        (updateCount, skippedCount, skippedInARow) = (updates, skipped, inARow)
    }

    /// The keys of the rules' state, each with its name, by the parameter whose path is the longest that the key begins
    /// with: a parameter `a/b` may stand beside one called `a`.
    private func keysOfRules(in saved: [String: Tensor]) -> [ParameterPath: [(key: String, name: String)]] {
        let paths = Dictionary(slots.map { ("\($0.path)", $0.path) }, uniquingKeysWith: { first, _ in first })
        var found: [ParameterPath: [(key: String, name: String)]] = [:]
        for key in saved.keys.sorted() where key.hasPrefix("parameter/") {
            let rest = key.dropFirst("parameter/".count)
            let cuts = rest.indices.filter { rest[$0] == "/" }.reversed()
            guard let cut = cuts.first(where: { paths[String(rest[..<$0])] != nil }),
                let path = paths[String(rest[..<cut])]
            else { continue }
            let name = String(rest[rest.index(after: cut)...])
            if name != "step" { found[path, default: []].append((key, name)) }
        }
        return found
    }

    private static func learningRateKey(_ group: Int) -> String { "optimizer/learning_rate/\(group)" }

    private func checkDType(
        _ tensor: Tensor, key: String, of slot: Slot, rule: any OptimizationRule
    ) throws {
        try tensor.check()
        let expected = dtype(ofState: rule, for: slot)
        guard tensor.dtype == expected else {
            throw OptimizerError.badState(key: key, reason: "has type \(tensor.dtype), not \(expected)")
        }
    }

    private static func check(
        _ state: TensorState, of slot: Slot, shapes: [String: [Int]], step: Int
    ) throws {
        guard step > 0 else {
            if let name = state.tensors.keys.min() {
                throw OptimizerError.badState(
                    key: "parameter/\(slot.path)/\(name)", reason: "is there before the first step")
            }
            return
        }
        for name in Set(shapes.keys).union(state.tensors.keys).sorted() {
            let key = "parameter/\(slot.path)/\(name)"
            guard let expected = shapes[name] else {
                throw OptimizerError.badState(key: key, reason: "is not one that the rule keeps")
            }
            guard let found = state[name] else {
                throw OptimizerError.badState(key: key, reason: "is missing")
            }
            guard found.shape == expected else {
                throw OptimizerError.badState(
                    key: key, reason: "has shape \(found.shape), not \(expected)")
            }
        }
    }

    /// The bytes of the rules' state after the first step. Costs about as much as an update of one parameter of each shape.
    public var expectedStateByteCount: Int {
        groups.indices.reduce(0) { total, number in
            let slots = slots[groups[number].slots]
            return zip(slots, expectedShapes(ofGroup: number, after: 1)).reduce(total) { sum, entry in
                let size = dtype(ofState: groups[number].rule, for: entry.0).byteCount
                return sum + entry.1.values.reduce(0) { $0 + $1.reduce(1, *) * size }
            }
        }
    }

    /// The type in which a rule's state of a parameter is kept.
    private func dtype(ofState rule: any OptimizationRule, for slot: Slot) -> DType {
        let computed = slot.parameter.wrappedValue.dtype.accumulator
        let isShort = statePrecision != .full && computed == .float32 && rule.curvatureRule == nil
        return isShort ? .bfloat16 : computed
    }

    /// The shapes of a rule's state of each parameter of a group after an update, by name. For a rule that
    /// works on gradients they are found by a step on zeros, once for parameters that are alike.
    private func expectedShapes(ofGroup number: Int, after step: Int) -> [[String: [Int]]] {
        let group = groups[number]
        if let rule = group.rule.curvatureRule, let estimator = estimators[number] {
            return rule.stateShapes(estimator.structure, after: step)
        }
        struct Kind: Hashable {
            let shape: [Int]
            let dtype: DType
        }
        var known: [Kind: [String: [Int]]] = [:]
        return slots[group.slots].map { slot in
            let value = slot.parameter.wrappedValue.detached()
            let kind = Kind(shape: value.shape, dtype: value.dtype)
            if let shapes = known[kind] { return shapes }
            let shapes = onDevice { group.rule.stateShapes(like: value) }
            known[kind] = shapes
            return shapes
        }
    }
}
