import CKernels

/// Elementwise passes over two tensors by the package's own loops: what the engine's operations make in several passes, each of
/// which reads and writes memory and wakes all threads, in one.
enum CombinedLoops {
    /// x / (d + damping), or nil for tensors that the loops do not support.
    static func quotient(
        _ x: Tensor, over d: Tensor, damping: Double, with set: InstructionSet = .fastest
    ) -> Tensor? {
        guard areSupported(x, d) else { return nil }
        let result = Tensor.uninitialized(x.shape, dtype: x.dtype)
        let (left, right) = (x.contiguous(), d.contiguous())
        if let failure = LoopSupport.firstFailure([result, left, right]) { return Tensor(failed: failure) }
        forEachPart(of: result, left, right, set) { table, to, x, d, count in
            table.divide(x, d, damping, to, count)
        }
        return result
    }

    /// Writes take x + keep y over x; false for tensors that the loops do not support, of which nothing is changed.
    static func combine(
        _ x: Tensor, taking take: Double, _ y: Tensor, keeping keep: Double,
        with set: InstructionSet = .fastest
    ) throws(TorchError) -> Bool {
        guard areSupported(x, y), x.isContiguous else { return false }
        let right = y.contiguous()
        try right.check()
        forEachPart(of: x, x, right, set) { table, to, x, y, count in
            table.combine(x, take, y, keep, to, count)
        }
        // Graphs of the former elements must be invalidated.
        x.noteChange()
        return true
    }

    private static func areSupported(_ x: Tensor, _ y: Tensor) -> Bool {
        [x, y].allSatisfy { $0.failure == nil && $0.device == .cpu && $0.count > 0 && !$0.requiresGradient }
            && x.dtype == y.dtype && (x.dtype == .float32 || x.dtype == .float64) && x.hasShape(of: y)
    }

    /// Runs a loop on the threads, each on a part of all three tensors.
    private static func forEachPart(
        of result: Tensor, _ x: Tensor, _ y: Tensor, _ set: InstructionSet,
        _ loop:
            @Sendable (
                ck_combined_table, UnsafeMutableRawPointer, UnsafeRawPointer, UnsafeRawPointer, Int64
            ) -> Void
    ) {
        let (isDouble, count) = (x.dtype == .float64, x.count)
        let size = isDouble ? 8 : 4
        let table = set.combinedLoops(float64: isDouble).pointee
        nonisolated(unsafe) let (to, left, right) = (result.address, x.address, y.address)
        Engine.parallelFor(count: count, grain: 1 << 15) { range, _ in
            let start = range.lowerBound * size
            loop(table, to + start, left + start, right + start, Int64(range.count))
        }
        withExtendedLifetime((x, y)) {}
    }
}

extension Tensor {
    /// Sets every element x to take x + keep y for the elements y of a tensor of the same shape; throws as ``add(_:scale:)``
    /// does.
    package func combine(taking take: Double, with other: Tensor, keeping keep: Double) throws(TorchError) {
        if try CombinedLoops.combine(self, taking: take, other, keeping: keep) { return }
        try scale(by: take)
        try add(other, scale: keep)
    }
}

/// x / (d + damping), zero where the divisor is exactly zero. The divisor is floored at the smallest normal number of its type and
/// the quotient kept finite.
package func guardedQuotient(_ x: Tensor, over d: Tensor, damping: Double = 0) -> Tensor {
    if let failure = x.failure ?? d.failure { return Tensor(failed: failure) }
    if let made = CombinedLoops.quotient(x, over: d, damping: damping) { return made }
    let divisor = damping == 0 ? d : d + damping
    let (least, greatest) = (d.dtype.leastNormalMagnitude, x.dtype.greatestFiniteMagnitude)
    return (x / divisor.clamped(min: least)).clamped(to: -greatest...greatest)
        .masked(divisor.equals(0), with: 0)
}
