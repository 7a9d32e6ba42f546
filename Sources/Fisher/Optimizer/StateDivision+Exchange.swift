// What the processes tell each other in a step whose work they divide.

import CKernels
import FisherInformation
import Torch

extension StateDivision {
    /// Numbers of which each process has some, and zero in the place of the others: afterwards all have all.
    func completed(_ numbers: [Double], as operation: String) throws -> [Double] {
        let all = Tensor(numbers)
        try group.allReduce(all, as: operation)
        return try all.scalars(as: Double.self)
    }

    /// Numbers of the slots, of which each process has those of what it keeps; of cut tensors all have them already.
    func completedBySlot(_ numbers: [Double], as operation: String) throws -> [Double] {
        let own = numbers.enumerated().map { speaks(for: $0) ? $1 : 0 }
        let all = try completed(own, as: operation)
        return numbers.enumerated().map { isCut($0) ? $1 : all[$0] }
    }

    /// Sums of cells of which each process has its own: afterwards all have all.
    func cellSums(_ own: [[ck_sums]]) throws -> [[ck_sums]] {
        if own.isEmpty { return own }
        let numbers = own.flatMap { $0.flatMap { [$0.gradient, $0.step, $0.decay] } }
        var all = try completed(numbers, as: "the exchange of sums over tensors")[...]
        return own.map { cells in
            cells.map { _ in
                let sums = ck_sums(
                    gradient: all[all.startIndex], step: all[all.startIndex + 1],
                    decay: all[all.startIndex + 2], change: 0)
                all = all.dropFirst(3)
                return sums
            }
        }
    }

    /// What all processes know before anything is written: the first slot that would not be finite on any of them, and
    /// whether an overflow is possible on any. Throws where another process has failed.
    ///
    /// - Parameter hasFailed: whether this one has; then the caller throws its own error.
    func agreed(failed: Int?, mayOverflow: Bool, hasFailed: Bool = false) throws -> (
        failed: Int?, mayOverflow: Bool
    ) {
        let slots = Int64(holdings.count)
        let message = Tensor([
            hasFailed ? Int64(rank) + 1 : 0, failed.map { slots - Int64($0) } ?? 0, mayOverflow ? 1 : 0,
        ])
        try group.allReduce(message, .maximum, as: "the agreement on a step")
        let known = try message.scalars(as: Int64.self)
        if known[0] > 0, !hasFailed {
            throw ProcessSum.PeerFailure(
                rank: Int(known[0]) - 1, reason: "it could not make its part of the step")
        }
        return (known[1] > 0 ? Int(slots - known[1]) : nil, known[2] > 0)
    }

    /// The most elements of each process that travel together.
    private static let portion = 1 << 20

    /// Gives every process what the others have moved of some parameters.
    func collect(_ moved: [(slot: Int, parameter: Tensor)]) throws {
        let byType = Dictionary(grouping: moved) { $0.parameter.dtype }
        for (dtype, moved) in byType.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            var streams = [ElementStream](repeating: ElementStream(), count: group.size)
            var loose: [(parameter: Tensor, elements: Tensor)] = []
            for (slot, parameter) in moved {
                let tensor = parameter.detached()
                let elements = (tensor.isContiguous ? tensor : tensor.contiguous()).flattened()
                if !tensor.isContiguous { loose.append((tensor, elements)) }
                switch holdings[slot] {
                case .all: break
                case .one(let owner): streams[owner].append(elements, 0..<elements.count)
                case .cut(let ranges):
                    for (owner, range) in ranges.enumerated() { streams[owner].append(elements, range) }
                }
            }
            let longest = streams.map(\.count).max() ?? 0
            let length = min(longest, Self.portion)
            if length == 0 { continue }
            let device = moved[0].parameter.device
            let part = Tensor.zeros([length], dtype: dtype, device: device)
            let all = Tensor.zeros([length * group.size], dtype: dtype, device: device)
            for start in stride(from: 0, to: longest, by: length) {
                try streams[group.rank].visit(start..<start + length) { elements, range, place in
                    try copy(elements, range, to: part, at: place)
                }
                try group.allGather(part, into: all, as: "the collection of the parameters")
                for rank in 0..<group.size where rank != group.rank {
                    try streams[rank].visit(start..<start + length) { elements, range, place in
                        let from = rank * length + place
                        try copy(all, from..<from + range.count, to: elements, at: range.lowerBound)
                    }
                }
            }
            for (parameter, elements) in loose { try parameter.assign(elements.reshaped(parameter.shape)) }
        }
    }
}

/// Copies a range of a tensor's elements to a place in another; both are contiguous, of one dimension and one type.
private func copy(_ source: Tensor, _ range: Range<Int>, to target: Tensor, at place: Int) throws {
    guard source.device == .cpu, target.device == .cpu else {
        let elements = source.narrowed(0, from: range.lowerBound, length: range.count)
        return try target.narrowed(0, from: place, length: range.count).assign(elements)
    }
    // A tensor operation costs more than the bytes of a bias.
    let size = source.dtype.byteCount
    source.withUnsafeBytes { from in
        target.withUnsafeMutableBytes { to in
            UnsafeMutableRawBufferPointer(rebasing: to[place * size..<(place + range.count) * size])
                .copyMemory(
                    from: UnsafeRawBufferPointer(
                        rebasing: from[range.lowerBound * size..<range.upperBound * size]))
        }
    }
}

/// Ranges of tensors' elements, one after another.
private struct ElementStream {
    private var pieces: [(first: Int, elements: Tensor, range: Range<Int>)] = []
    private(set) var count = 0

    mutating func append(_ elements: Tensor, _ range: Range<Int>) {
        if range.isEmpty { return }
        pieces.append((count, elements, range))
        count += range.count
    }

    /// The elements at some positions: a tensor, the range in it, and where that lies from the first of the positions.
    func visit(_ positions: Range<Int>, _ body: (Tensor, Range<Int>, Int) throws -> Void) throws {
        for (first, elements, range) in pieces {
            let start = max(first, positions.lowerBound)
            let end = min(first + range.count, positions.upperBound)
            if start >= end { continue }
            let offset = range.lowerBound - first
            try body(elements, start + offset..<end + offset, start - positions.lowerBound)
        }
    }
}
