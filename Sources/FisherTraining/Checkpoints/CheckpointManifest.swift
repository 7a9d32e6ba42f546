/// The contents of a checkpoint: the sizes and checks of its files, and a check of this list itself.
///
///     swift-fisher checkpoint 1
///     step 400
///     1c2d3e4f 3355648 model.safetensors
///     end 5a6b7c8d
///
/// It is written last, so a checkpoint without it was never finished.
package struct CheckpointManifest: Hashable, Sendable {
    struct File: Hashable, Sendable {
        let name: String
        let byteCount: Int
        let check: UInt32
    }

    static let fileName = "MANIFEST"
    private static let title = "swift-fisher checkpoint 1"

    let step: Int
    let files: [File]

    init(step: Int, files: [File]) {
        self.step = step
        self.files = files
    }

    /// The text of the manifest.
    var text: String {
        let lines =
            [CheckpointManifest.title, "step \(step)"]
            + files.map { "\($0.check.hexadecimal) \($0.byteCount) \($0.name)" }
        let body = lines.joined(separator: "\n") + "\n"
        return body + "end \(CRC32C.of(body.utf8).hexadecimal)\n"
    }

    /// Parses a manifest; nil if a single bit differs from what was written.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, lines[0] == CheckpointManifest.title, lines[1].hasPrefix("step "),
            let step = Int(lines[1].dropFirst(5))
        else { return nil }
        var files: [File] = []
        for line in lines[2..<(lines.count - 2)] {
            let parts = line.split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let check = UInt32(parts[0], radix: 16), let count = Int(parts[1]) else {
                return nil
            }
            files.append(File(name: String(parts[2]), byteCount: count, check: check))
        }
        self.init(step: step, files: files)
        guard self.text.utf8.elementsEqual(text.utf8) else { return nil }
    }
}

extension UInt32 {
    /// Eight hexadecimal digits.
    var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
