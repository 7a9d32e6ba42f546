import CMedia
import FisherFiles

/// A shared library that is opened at run time.
package struct MediaLibrary: Sendable {
    /// Where it was found.
    package let path: String
    /// The address of a handle that is never closed.
    private let address: UInt

    /// Opens the library at a path, or of a name that the system's loader finds.
    ///
    /// - Throws: `MediaError` with the loader's reason.
    package init(path: String) throws(MediaError) {
        var reason = [CChar](repeating: 0, count: 512)
        guard let handle = cm_open(path, &reason, reason.count) else {
            let bytes = reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            throw MediaError.libraryMissing(path, reason: String(decoding: bytes, as: UTF8.self))
        }
        self.path = path
        address = UInt(bitPattern: handle)
    }

    /// The address of a function.
    ///
    /// - Throws: `MediaError` if the library has no such function.
    package func symbol(_ name: String) throws(MediaError) -> UnsafeMutableRawPointer {
        guard let found = cm_symbol(UnsafeMutableRawPointer(bitPattern: address), name) else {
            throw MediaError.libraryMissing(path, reason: "it has no function \(name)")
        }
        return found
    }

    /// The text that a function without arguments returns, such as a version; nil where there is none.
    package func text(ofFunction name: String) -> String? {
        guard let function = try? symbol(name), let text = cm_text(function) else { return nil }
        return String(cString: text)
    }
}
