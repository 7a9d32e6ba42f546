import Fisher

/// The machine's memory bandwidth: a = b + s c over arrays larger than the caches (STREAM's triad).
enum MemoryBandwidth {
    /// The best of five rounds on the threads in use, in bytes a second; three arrays of 256 MiB, 12 bytes
    /// counted for each element.
    static func triad() -> Double {
        let count = 1 << 26
        let (a, b, c) = (
            UnsafeMutablePointer<Float>.allocate(capacity: count),
            UnsafeMutablePointer<Float>.allocate(capacity: count),
            UnsafeMutablePointer<Float>.allocate(capacity: count)
        )
        for array in [a, b, c] { array.initialize(repeating: 1, count: count) }
        defer { for array in [a, b, c] { array.deallocate() } }
        // Each thread writes its own elements.
        nonisolated(unsafe) let (x, y, z) = (a, b, c)
        let clock = ContinuousClock()
        var best = Double.infinity
        for _ in 0..<5 {
            let begin = clock.now
            Engine.parallelFor(count: count, grain: 1 << 16) { range, _ in
                for k in range { x[k] = y[k] + 3 * z[k] }
            }
            best = min(best, begin.duration(to: clock.now) / .seconds(1))
        }
        return 12 * Double(count) / best
    }
}
