import CKernels

/// Sums over units of gradients and of their squares, in one pass and without storing per-sample gradients.
///
/// Each function returns nil for tensors that its loops do not support (another type, another device), for
/// which the caller uses tensor operations. Results do not depend on the number of threads.
package enum UnitSums {
    /// The terms that are squared before they are summed.
    package enum Squares {
        case eachTerm, eachGroup

        fileprivate var code: ck_squared {
            switch self {
            case .eachTerm: CK_EACH_TERM
            case .eachGroup: CK_EACH_GROUP
            }
        }
    }

    /// sum over terms of s a^T for s [terms, rows] and a [terms, columns], and the sum of the squares of groups of
    /// `depth` terms, or of terms.
    package static func outer(
        _ s: Tensor, _ a: Tensor, depth: Int, squares: Squares, with set: InstructionSet = .fastest
    ) -> (sum: Tensor, squares: Tensor)? {
        guard let loops = loops(for: [s, a], set), s.rank == 2, a.rank == 2, s.shape[0] == a.shape[0],
            depth > 0
        else { return nil }
        let (rows, columns) = (s.shape[1], a.shape[1])
        let sum = Tensor.uninitialized([rows, columns], dtype: s.dtype)
        let squared = Tensor.uninitialized([rows, columns], dtype: s.dtype)
        let (left, right) = (s.contiguous(), a.contiguous())
        if let failure = LoopSupport.firstFailure([sum, squared, left, right]) {
            return (Tensor(failed: failure), Tensor(failed: failure))
        }
        let isDouble = s.dtype == .float64
        let panel = Int(CK_OUTER_PANEL_BYTES) / (isDouble ? 8 : 4)
        let tile = Int(CK_OUTER_ROWS)
        var blocks: [(Int, Int)] = []
        for column in stride(from: 0, to: columns, by: panel) {
            for row in stride(from: 0, to: rows, by: tile) { blocks.append((row, column)) }
        }
        var job = ck_outer(
            s: left.address, a: right.address, terms: Int64(s.shape[0]),
            depth: Int64(min(squares == .eachGroup ? depth : 64, max(s.shape[0], 1))), rows: Int64(rows),
            columns: Int64(columns), sum: sum.address, squares: squared.address, stride: Int64(columns),
            squared: squares.code)
        let size = ck_outer_scratch(&job, isDouble)
        nonisolated(unsafe) let (shared, table) = (job, loops)
        let work = 2 * s.shape[0] * panel * tile
        Engine.parallelFor(count: blocks.count, grain: max(1, LoopSupport.leastWork / max(work, 1))) {
            [blocks] range, _ in
            LoopSupport.withScratch(Int(size)) { scratch in
                withUnsafePointer(to: shared) { job in
                    for block in range {
                        table.pointee.outer(job, Int64(blocks[block].0), Int64(blocks[block].1), scratch)
                    }
                }
            }
        }
        withExtendedLifetime((left, right)) {}
        return (sum, squared)
    }

    /// By column the sum over terms of s, or of s x, and the sum of the squares of groups of `depth` terms, for
    /// s and x [terms, columns].
    package static func columns(
        _ s: Tensor, times x: Tensor? = nil, depth: Int, with set: InstructionSet = .fastest
    ) -> (gradient: Tensor, squares: Tensor)? {
        guard let loops = loops(for: [s] + (x.map { [$0] } ?? []), set), s.rank == 2, depth > 0,
            s.shape[0] % depth == 0, x.map({ $0.hasShape(of: s) }) ?? true
        else { return nil }
        let (sum, squares) = (
            Tensor.uninitialized([s.shape[1]], dtype: s.dtype),
            Tensor.uninitialized([s.shape[1]], dtype: s.dtype)
        )
        if let failure = LoopSupport.firstFailure([sum, squares]) {
            return (Tensor(failed: failure), Tensor(failed: failure))
        }
        columns(s, times: x, depth: depth, into: (sum, squares), adding: false, loops)
        return (sum, squares)
    }

    /// Adds per-sample gradients [units, ...] to a sum and their squares to another.
    package static func add(_ gradients: Tensor, to sums: (gradient: Tensor, squares: Tensor)) -> Bool {
        let flat = gradients.flattened(from: 1)
        guard let loops = loops(for: [flat, sums.gradient, sums.squares], .fastest), flat.rank == 2,
            sums.gradient.isContiguous, sums.squares.isContiguous, sums.gradient.count == flat.shape[1]
        else { return false }
        columns(flat, times: nil, depth: 1, into: sums, adding: true, loops)
        return true
    }

    private static func columns(
        _ s: Tensor, times x: Tensor?, depth: Int, into sums: (gradient: Tensor, squares: Tensor),
        adding: Bool, _ loops: UnsafePointer<ck_outer_table>
    ) {
        let (left, right) = (s.contiguous(), x?.contiguous())
        let job = ck_columns(
            s: left.address, x: right?.address, terms: Int64(s.shape[0]), depth: Int64(depth),
            columns: Int64(s.shape[1]), sum: sums.gradient.address, squares: sums.squares.address,
            adds: adding
        )
        nonisolated(unsafe) let (shared, table) = (job, loops)
        // Each thread takes whole cache lines.
        let line = 64
        let count = (s.shape[1] + line - 1) / line
        let end = s.shape[1]
        Engine.parallelFor(count: count, grain: max(1, LoopSupport.leastWork / max(1, s.shape[0] * line))) {
            range, _ in
            withUnsafePointer(to: shared) { job in
                table.pointee.columns(
                    job, Int64(range.lowerBound * line), Int64(min(end, range.upperBound * line)))
            }
        }
        withExtendedLifetime((left, right)) {}
    }

    /// The sums over units of the rows s [units, positions, width] added up by the entry that `numbers` name.
    package static func lookups(
        _ numbers: Tensor, _ s: Tensor, entries: Int, with set: InstructionSet = .fastest
    ) -> (gradient: Tensor, squares: Tensor)? {
        guard let loops = loops(for: [s], set), numbers.dtype == .int64, numbers.device == .cpu,
            s.rank == 3, numbers.count == s.shape[0] * s.shape[1]
        else { return nil }
        let width = s.shape[2]
        let sum = Tensor.zeros([entries, width], dtype: s.dtype)
        let squares = Tensor.zeros([entries, width], dtype: s.dtype)
        let (plain, places) = (s.contiguous(), numbers.contiguous())
        if let failure = LoopSupport.firstFailure([sum, squares, plain, places]) {
            return (Tensor(failed: failure), Tensor(failed: failure))
        }
        let job = ck_lookups(
            numbers: UnsafePointer(places.address.assumingMemoryBound(to: Int64.self)), s: plain.address,
            units: Int64(s.shape[0]), positions: Int64(s.shape[1]), entries: Int64(entries),
            width: Int64(width),
            sum: sum.address, squares: squares.address)
        nonisolated(unsafe) let (shared, table) = (job, loops)
        let isDouble = s.dtype == .float64
        let line = 32
        let count = (width + line - 1) / line
        Engine.parallelFor(count: count, grain: max(1, LoopSupport.leastWork / max(1, numbers.count * line)))
        {
            range, _ in
            let (begin, end) = (range.lowerBound * line, min(width, range.upperBound * line))
            withUnsafePointer(to: shared) { job in
                LoopSupport.withScratch(Int(ck_lookups_scratch(job, Int64(end - begin), isDouble))) {
                    scratch in
                    table.pointee.lookups(job, Int64(begin), Int64(end), scratch)
                }
            }
        }
        withExtendedLifetime((plain, places)) {}
        return (sum, squares)
    }

    private static func loops(for tensors: [Tensor], _ set: InstructionSet) -> UnsafePointer<ck_outer_table>?
    {
        guard let first = tensors.first, tensors.allSatisfy({ $0.failure == nil && $0.device == .cpu }),
            tensors.allSatisfy({ $0.dtype == first.dtype && $0.count > 0 }),
            first.dtype == .float32 || first.dtype == .float64
        else { return nil }
        return set.outerLoops(float64: first.dtype == .float64)
    }
}
