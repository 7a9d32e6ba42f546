import FisherStudies
import Foundation

/// A picture as a PNG file (ISO/IEC 15948) without compression, for a page that needs no other file.
enum PNGImage {
    /// The file's bytes.
    static func encoded(_ image: RasterImage) -> Data {
        var rows: [UInt8] = []
        let stride = image.width * image.channels
        rows.reserveCapacity(image.height * (stride + 1))
        for row in 0..<image.height {
            // Filter 0: the bytes as they are.
            rows.append(0)
            rows += image.bytes[row * stride..<(row + 1) * stride]
        }
        let colorType: UInt8 = image.channels == 1 ? 0 : 2
        let header =
            bigEndian(UInt32(image.width)) + bigEndian(UInt32(image.height)) + [8, colorType, 0, 0, 0]
        return Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
            + chunk("IHDR", header) + chunk("IDAT", stored(rows)) + chunk("IEND", [])
    }

    /// A PNG file that says how many pixels are an inch, so that programs show it in its size; what it said before is left out.
    static func sized(_ file: [UInt8], pixelsAnInch: Double) -> [UInt8] {
        let (signature, header) = (8, 25)
        guard file.count > signature + header else { return file }
        let meter = UInt32((pixelsAnInch / 0.0254).rounded())
        var sized = file[..<(signature + header)] + chunk("pHYs", bigEndian(meter) + bigEndian(meter) + [1])
        var start = signature + header
        while start + 12 <= file.count {
            let length = file[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            let end = start + 12 + length
            guard length >= 0, end <= file.count else { return file }
            if String(decoding: file[start + 4..<start + 8], as: UTF8.self) != "pHYs" {
                sized += file[start..<end]
            }
            start = end
        }
        return Array(sized)
    }

    /// A chunk: its length, its type, its bytes, and the CRC-32 of type and bytes.
    private static func chunk(_ type: String, _ bytes: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + bytes
        return bigEndian(UInt32(bytes.count)) + body + bigEndian(crc(body))
    }

    /// A zlib stream of stored blocks (RFC 1950, RFC 1951).
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var start = 0
        repeat {
            let end = min(start + 0xFFFF, bytes.count)
            let length = UInt16(end - start)
            stream.append(end == bytes.count ? 1 : 0)
            for word in [length, ~length] { stream += [UInt8(word & 0xFF), UInt8(word >> 8)] }
            stream += bytes[start..<end]
            start = end
        } while start < bytes.count
        return stream + bigEndian(adler(bytes))
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func adler(_ bytes: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        return b << 16 | a
    }

    private static func crc(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { crcTable[Int(($0 ^ UInt32($1)) & 0xFF)] ^ ($0 >> 8) }
    }

    private static let crcTable: [UInt32] = (0..<256).map { value in
        (0..<8).reduce(UInt32(value)) { rest, _ in rest & 1 == 1 ? 0xEDB8_8320 ^ (rest >> 1) : rest >> 1 }
    }
}
