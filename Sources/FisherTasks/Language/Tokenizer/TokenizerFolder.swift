import FisherTraining
import Foundation
import Torch

extension BytePairTokenizer {
    /// The files of a folder that belong to its tokenizer, and the settings of generation, which name its tokens.
    static let fileNames = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt",
        "added_tokens.json", "generation_config.json",
    ]

    /// The most bytes of one of the files.
    static let mostBytes = 1 << 28

    /// Reads the tokenizer of a model's folder: `tokenizer.json`, or else `vocab.json` with `merges.txt` (and
    /// `added_tokens.json`); `add_prefix_space` of `tokenizer_config.json` counts over that of `tokenizer.json`, as it does in
    /// transformers.
    ///
    /// Throws `StorageError` of kind `notFound` if the folder has no tokenizer, and `damaged` with the reason for one that
    /// cannot be used: another model than byte-level BPE, a normalizer, a merge of what is not in the vocabulary.
    public init(folder: String) throws(StorageError) {
        func file(_ name: String) -> String { folder.hasSuffix("/") ? folder + name : folder + "/" + name }
        func contents(_ name: String) throws(StorageError) -> [UInt8]? {
            guard try DurableStorage.kind(of: file(name), followingLinks: true) != nil else { return nil }
            return try FileReader(file(name)).contents(limit: Self.mostBytes)
        }
        func blaming<Value>(
            _ name: String, _ body: () throws(TokenizerParts.Fault) -> Value
        ) throws(StorageError) -> Value {
            do throws(TokenizerParts.Fault) { return try body() } catch {
                throw StorageError(.damaged, path: file(name), reason: error.reason)
            }
        }
        var parts: TokenizerParts
        let main: String
        if let text = try contents("tokenizer.json") {
            main = "tokenizer.json"
            parts = try blaming(main) { () throws(TokenizerParts.Fault) in try TokenizerFile.parts(text) }
        } else if let vocabulary = try contents("vocab.json") {
            guard let merges = try contents("merges.txt") else {
                throw StorageError(
                    .notFound, path: file("merges.txt"), reason: "is not there, which vocab.json needs")
            }
            main = "vocab.json"
            let list = try blaming(main) { () throws(TokenizerParts.Fault) in try Self.tokens(vocabulary) }
            parts = try blaming("merges.txt") { () throws(TokenizerParts.Fault) in
                TokenizerParts(vocabulary: list, merges: try Self.merges(merges))
            }
            if let text = try contents("added_tokens.json") {
                parts.added = try blaming("added_tokens.json") { () throws(TokenizerParts.Fault) in
                    try Self.tokens(text).map { (content: $0.name, token: $0.token) }
                }
            }
            if let end = list.first(where: { $0.name == Self.endOfTextName }),
                !parts.added.contains(where: { $0.content == end.name })
            {
                parts.added.append((content: end.name, token: end.token))
            }
        } else {
            throw StorageError(
                .notFound, path: folder,
                reason: "holds no tokenizer: neither tokenizer.json nor vocab.json with merges.txt")
        }
        if let text = try contents("tokenizer_config.json") {
            let adds = try blaming("tokenizer_config.json") { () throws(TokenizerParts.Fault) in
                try Self.prefixSpace(text)
            }
            if let adds { parts.addsPrefixSpace = adds }
        }
        self = try blaming(main) { () throws(TokenizerParts.Fault) in try parts.tokenizer() }
    }

    /// Reads the text of a `tokenizer.json`, which errors name by its path.
    package init(json text: [UInt8], path: String) throws(StorageError) {
        do throws(TokenizerParts.Fault) {
            self = try TokenizerFile.parts(text).tokenizer()
        } catch { throw StorageError(.damaged, path: path, reason: error.reason) }
    }

    /// Reads the texts of a `vocab.json` and a `merges.txt`.
    package init(vocabulary: [UInt8], merges: [UInt8], path: String) throws(StorageError) {
        do throws(TokenizerParts.Fault) {
            self = try TokenizerParts(
                vocabulary: Self.tokens(vocabulary), merges: Self.merges(merges)
            ).tokenizer()
        } catch { throw StorageError(.damaged, path: path, reason: error.reason) }
    }

    /// A `vocab.json` of the 256 bytes and further names, for tests of readers.
    package static func vocabulary(adding names: [String]) -> [UInt8] {
        let all = ByteAlphabet.scalars.map { String($0) } + names
        return Array(
            StoredJSON.encode(
                Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1, $0) }), indented: false))
    }

    /// A file of names with numbers and nothing else.
    static func tokens(_ text: [UInt8]) throws(TokenizerParts.Fault) -> [(name: String, token: Int)] {
        var json = StrictJSON(text)
        let found = try TokenizerFile.vocabulary(&json)
        do throws(StrictJSON.Fault) { try json.finish() } catch {
            throw TokenizerParts.Fault("is not as a vocabulary is written: \(error)")
        }
        return found
    }

    /// The merges of `merges.txt`: two tokens a line, after a line with the version.
    static func merges(_ text: [UInt8]) throws(TokenizerParts.Fault) -> [(left: String, right: String)] {
        guard let all = String(validating: text, as: UTF8.self) else {
            throw TokenizerParts.Fault("is not UTF-8")
        }
        var found: [(left: String, right: String)] = []
        let lines = all.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, bytes) in lines.enumerated() {
            let line = String(Substring(bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes))
            if line.isEmpty || (number == 0 && line.hasPrefix("#version")) { continue }
            guard let pair = TokenizerFile.pair(line) else {
                throw TokenizerParts.Fault(
                    "has no two tokens in line \(number + 1), which is \(line.quoted(limit: 40))")
            }
            found.append(pair)
        }
        return found
    }

    /// Whether `tokenizer_config.json` asks for a space before a text; nil if it does not say.
    private static func prefixSpace(_ text: [UInt8]) throws(TokenizerParts.Fault) -> Bool? {
        var json = StrictJSON(text)
        do throws(StrictJSON.Fault) {
            var found: Bool?
            var keys: Set<String> = []
            try json.enterObject()
            while let key = try json.nextKey() {
                try json.note(key, among: &keys)
                switch key {
                case "add_prefix_space": found = try json.word()
                case "add_bos_token", "add_eos_token":
                    if json.nextKind() == .word, try json.word() == true {
                        throw json.fault("\(key), which is not supported, is true")
                    }
                default: try json.skipValue()
                }
            }
            try json.finish()
            return found
        } catch { throw TokenizerParts.Fault("is not as the settings of a tokenizer are written: \(error)") }
    }
}
