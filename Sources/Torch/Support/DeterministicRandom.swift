// Random integers that are reproducible on every platform and in every version, which the standard library
// does not guarantee of its shuffle and of its draws below a bound.

/// Steele, Lea and Flood's splitmix64: enough to shuffle with, and to spread seeds.
package struct SplitMix64: RandomNumberGenerator {
    /// The state's increment at each draw: the odd number next to 2^64 over the golden ratio. Multiples of it
    /// keep the seeds of several streams apart.
    package static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

    private var state: UInt64

    /// Starts a stream; equal seeds give equal streams.
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= Self.increment
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Blackman and Vigna's xoshiro256**, seeded by splitmix64; its state, a list of four numbers, can be saved.
package struct Xoshiro256: RandomNumberGenerator, Codable, Hashable, Sendable {
    private var state: [UInt64]

    /// Starts a stream; equal seeds give equal streams.
    package init(seed: UInt64) {
        var mixer = SplitMix64(seed: seed)
        state = (0..<4).map { _ in mixer.next() }
    }

    /// Reads a state; throws for one that the generator cannot have: it would never leave all zeros.
    package init(from decoder: any Decoder) throws {
        state = try [UInt64](from: decoder)
        guard state.count == 4, state.contains(where: { $0 != 0 }) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no state of the generator"))
        }
    }

    package func encode(to encoder: any Encoder) throws { try state.encode(to: encoder) }

    package mutating func next() -> UInt64 {
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

extension RandomNumberGenerator {
    /// Uniform on [0, bound): draws beyond the largest multiple of the bound are rejected.
    package mutating func uniform(below bound: Int) -> Int {
        let bound = UInt64(bound)
        let limit = UInt64.max - UInt64.max % bound
        while true {
            let value = next()
            if value < limit { return Int(value % bound) }
        }
    }

    /// Fisher and Yates's shuffle.
    package mutating func shuffle<Element>(_ list: inout [Element]) {
        for end in list.indices.dropFirst().reversed() { list.swapAt(end, uniform(below: end + 1)) }
    }
}
