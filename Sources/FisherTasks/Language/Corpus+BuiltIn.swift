import Fisher
import FisherOptions
import FisherTraining
import Foundation

extension Corpus {
    /// The built-in text: the C++ headers of libtorch's own include folder, which is always installed.
    ///
    /// Left out are the generated operator headers of `ATen/ops` (a third of the bytes, nearly all the same)
    /// and comment blocks at the head of a file that mention copyright or license. Throws if the folder or a
    /// file cannot be read.
    ///
    /// Throws `CorpusError`, and `Interrupted` if a signal requests to stop.
    ///
    /// - Parameter includeDirectory: the `include` folder of libtorch.
    public static func engineHeaders(includeDirectory: String) throws -> Corpus {
        let files = try files(at: includeDirectory, except: includeDirectory + "/ATen/ops").filter { file in
            file.hasSuffix(".h") || file.hasSuffix(".hpp") || file.hasSuffix(".cuh")
        }
        let documents = try texts(of: files, withoutLicence)
        if documents.count < 2 {
            throw CorpusError(
                kind: .notFound, description: "\(includeDirectory): no C++ headers of libtorch are there")
        }
        return Corpus(name: "libtorch's C++ headers", documents: documents, validationFraction: 0.1)
    }

    /// The text after any comments at its head, if one of them mentions copyright or license.
    static func withoutLicence(_ bytes: [UInt8]) -> [UInt8] {
        var (inBlock, mentions) = (false, false)
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            let text = String(decoding: rest[..<end], as: UTF8.self)
            let line = text.trimmingCharacters(in: .whitespaces)
            if inBlock {
                inBlock = !line.contains("*/")
            } else if line.hasPrefix("/*") {
                inBlock = !line.contains("*/")
            } else if !(line.isEmpty || line.hasPrefix("//")) {
                break
            }
            let small = line.lowercased()
            mentions = mentions || small.contains("copyright") || small.contains("license")
            rest = end < rest.endIndex ? rest[(end + 1)...] : []
        }
        return mentions ? Array(rest) : bytes
    }
}

/// A text that needs no file of the user's.
public enum BuiltInText: String, CaseIterable, OptionValue {
    /// The headers in a single run, both in a comparison.
    case automatic
    /// The C++ headers of libtorch: declarations and macros, much of them alike.
    case headers
    /// The docstrings of libtorch's Python sources: English prose on mathematics and programs, with formulas and examples.
    case docstrings
    /// Both, in a comparison.
    case both
}

extension Corpus {
    /// The docstrings of the Python sources of libtorch's folder: what stands between triple quotes, of more than 200 bytes,
    /// joined by line feeds for each file.
    ///
    /// Throws `CorpusError` where there are none, as in a libtorch that did not come with Python, and `Interrupted` if a
    /// signal requests to stop.
    ///
    /// - Parameter folder: the folder of libtorch.
    public static func engineDocstrings(folder: String) throws -> Corpus {
        let documents = try texts(of: try files(at: folder).filter { $0.hasSuffix(".py") }, docstrings)
        if documents.count < 2 {
            throw CorpusError(
                kind: .notFound,
                description:
                    "\(folder): no Python sources of libtorch are there, whose docstrings were to be the text; "
                    + "use --corpus headers, or name files with --text")
        }
        return Corpus(
            name: "the docstrings of libtorch's Python sources", documents: documents, validationFraction: 0.1
        )
    }

    /// The pieces between triple quotes that have more than 200 bytes.
    static func docstrings(of source: [UInt8]) -> [UInt8] {
        let quote = UInt8(ascii: "\"")
        var pieces: [ArraySlice<UInt8>] = []
        var start: Int?
        var place = 0
        while place + 2 < source.count {
            guard source[place] == quote, source[place + 1] == quote, source[place + 2] == quote else {
                place += 1
                continue
            }
            if let opened = start {
                if place - opened > 200 { pieces.append(source[opened..<place]) }
                start = nil
            } else {
                start = place + 3
            }
            place += 3
        }
        return Array(pieces.joined(separator: [UInt8(ascii: "\n")]))
    }

    /// The text at some paths, or a built-in one if there are none: libtorch's C++ headers, or its docstrings.
    public static func text(at paths: [String], builtIn: BuiltInText = .headers) throws -> Corpus {
        if !paths.isEmpty { return try Corpus(paths: paths) }
        guard let folder = Engine.folder else {
            throw CorpusError(
                kind: .notFound,
                description: "the built-in text was not found beside libtorch; name files or folders")
        }
        switch builtIn {
        case .automatic, .headers: return try engineHeaders(includeDirectory: folder + "/include")
        case .docstrings: return try engineDocstrings(folder: folder)
        case .both:
            throw ConfigurationError(
                "data.corpus = both is for compare: a run has one text, headers or docstrings")
        }
    }
}

extension Corpus {
    /// Synthetic bytes for timing: uniform, the same each time.
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
