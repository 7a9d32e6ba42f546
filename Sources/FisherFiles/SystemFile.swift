import Foundation

/// Files of /proc, by which the system tells about itself.
package enum SystemFile {
    /// The text of a file; nil if it cannot be read.
    package static func text(at path: String) -> String? {
        guard let bytes = try? FileReader(path).contents(limit: 1 << 24) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes a request to a file that the system provides; returns whether it was taken.
    package static func write(_ text: String, to path: String) -> Bool {
        let descriptor = retryingInterrupted { open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY) }
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        return retryingInterrupted { Foundation.write(descriptor, bytes, bytes.count) } == bytes.count
    }
}
