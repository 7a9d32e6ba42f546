/// Draws the windows of a run: uniform starts, from a generator of its own that can be saved and goes on
/// exactly (xoshiro256** of Blackman and Vigna, seeded by splitmix64).
public struct ByteSampler: Codable, Hashable, Sendable {
    private var state: [UInt64]
    private let starts: UInt64
    private let batch: Int

    /// A stream of batches of windows of `context` bytes and the byte after; the stream must hold one.
    public init(seed: UInt64, streamLength: Int, batch: Int, context: Int) {
        precondition(streamLength > context && context > 0 && batch > 0)
        var mixer = seed
        state = (0..<4).map { _ in
            mixer &+= 0x9e37_79b9_7f4a_7c15
            var z = mixer
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        starts = UInt64(streamLength - context)
        self.batch = batch
    }

    /// The starts of the next batch's windows.
    public mutating func next() -> [Int] { (0..<batch).map { _ in Int(bounded()) } }

    /// Uniform on [0, starts): draws beyond the largest multiple of `starts` are thrown away.
    private mutating func bounded() -> UInt64 {
        let limit = UInt64.max - UInt64.max % starts
        while true {
            let value = draw()
            if value < limit { return value % starts }
        }
    }

    private mutating func draw() -> UInt64 {
        func rotated(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
        let result = rotated(state[1] &* 5, 7) &* 9
        let t = state[1] << 17
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= t
        state[3] = rotated(state[3], 45)
        return result
    }
}
