import CMedia
import FisherFiles
import Torch

/// Draws SVG into PNG by libvips, which is opened at run time.
package enum VectorRenderer {
    /// The functions that are called.
    private static func functions() throws(MediaError) -> cm_vips_svg {
        // Starts the library as decoding does, and keeps its settings.
        _ = try ImageDecoder.shared(neededBy: "a figure as PNG")
        let library = try MediaLibraryName.images.find(neededBy: "a figure as PNG")
        var found = cm_vips_svg()
        do throws(MediaError) {
            found.operation_block_set = try library.symbol("vips_operation_block_set")
            found.svgload_buffer = try library.symbol("vips_svgload_buffer")
            found.pngsave_buffer = try library.symbol("vips_pngsave_buffer")
            found.object_unref = try library.symbol("g_object_unref")
            found.free_memory = try library.symbol("g_free")
            found.error_buffer = try library.symbol("vips_error_buffer")
            found.error_clear = try library.symbol("vips_error_clear")
        } catch {
            throw .libraryMissing(
                library.path,
                reason: "it reads no SVG, so that no PNG can be made: write .svg or .pdf instead")
        }
        return found
    }

    /// Throws if PNG cannot be made on this machine.
    ///
    /// - Throws: `MediaError.libraryMissing`, whose sentence says what to install.
    package static func check() throws(MediaError) {
        _ = try png(
            ofSVG: Array("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"></svg>".utf8),
            scale: 1)
    }

    /// A PNG file of an SVG file that was made here: files of others are not to be given to it, as its library draws them
    /// without limits.
    ///
    /// - Parameters:
    ///   - svg: the file's bytes.
    ///   - scale: pixels of the picture for a pixel of the drawing.
    /// - Throws: `MediaError.libraryMissing`, whose sentence says what to install.
    package static func png(ofSVG svg: [UInt8], scale: Double) throws(MediaError) -> [UInt8] {
        var functions = try functions()
        var reason = [CChar](repeating: 0, count: 256)
        var size = 0
        let bytes = svg.withUnsafeBytes { bytes in
            cm_vips_draw(&functions, bytes.baseAddress, bytes.count, scale, &size, &reason, reason.count)
        }
        guard let bytes else {
            let text = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw .libraryMissing(
                "libvips", reason: "it cannot draw SVG here (\(text)): write .svg or .pdf instead")
        }
        defer { cm_vips_free(&functions, bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: size))
    }
}
