import CMedia
import FisherFiles
import Synchronization

/// A height and a width in pixels.
public struct ImageSize: Hashable, Sendable, Codable {
    /// The number of rows.
    public var height: Int
    /// The number of columns.
    public var width: Int

    /// Creates a size of a height and a width.
    public init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
}

/// Decodes PNG, JPEG, WebP, GIF, TIFF and whatever else libvips reads, to 8 bits a channel.
///
/// It runs on the thread that calls it.
struct ImageDecoder: Sendable {
    /// The address of libvips' functions, which are never unloaded.
    private let functions: UInt

    /// The most pixels of an image: beyond, a small file would fill the memory.
    static let mostPixels = 1 << 28

    /// The decoder of this process.
    private static let opened = Mutex<ImageDecoder?>(nil)

    /// The decoder of this process, which is opened for the first file.
    ///
    /// - Throws: `MediaError.libraryMissing`, which names the file and says what to install.
    static func shared(neededBy file: String) throws(MediaError) -> ImageDecoder {
        try opened.withLock { decoder throws(MediaError) in
            if let decoder { return decoder }
            let found = try ImageDecoder(neededBy: file)
            decoder = found
            return found
        }
    }

    private init(neededBy file: String) throws(MediaError) {
        let library = try MediaLibraryName.images.find(neededBy: file)
        var vips = cm_vips()
        vips.`init` = try library.symbol("vips_init")
        vips.concurrency_set = try library.symbol("vips_concurrency_set")
        vips.block_untrusted_set = try library.symbol("vips_block_untrusted_set")
        vips.cache_set_max = try library.symbol("vips_cache_set_max")
        vips.version_string = try library.symbol("vips_version_string")
        vips.image_new_from_buffer = try library.symbol("vips_image_new_from_buffer")
        vips.image_get_width = try library.symbol("vips_image_get_width")
        vips.image_get_height = try library.symbol("vips_image_get_height")
        vips.image_get_bands = try library.symbol("vips_image_get_bands")
        vips.image_hasalpha = try library.symbol("vips_image_hasalpha")
        vips.colourspace = try library.symbol("vips_colourspace")
        vips.extract_band = try library.symbol("vips_extract_band")
        vips.cast_uchar = try library.symbol("vips_cast_uchar")
        vips.resize = try library.symbol("vips_resize")
        vips.extract_area = try library.symbol("vips_extract_area")
        vips.image_write_to_memory = try library.symbol("vips_image_write_to_memory")
        vips.error_buffer = try library.symbol("vips_error_buffer")
        vips.error_clear = try library.symbol("vips_error_clear")
        vips.object_unref = try library.symbol("g_object_unref")
        vips.free_memory = try library.symbol("g_free")
        vips.log_set_default_handler = try library.symbol("g_log_set_default_handler")
        guard cm_vips_start(&vips) != 0 else {
            throw .libraryMissing(library.path, reason: "it could not be started")
        }
        let kept = UnsafeMutablePointer<cm_vips>.allocate(capacity: 1)
        kept.initialize(to: vips)
        functions = UInt(bitPattern: kept)
    }

    /// Decodes the bytes of a file.
    ///
    /// - Parameters:
    ///   - bytes: the contents of the file.
    ///   - path: its path, for errors.
    ///   - size: the size to which the image is scaled, so that it covers it, and cut at its center; nil leaves it as it is.
    /// - Throws: `MediaError.badFile` for bytes that are no image, a damaged or a huge one.
    func picture(_ bytes: [UInt8], path: String, size: ImageSize? = nil) throws(MediaError) -> Picture {
        var (found, reason) = (cm_picture(), [CChar](repeating: 0, count: 256))
        let vips = UnsafePointer<cm_vips>(bitPattern: functions)
        let result = bytes.withUnsafeBytes { bytes in
            cm_vips_decode(
                vips, bytes.baseAddress, bytes.count, Int32(clamping: size?.width ?? 0),
                Int32(clamping: size?.height ?? 0), Double(Self.mostPixels), &found, &reason, reason.count)
        }
        defer { cm_vips_release(vips, &found) }
        switch result {
        case CM_PICTURE_DONE:
            let count = Int(found.width) * Int(found.height) * Int(found.bands)
            return Picture(
                height: Int(found.height), width: Int(found.width), channels: Int(found.bands),
                bytes: Array(UnsafeBufferPointer(start: found.bytes, count: count)))
        case CM_PICTURE_TOO_LARGE:
            throw .badFile(path, reason: "has more than \(Self.mostPixels) pixels")
        default:
            let text = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw .badFile(path, reason: "is no image, or a damaged one (\(text))")
        }
    }
}

/// A decoded image, 8 bits a channel.
public struct Picture: Hashable, Sendable {
    /// The number of rows.
    public let height: Int
    /// The number of columns.
    public let width: Int
    /// 1 for shades of gray, 3 for red, green and blue.
    public let channels: Int
    /// The levels from 0 to 255, row by row, the channels of a pixel next to each other.
    public let bytes: [UInt8]

    /// Joins a size and levels, of which there must be height times width times channels.
    public init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
        precondition([1, 3].contains(channels) && bytes.count == height * width * channels)
        (self.height, self.width, self.channels, self.bytes) = (height, width, channels, bytes)
    }

    /// The size in pixels.
    public var size: ImageSize { ImageSize(height: height, width: width) }

    /// The picture in shades of gray, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601), or in equal colors.
    func converted(toChannels wanted: Int) -> Picture {
        if wanted == channels { return self }
        var result: [UInt8] = []
        result.reserveCapacity(height * width * wanted)
        if channels == 1 {
            for level in bytes { result += [level, level, level] }
        } else {
            for pixel in stride(from: 0, to: bytes.count, by: 3) {
                let (red, green, blue) = (Int(bytes[pixel]), Int(bytes[pixel + 1]), Int(bytes[pixel + 2]))
                result.append(UInt8((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16))
            }
        }
        return Picture(height: height, width: width, channels: wanted, bytes: result)
    }

    /// The levels channel by channel, as networks take them.
    var planes: [UInt8] {
        if channels == 1 { return bytes }
        let count = height * width
        return [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, initialized in
            for pixel in 0..<count {
                for channel in 0..<channels {
                    buffer[channel * count + pixel] = bytes[pixel * channels + channel]
                }
            }
            initialized = bytes.count
        }
    }
}
