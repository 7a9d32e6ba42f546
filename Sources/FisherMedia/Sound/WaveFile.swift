/// A WAV file (RIFF) of plain samples: PCM of 8, 16, 24 or 32 bits, or float32, with any number of channels.
///
/// Chunks may stand in any order, and others than `fmt ` and `data` are passed over. The length of the whole in the
/// first header is not used, since many writers leave it wrong; the chunks' own lengths must be true. A data
/// chunk of length 2^32 - 1, as programs write that do not know the length beforehand, goes to the file's end.
struct WaveFile {
    /// What is wrong with the bytes, as the end of a sentence that begins with the file's name.
    struct Fault: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// The samples.
    let sound: DecodedSound

    /// Reads a file's bytes.
    ///
    /// - Returns: nil for what is no WAV file, or one whose samples are compressed.
    /// - Throws: `Fault` for a file that is cut off or contradicts itself.
    init?(_ bytes: [UInt8]) throws(Fault) {
        guard bytes.count >= 12, Self.text(bytes, 0) == "RIFF", Self.text(bytes, 8) == "WAVE" else {
            return nil
        }
        var format: Format?
        var data: Range<Int>?
        var position = 12
        while position < bytes.count {
            guard bytes.count - position >= 8 else { break }
            let name = Self.text(bytes, position)
            let announced = Int(Self.number(bytes, position + 4, 4))
            let start = position + 8
            let rest = bytes.count - start
            let length = name == "data" && announced == 0xFFFF_FFFF ? rest : announced
            guard length <= rest else {
                // What follows the samples is of no use to us, and may be cut off.
                if data != nil, format != nil { break }
                let chunk = name == "data" ? "its samples" : "its part \(name.debugDescription)"
                throw Fault("is cut off: \(chunk) should have \(announced) bytes, of which \(rest) are there")
            }
            switch name {
            case "fmt ":
                guard format == nil else { throw Fault("describes its samples twice") }
                format = try Format(bytes[start..<start + length])
            case "data":
                guard data == nil else { throw Fault("has two parts with samples, where one is expected") }
                data = start..<start + length
            default: break
            }
            // An odd chunk is followed by a byte that it does not count.
            position = start + length + length % 2
        }
        guard let format else { throw Fault("is a WAV file that does not describe its samples") }
        guard let coding = format.coding else { return nil }
        guard let data else { throw Fault("is a WAV file without samples") }
        try format.check(coding)
        guard data.count % format.frameBytes == 0 else {
            throw Fault(
                "is cut off: its \(data.count) bytes of samples do not divide into frames of \(format.frameBytes)"
            )
        }
        sound = DecodedSound(
            samples: bytes[data].withUnsafeBytes { coding.samples($0) }, channels: format.channels,
            rate: format.rate)
    }

    /// How samples are written.
    private enum Coding {
        case unsigned8, signed16, signed24, signed32, float32

        var byteCount: Int {
            switch self {
            case .unsigned8: 1
            case .signed16: 2
            case .signed24: 3
            case .signed32, .float32: 4
            }
        }

        /// The samples; integers over their range of 2^(bits - 1).
        func samples(_ bytes: UnsafeRawBufferPointer) -> [Float] {
            let count = bytes.count / byteCount
            return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
                switch self {
                case .unsigned8:
                    for k in 0..<count { buffer[k] = (Float(bytes[k]) - 128) / 128 }
                case .signed16:
                    for k in 0..<count {
                        let value = bytes.loadUnaligned(fromByteOffset: 2 * k, as: UInt16.self)
                        buffer[k] = Float(Int16(bitPattern: UInt16(littleEndian: value))) / 32_768
                    }
                case .signed24:
                    for k in 0..<count {
                        let low = UInt32(bytes[3 * k]) << 8 | UInt32(bytes[3 * k + 1]) << 16
                        let value = Int32(bitPattern: low | UInt32(bytes[3 * k + 2]) << 24)
                        buffer[k] = Float(value) / 2_147_483_648
                    }
                case .signed32:
                    for k in 0..<count {
                        let value = bytes.loadUnaligned(fromByteOffset: 4 * k, as: UInt32.self)
                        buffer[k] = Float(Int32(bitPattern: UInt32(littleEndian: value))) / 2_147_483_648
                    }
                case .float32:
                    for k in 0..<count {
                        let value = bytes.loadUnaligned(fromByteOffset: 4 * k, as: UInt32.self)
                        buffer[k] = Float(bitPattern: UInt32(littleEndian: value))
                    }
                }
                initialized = count
            }
        }
    }

    /// The chunk that describes the samples.
    private struct Format {
        let code, channels, rate, frameBytes, bits: Int

        init(_ bytes: ArraySlice<UInt8>) throws(Fault) {
            let bytes = Array(bytes)
            guard bytes.count >= 16 else {
                throw Fault("describes its samples in \(bytes.count) bytes, where at least 16 are needed")
            }
            func field(_ offset: Int, _ count: Int) -> Int { Int(WaveFile.number(bytes, offset, count)) }
            // An extensible header has the code in the first bytes of an identifier.
            let code = field(0, 2)
            self.code = code == 0xFFFE && bytes.count >= 26 ? field(24, 2) : code
            channels = field(2, 2)
            rate = field(4, 4)
            frameBytes = field(12, 2)
            bits = field(14, 2)
        }

        /// How the samples are written; nil if compressed, or in a way that only libsndfile reads.
        var coding: Coding? {
            switch (code, bits) {
            case (1, 8): .unsigned8
            case (1, 16): .signed16
            case (1, 24): .signed24
            case (1, 32): .signed32
            case (3, 32): .float32
            default: nil
            }
        }

        func check(_ coding: Coding) throws(Fault) {
            guard channels > 0 else { throw Fault("has no channel") }
            guard (1...10_000_000).contains(rate) else {
                throw Fault("has \(rate) samples in a second, which is no rate of sound")
            }
            guard frameBytes == channels * coding.byteCount else {
                throw Fault(
                    "contradicts itself: \(channels) \(channels == 1 ? "channel" : "channels") of \(bits) bits "
                        + "do not take \(frameBytes) bytes")
            }
        }
    }

    private static func text(_ bytes: [UInt8], _ offset: Int) -> String {
        String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    }

    /// A number of `count` bytes, the lowest first.
    private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
}

extension WaveFile {
    /// A WAV file of one channel of 16 bits; amplitudes beyond full scale are cut.
    static func bytes(of sound: Sound) -> [UInt8] {
        func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        let size = UInt32(2 * sound.samples.count)
        var bytes = Array("RIFF".utf8) + little(size + 36) + Array("WAVEfmt ".utf8) + little(UInt32(16))
        bytes += little(UInt16(1)) + little(UInt16(1)) + little(UInt32(sound.rate))
        bytes += little(UInt32(2 * sound.rate)) + little(UInt16(2)) + little(UInt16(16))
        bytes += Array("data".utf8) + little(size)
        bytes.reserveCapacity(bytes.count + Int(size))
        for sample in sound.samples {
            let value = UInt16(
                bitPattern: Int16(max(-32_768, min(32_767, (sample * 32_768).rounded()))))
            bytes.append(UInt8(truncatingIfNeeded: value))
            bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        }
        return bytes
    }
}

extension Sound {
    /// The sound as a WAV file of 16 bits; amplitudes beyond full scale are cut.
    package var waveFile: [UInt8] { WaveFile.bytes(of: self) }
}
