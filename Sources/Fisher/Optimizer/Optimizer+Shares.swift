// The shares of a divided state as they are saved, and the complete state.

import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
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
}
