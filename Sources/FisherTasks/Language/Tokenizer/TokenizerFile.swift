import FisherTraining
import Torch

/// Reads `tokenizer.json` of the tokenizers library: a byte-pair model over bytes.
///
/// Whatever changes how a text is cut is read or named in the error: another model, a normalizer, another pre-tokenizer, special
/// tokens that a post-processor adds.
struct TokenizerFile {
    private typealias Fault = TokenizerParts.Fault

    private var json: StrictJSON
    private var parts = TokenizerParts()

    /// Reads the text of a file.
    static func parts(_ text: [UInt8]) throws(TokenizerParts.Fault) -> TokenizerParts {
        var file = TokenizerFile(json: StrictJSON(text))
        try file.readAll()
        return file.parts
    }

    private init(json: StrictJSON) { self.json = json }

    private mutating func readAll() throws(TokenizerParts.Fault) {
        var keys: Set<String> = []
        do throws(StrictJSON.Fault) {
            try json.enterObject()
        } catch { throw Fault("is no tokenizer: \(error)") }
        while let key = try next(&keys) {
            switch key {
            case "version": try skip()
            case "truncation", "padding":
                guard json.takeNull() else {
                    throw Fault("asks for \(key), which is not supported: set it to null")
                }
            case "normalizer":
                guard json.takeNull() else {
                    let type = try object(key) { (_, _) throws(Fault) in false }
                    throw Fault("has the normalizer \(type), which is not supported")
                }
            case "added_tokens": try readAddedTokens()
            case "pre_tokenizer": try readPreTokenizer()
            case "post_processor": try readPostProcessor()
            case "decoder":
                if json.takeNull() { continue }
                let type = try object(key) { (_, _) throws(Fault) in false }
                guard type == "ByteLevel" else {
                    throw Fault("has the decoder \(type), which is not supported: only ByteLevel is")
                }
            case "model": try readModel()
            default: throw Fault("has \(key.quoted(limit: 40)), which is not supported")
            }
        }
        try finish()
        for key in ["model", "pre_tokenizer"] where !keys.contains(key) {
            throw Fault("is no tokenizer: it has no \(key)")
        }
    }

    private mutating func readAddedTokens() throws(TokenizerParts.Fault) {
        if json.takeNull() { return }
        try parsing { (json) throws(StrictJSON.Fault) in try json.enterArray() }
        while try parsing({ (json) throws(StrictJSON.Fault) in try json.nextElement() }) {
            var (content, token): (String?, Int?) = (nil, nil)
            var unusual: String?
            var keys: Set<String> = []
            try parsing { (json) throws(StrictJSON.Fault) in try json.enterObject() }
            while let key = try next(&keys) {
                switch key {
                case "content": content = try text()
                case "id": token = try number()
                case "single_word", "lstrip", "rstrip": if try flag() ?? false { unusual = key }
                case "normalized", "special": _ = try flag()
                default: throw Fault("has \(key.quoted(limit: 40)) in an added token, which is not supported")
                }
            }
            guard let content, let token else { throw Fault("has an added token without content or id") }
            if let unusual {
                throw Fault(
                    "adds the token \(content.quoted(limit: 40)) with \(unusual), which is not supported")
            }
            guard parts.added.count < 1 << 12 else { throw Fault("adds more than \(1 << 12) tokens") }
            parts.added.append((content, token))
        }
    }

    private mutating func readPreTokenizer() throws(TokenizerParts.Fault) {
        if json.takeNull() { throw Fault("has no pre_tokenizer: only ByteLevel is supported") }
        var adds = false
        let type = try object("pre_tokenizer") { (file, key) throws(Fault) in
            switch key {
            case "add_prefix_space": adds = try file.flag() ?? false
            case "use_regex":
                guard try file.flag() ?? true else {
                    throw Fault(
                        "does not split by the regular expression (use_regex), which is not supported")
                }
            case "trim_offsets": _ = try file.flag()
            default: return false
            }
            return true
        }
        guard type == "ByteLevel" else {
            throw Fault("has the pre_tokenizer \(type), which is not supported: only ByteLevel is")
        }
        parts.addsPrefixSpace = adds
    }

    /// A template of the text alone changes nothing, and later versions of transformers write one.
    private mutating func readPostProcessor() throws(TokenizerParts.Fault) {
        if json.takeNull() { return }
        var adds = false
        let type = try object("post_processor") { (file, key) throws(Fault) in
            guard key == "single" else { return false }
            try file.parsing { (json) throws(StrictJSON.Fault) in
                try json.enterArray()
                while try json.nextElement() {
                    try json.enterObject()
                    while let piece = try json.nextKey() {
                        adds = adds || piece != "Sequence"
                        try json.skipValue()
                    }
                }
            }
            return true
        }
        guard type == "ByteLevel" || type == "TemplateProcessing" else {
            throw Fault(
                "has the post_processor \(type), which is not supported: only ByteLevel and TemplateProcessing are"
            )
        }
        if adds { throw Fault("has a post_processor that adds special tokens, which is not supported") }
    }

    private mutating func readModel() throws(TokenizerParts.Fault) {
        let type = try object("model") { (file, key) throws(Fault) in
            switch key {
            case "vocab": file.parts.vocabulary = try TokenizerFile.vocabulary(&file.json)
            case "merges": try file.readMerges()
            case "dropout":
                guard file.json.takeNull() else {
                    throw Fault("merges with dropout, which is not supported: set it to null")
                }
            case "continuing_subword_prefix", "end_of_word_suffix":
                if file.json.takeNull() { return true }
                guard try file.text().isEmpty else {
                    throw Fault("marks tokens by \(key), which is not supported")
                }
            case "byte_fallback", "ignore_merges":
                guard try file.flag() != true else { throw Fault("asks for \(key), which is not supported") }
            // Without effect where every byte has a token.
            case "unk_token": if !file.json.takeNull() { _ = try file.text() }
            case "fuse_unk": _ = try file.flag()
            default: return false
            }
            return true
        }
        guard type == "BPE" else {
            throw Fault("has a model of type \(type), which is not supported: only BPE is")
        }
    }

    /// Tokens by name with their numbers: the vocabulary, and all of `vocab.json`.
    static func vocabulary(_ json: inout StrictJSON) throws(TokenizerParts.Fault) -> [(
        name: String, token: Int
    )] {
        do throws(StrictJSON.Fault) {
            var found: [(name: String, token: Int)] = []
            try json.enterObject()
            while let key = try json.nextKey() {
                found.append((key, try json.wholeNumber()))
                if found.count > TokenizerParts.mostTokens {
                    throw json.fault("a vocabulary has more than \(TokenizerParts.mostTokens) tokens")
                }
            }
            return found
        } catch { throw Fault("is not as a vocabulary is written: \(error)") }
    }

    /// The merges, each as `"a b"` or as `["a", "b"]`.
    private mutating func readMerges() throws(TokenizerParts.Fault) {
        try parsing { (json) throws(StrictJSON.Fault) in try json.enterArray() }
        while try parsing({ (json) throws(StrictJSON.Fault) in try json.nextElement() }) {
            if json.nextKind() == .array {
                let pair = try parsing { (json) throws(StrictJSON.Fault) in
                    var pair: [String] = []
                    try json.enterArray()
                    while try json.nextElement() {
                        guard pair.count < 2 else { throw json.fault("a merge has more than two tokens") }
                        pair.append(try json.string())
                    }
                    guard pair.count == 2 else { throw json.fault("a merge has fewer than two tokens") }
                    return pair
                }
                try add(pair[0], pair[1])
            } else {
                let line = try text()
                guard let pair = TokenizerFile.pair(line) else {
                    throw Fault("has the merge \(line.quoted(limit: 40)), which is not two tokens")
                }
                try add(pair.left, pair.right)
            }
        }
    }

    private mutating func add(_ left: String, _ right: String) throws(TokenizerParts.Fault) {
        guard parts.merges.count < 1 << 21 else { throw Fault("has more than \(1 << 21) merges") }
        parts.merges.append((left, right))
    }

    /// The two tokens of a line `a b`; nil if there are not two.
    static func pair(_ line: String) -> (left: String, right: String)? {
        let bytes = line.utf8
        guard let space = bytes.firstIndex(of: UInt8(ascii: " ")) else { return nil }
        let (left, right) = (line[..<space], line[bytes.index(after: space)...])
        guard !left.isEmpty, !right.isEmpty, !right.utf8.contains(UInt8(ascii: " ")) else { return nil }
        return (String(left), String(right))
    }
}

extension TokenizerFile {
    /// Reads an object; returns its `type`. The function reads the value of a key, or says that it does not know it.
    private mutating func object(
        _ section: String, _ read: (inout TokenizerFile, String) throws(TokenizerParts.Fault) -> Bool
    ) throws(TokenizerParts.Fault) -> String {
        var found: String?
        var unknown: String?
        var keys: Set<String> = []
        try parsing { (json) throws(StrictJSON.Fault) in try json.enterObject() }
        while let key = try next(&keys) {
            if key == "type" {
                found = try text()
            } else if try !read(&self, key) {
                unknown = unknown ?? key
                try skip()
            }
        }
        guard let found else { throw Fault("has a \(section) without a type") }
        // What another type says is its own affair; the type will be refused.
        if let unknown, found == "BPE" || (found == "ByteLevel" && section == "pre_tokenizer") {
            throw Fault("has \(unknown.quoted(limit: 40)) in its \(section), which is not supported")
        }
        return found.quoted(limit: 40).filter { $0 != "\"" }
    }

    private mutating func parsing<Value>(
        _ body: (inout StrictJSON) throws(StrictJSON.Fault) -> Value
    ) throws(TokenizerParts.Fault) -> Value {
        do throws(StrictJSON.Fault) { return try body(&json) } catch {
            throw Fault("is not as a tokenizer is written: \(error)")
        }
    }

    private mutating func next(_ keys: inout Set<String>) throws(TokenizerParts.Fault) -> String? {
        do throws(StrictJSON.Fault) {
            guard let key = try json.nextKey() else { return nil }
            try json.note(key, among: &keys)
            return key
        } catch { throw Fault("is not as a tokenizer is written: \(error)") }
    }

    private mutating func text() throws(TokenizerParts.Fault) -> String {
        try parsing { (json) throws(StrictJSON.Fault) in try json.string() }
    }

    private mutating func number() throws(TokenizerParts.Fault) -> Int {
        try parsing { (json) throws(StrictJSON.Fault) in try json.wholeNumber() }
    }

    /// A Boolean; nil for null.
    private mutating func flag() throws(TokenizerParts.Fault) -> Bool? {
        try parsing { (json) throws(StrictJSON.Fault) in try json.word() }
    }

    private mutating func skip() throws(TokenizerParts.Fault) {
        try parsing { (json) throws(StrictJSON.Fault) in try json.skipValue() }
    }

    private mutating func finish() throws(TokenizerParts.Fault) {
        try parsing { (json) throws(StrictJSON.Fault) in try json.finish() }
    }
}
