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

    /// Completes numbers of the slots, of which each process has those of what it keeps, and sums of cells, of which each
    /// has its own, in one message. The numbers of cut tensors are left as they are.
    func completedBySlot(
        _ numbers: inout [Double], with cells: [[ck_sums]] = [], as operation: String
    ) throws -> [[ck_sums]] {
        let own = numbers.enumerated().map { speaks(for: $0) ? $1 : 0 }
        let all = try completed(own + Self.flattened(cells), as: operation)
        for slot in numbers.indices where !isCut(slot) { numbers[slot] = all[slot] }
        return Self.restored(all.dropFirst(own.count), like: cells)
    }

    /// Sums of cells of which each process has its own: afterwards all have all.
    func cellSums(_ own: [[ck_sums]]) throws -> [[ck_sums]] {
        if own.isEmpty { return own }
        let all = try completed(Self.flattened(own), as: "the exchange of sums over tensors")
        return Self.restored(all[...], like: own)
    }

    private static func flattened(_ cells: [[ck_sums]]) -> [Double] {
        cells.flatMap { $0.flatMap { [$0.gradient, $0.step, $0.decay] } }
    }

    private static func restored(_ numbers: ArraySlice<Double>, like cells: [[ck_sums]]) -> [[ck_sums]] {
        var first = numbers.startIndex
        return cells.map { cells in
            cells.map { _ in
                defer { first += 3 }
                return ck_sums(
                    gradient: numbers[first], step: numbers[first + 1], decay: numbers[first + 2], change: 0)
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

    /// The most bytes of each process that travel together.
    private static let portion = 4 << 20

    /// Gives every process what the others have moved of some parameters, and the sums of numbers of which each has its
    /// own, together.
    func collect(
        _ moved: [(slot: Int, parameter: Tensor)], with numbers: [Double], on device: Device
    ) throws -> [Double] {
        let reports = (0..<group.size).map { rank in
            rank == self.rank
                ? Tensor(numbers).to(device: device)
                : Tensor.zeros([numbers.count], dtype: .float64, device: device)
        }
        var streams = reports.map { report in
            var stream = ByteStream()
            stream.append(report.bytes, 0..<report.byteCount)
            return stream
        }
        var loose: [(parameter: Tensor, elements: Tensor)] = []
        for (slot, parameter) in moved {
            let tensor = parameter.detached()
            let elements = tensor.isContiguous ? tensor : tensor.contiguous()
            if !tensor.isContiguous { loose.append((tensor, elements)) }
            let (bytes, size) = (elements.bytes, elements.dtype.byteCount)
            switch holdings[slot] {
            case .all: break
            case .one(let owner): streams[owner].append(bytes, 0..<elements.byteCount)
            case .cut(let ranges):
                for (owner, range) in ranges.enumerated() {
                    streams[owner].append(bytes, range.lowerBound * size..<range.upperBound * size)
                }
            }
        }
        let longest = streams.map(\.count).max() ?? 0
        let length = min(longest, Self.portion)
        if length == 0 { return numbers }
        let part = Tensor.zeros([length], dtype: .uint8, device: device)
        let all = Tensor.zeros([length * group.size], dtype: .uint8, device: device)
        for start in stride(from: 0, to: longest, by: length) {
            try streams[group.rank].visit(start..<start + length) { bytes, range, place in
                try copy(bytes, range, to: part, at: place)
            }
            try group.allGather(part, into: all, as: "the collection of the parameters")
            for rank in 0..<group.size where rank != group.rank {
                try streams[rank].visit(start..<start + length) { bytes, range, place in
                    let from = rank * length + place
                    try copy(all, from..<from + range.count, to: bytes, at: range.lowerBound)
                }
            }
        }
        for (parameter, elements) in loose { try parameter.assign(elements) }
        // In one order everywhere.
        let known = try reports.map { try $0.scalars(as: Double.self) }
        return numbers.indices.map { position in known.reduce(0) { $0 + $1[position] } }
    }
}

/// Copies a range of bytes to a place among others; both are tensors of bytes.
private func copy(_ source: Tensor, _ range: Range<Int>, to target: Tensor, at place: Int) throws {
    guard source.device == .cpu, target.device == .cpu else {
        let bytes = source.narrowed(0, from: range.lowerBound, length: range.count)
        return try target.narrowed(0, from: place, length: range.count).assign(bytes)
    }
    // A tensor operation costs more than the bytes of a bias.
    source.withUnsafeBytes { from in
        target.withUnsafeMutableBytes { to in
            UnsafeMutableRawBufferPointer(rebasing: to[place..<place + range.count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: from[range]))
        }
    }
}

/// Ranges of tensors' bytes, one after another.
private struct ByteStream {
    private var pieces: [(first: Int, bytes: Tensor, range: Range<Int>)] = []
    private(set) var count = 0

    mutating func append(_ bytes: Tensor, _ range: Range<Int>) {
        if range.isEmpty { return }
        pieces.append((count, bytes, range))
        count += range.count
    }

    /// The bytes at some positions: a tensor, the range in it, and where that lies from the first of the positions.
    func visit(_ positions: Range<Int>, _ body: (Tensor, Range<Int>, Int) throws -> Void) throws {
        for (first, bytes, range) in pieces {
            let start = max(first, positions.lowerBound)
            let end = min(first + range.count, positions.upperBound)
            if start >= end { continue }
            let offset = range.lowerBound - first
            try body(bytes, start + offset..<end + offset, start - positions.lowerBound)
        }
    }
}
