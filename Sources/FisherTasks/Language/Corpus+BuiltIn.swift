import Fisher
import FisherTraining
import Foundation

extension Corpus {
    /// The built-in text: the C++ headers of libtorch's own include folder, which is there after every set-up.
    ///
    /// Left out are the generated operator headers of `ATen/ops` (a third of the bytes, nearly all the same)
    /// and comment blocks at the head of a file that speak of copyright or licence.
    /// Throws where the folder or a file cannot be read.
    ///
    /// Throws `CorpusError`, and `Interrupted` where a signal asks to stop.
    ///
    /// - Parameter includeDirectory: the `include` folder of libtorch.
    public static func engineHeaders(includeDirectory: String) throws -> Corpus {
        let generated = includeDirectory + "/ATen/ops/"
        let files = try files(at: includeDirectory).filter { file in
            (file.hasSuffix(".h") || file.hasSuffix(".hpp") || file.hasSuffix(".cuh"))
                && !file.hasPrefix(generated)
        }
        var documents: [[UInt8]] = []
        for file in files {
            try Interruption.poll()
            let text = withoutLicence(try bytes(of: file))
            if !text.isEmpty { documents.append(text) }
        }
        if documents.count < 2 {
            throw CorpusError(
                kind: .notFound, description: "\(includeDirectory): no C++ headers of libtorch are there")
        }
        return Corpus(name: "libtorch's C++ headers", documents: documents, validationFraction: 0.1)
    }

    /// The text after any comments at its head, where one of them speaks of copyright or licence.
    static func withoutLicence(_ bytes: [UInt8]) -> [UInt8] {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        var inBlock = false
        var head = 0
        while head < lines.count {
            let line = String(decoding: lines[head], as: UTF8.self).trimmingCharacters(in: .whitespaces)
            if inBlock {
                inBlock = !line.contains("*/")
            } else if line.hasPrefix("/*") {
                inBlock = !line.contains("*/")
            } else if !(line.isEmpty || line.hasPrefix("//")) {
                break
            }
            head += 1
        }
        let comments = lines[..<head].map { String(decoding: $0, as: UTF8.self).lowercased() }
        guard comments.contains(where: { $0.contains("copyright") || $0.contains("license") }) else {
            return bytes
        }
        return Array(lines[head...].joined(separator: [UInt8(ascii: "\n")]))
    }
}

extension Corpus {
    /// The text at some paths, or where none is given libtorch's C++ headers.
    public static func text(at paths: [String]) throws -> Corpus {
        if !paths.isEmpty { return try Corpus(paths: paths) }
        guard let folder = Engine.folder else {
            throw CorpusError(
                kind: .notFound,
                description: "the built-in text was not found beside libtorch; name files or folders")
        }
        return try engineHeaders(includeDirectory: folder + "/include")
    }
}

extension Corpus {
    /// Bytes made up for measurements of time: uniform, the same each time.
    public static func noise(byteCount: Int) -> Corpus {
        var value: UInt64 = 1
        let bytes = (0..<byteCount).map { _ in
            // Knuth's linear congruential generator (MMIX); its high bits are good enough here.
            value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: value >> 56)
        }
        return Corpus(name: "noise", documents: [bytes], validationFraction: 0.5)
    }
}
