import CMedia
import FisherFiles

/// Deflated bytes, by the system's zlib.
package enum Deflate {
    /// The contents of a gzip file; throws `MediaError` if it is damaged or longer than `limit`.
    package static func unpackedGzip(
        _ bytes: [UInt8], path: String, limit: Int
    ) throws(MediaError) -> [UInt8] {
        let damaged = MediaError.badFile(path, reason: "is a damaged or truncated gzip file")
        // The last four bytes are the length of the contents.
        guard bytes.count >= 18 else { throw damaged }
        let length = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= limit,
            let contents = try inflated(bytes, CM_WRAPPING_GZIP, length: length, path: path)
        else { throw damaged }
        return contents
    }

    /// The contents of a deflated member of a zip file, of a length and with a check that the file states; nil if it is
    /// damaged.
    package static func unpackedMember(
        _ bytes: [UInt8], length: Int, check: UInt32, path: String
    ) throws(MediaError) -> [UInt8]? {
        guard let contents = try inflated(bytes, CM_WRAPPING_NONE, length: length, path: path) else {
            return nil
        }
        let function = try library(neededBy: path).symbol("crc32")
        return cm_crc32(function, contents, contents.count) == check ? contents : nil
    }

    private static func inflated(
        _ bytes: [UInt8], _ wrapping: cm_wrapping, length: Int, path: String
    ) throws(MediaError) -> [UInt8]? {
        let library = try library(neededBy: path)
        let functions = (
            try library.symbol("inflateInit2_"), try library.symbol("inflate"),
            try library.symbol("inflateEnd")
        )
        // Deflate shortens 1,032 times at most: no more memory is taken than the bytes can fill.
        guard length >= 0, length / 1032 <= bytes.count else { return nil }
        var written = 0
        let contents = [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
            written = cm_inflate(
                functions.0, functions.1, functions.2, wrapping, bytes, bytes.count, buffer.baseAddress,
                length
            )
            initialized = max(written, 0)
        }
        return written == length ? contents : nil
    }

    /// zlib, which every system has.
    private static func library(neededBy path: String) throws(MediaError) -> MediaLibrary {
        for name in ["libz.so.1", "libz.1.dylib"] {
            if let found = try? MediaLibrary(path: name) { return found }
        }
        throw .libraryMissing("zlib", reason: "it is not installed (\(path) needs it, unless you unpack it)")
    }
}
