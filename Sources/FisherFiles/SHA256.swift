/// The secure hash of 256 bits (FIPS 180-4), by which files say what they were made of: two inputs with one hash are
/// not known to exist, so that equal hashes mean equal contents.
package struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
        0x5be0_cd19,
    ]
    /// The message schedule of a block; a member, so that a block allocates nothing.
    private var schedule = [UInt32](repeating: 0, count: 64)
    /// The bytes behind the last whole block.
    private var rest: [UInt8] = []
    private var byteCount: UInt64 = 0

    /// Starts with no bytes.
    package init() {}

    /// The hash of some bytes, 64 hexadecimal digits.
    package static func of(_ bytes: some Sequence<UInt8>) -> String {
        var hash = SHA256()
        Array(bytes).withUnsafeBytes { hash.add($0) }
        return hash.hexadecimal
    }

    /// Adds bytes.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        byteCount += UInt64(bytes.count)
        var position = 0
        if !rest.isEmpty {
            position = min(64 - rest.count, bytes.count)
            rest += bytes[..<position]
            guard rest.count == 64 else { return }
            rest.withUnsafeBytes { mix($0, &state, &schedule) }
            rest.removeAll(keepingCapacity: true)
        }
        while bytes.count - position >= 64 {
            mix(UnsafeRawBufferPointer(rebasing: bytes[position..<position + 64]), &state, &schedule)
            position += 64
        }
        rest += bytes[position...]
    }

    /// The hash of the bytes so far, 64 hexadecimal digits.
    package var hexadecimal: String {
        var last = self
        let length = withUnsafeBytes(of: (byteCount &* 8).bigEndian) { Array($0) }
        // A one, zeros up to the last eight bytes of a block, and the number of bits.
        let zeros = (119 - rest.count) % 64
        ([0x80] + [UInt8](repeating: 0, count: zeros) + length).withUnsafeBytes { last.add($0) }
        return last.state.map(\.hexadecimal).joined()
    }
}

/// Mixes a block of 64 bytes into the state.
private func mix(_ block: UnsafeRawBufferPointer, _ state: inout [UInt32], _ schedule: inout [UInt32]) {
    func turned(_ x: UInt32, _ count: UInt32) -> UInt32 { x >> count | x << (32 - count) }
    schedule.withUnsafeMutableBufferPointer { w in
        for k in 0..<16 {
            w[k] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: 4 * k, as: UInt32.self))
        }
        for k in 16..<64 {
            let (x, y) = (w[k - 15], w[k - 2])
            let small = turned(x, 7) ^ turned(x, 18) ^ x >> 3
            let large = turned(y, 17) ^ turned(y, 19) ^ y >> 10
            w[k] = w[k - 16] &+ small &+ w[k - 7] &+ large
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        roundConstants.withUnsafeBufferPointer { constants in
            for k in 0..<64 {
                let upper = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
                let first = h &+ upper &+ (e & f ^ ~e & g) &+ constants[k] &+ w[k]
                let lower = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)
                let second = lower &+ (a & b ^ a & c ^ b & c)
                (h, g, f, e) = (g, f, e, d &+ first)
                (d, c, b, a) = (c, b, a, first &+ second)
            }
        }
        for (k, value) in [a, b, c, d, e, f, g, h].enumerated() { state[k] &+= value }
    }
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
private let roundConstants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
]
