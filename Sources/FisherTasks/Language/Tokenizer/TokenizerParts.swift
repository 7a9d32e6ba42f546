import FisherTraining

/// What the files of a tokenizer say, before it is put together and checked as a whole.
struct TokenizerParts {
    /// Why a tokenizer cannot be used, as a clause behind the name of its file.
    struct Fault: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// The most tokens that a vocabulary may have.
    static let mostTokens = 1 << 20
    /// The most bytes of all tokens together.
    private static let mostBytes = 1 << 28

    /// The tokens by their names in ``ByteAlphabet``, in the order of the file.
    var vocabulary: [(name: String, token: Int)] = []
    /// The merges in their order.
    var merges: [(left: String, right: String)] = []
    /// Tokens that are found in the text as they are, by their text.
    var added: [(content: String, token: Int)] = []
    /// Whether a text without a space before it gets one.
    var addsPrefixSpace = false

    /// Puts the tokenizer together; throws for numbers and names given twice, for merges of what is not in the vocabulary, and
    /// for a byte without a token.
    func tokenizer() throws(Fault) -> BytePairTokenizer {
        var pieces: [[UInt8]] = []
        var tokens: [[UInt8]: Int32] = [:]
        tokens.reserveCapacity(vocabulary.count)
        var total = 0
        func place(_ bytes: [UInt8], _ token: Int) throws(Fault) {
            guard token < Self.mostTokens else {
                throw Fault(
                    "gives a token the number \(token): numbers up to \(Self.mostTokens - 1) are read")
            }
            total += bytes.count
            guard total <= Self.mostBytes else {
                throw Fault("has tokens of more than \(Self.mostBytes) bytes in all")
            }
            if token >= pieces.count {
                pieces += [[UInt8]](repeating: [], count: token + 1 - pieces.count)
            }
            pieces[token] = bytes
        }
        let addedText = Dictionary(added.map { ($0.content, $0.token) }, uniquingKeysWith: { $1 })
        for (name, token) in vocabulary {
            guard
                let bytes = ByteAlphabet.bytes(of: name)
                    ?? (addedText[name] == token ? Array(name.utf8) : nil)
            else {
                throw Fault(
                    "names token \(token) \(name.quoted(limit: 40)), which has a character that stands for no byte: "
                        + "only byte-level vocabularies are read")
            }
            guard !bytes.isEmpty else { throw Fault("gives token \(token) no byte") }
            guard pieces.count <= token || pieces[token].isEmpty else {
                throw Fault("gives the number \(token) to two tokens")
            }
            guard tokens.updateValue(Int32(truncatingIfNeeded: token), forKey: bytes) == nil else {
                throw Fault("has the token \(name.quoted(limit: 40)) twice")
            }
            try place(bytes, token)
        }
        let byteTokens = try byteTokens(tokens)
        let merged = try merged(tokens)
        var special: [BytePairTokenizer.SpecialToken] = []
        for (content, token) in added {
            let bytes = Array(content.utf8)
            guard !bytes.isEmpty else { throw Fault("has an added token \(token) without a text") }
            guard !special.contains(where: { $0.content == bytes }) else {
                throw Fault("adds the token \(content.quoted(limit: 40)) twice")
            }
            if token < pieces.count, !pieces[token].isEmpty, pieces[token] != bytes {
                throw Fault("adds \(content.quoted(limit: 40)) as token \(token), which is another one")
            }
            if let own = tokens[bytes], own != token {
                throw Fault("adds \(content.quoted(limit: 40)) as token \(token), but it is token \(own)")
            }
            try place(bytes, token)
            special.append(.init(content: bytes, token: Int32(token)))
        }
        return BytePairTokenizer(
            pieces: pieces, byteTokens: byteTokens, merges: merged, specialTokens: special,
            addsPrefixSpace: addsPrefixSpace)
    }

    private func byteTokens(_ tokens: [[UInt8]: Int32]) throws(Fault) -> [Int32] {
        var found: [Int32] = []
        for byte in 0...UInt8.max {
            guard let token = tokens[[byte]] else {
                throw Fault(
                    "has no token for the byte 0x\(String(byte, radix: 16)): only vocabularies with all 256 bytes are read"
                )
            }
            found.append(token)
        }
        return found
    }

    private func merged(_ tokens: [[UInt8]: Int32]) throws(Fault) -> [UInt64: PairMerger.Merge] {
        var merged: [UInt64: PairMerger.Merge] = [:]
        merged.reserveCapacity(merges.count)
        for (rank, (left, right)) in merges.enumerated() {
            func unknown(_ what: String) -> Fault {
                Fault(
                    "merges \(left.quoted(limit: 40)) and \(right.quoted(limit: 40)) (merge \(rank + 1)), "
                        + "but \(what) is not in the vocabulary")
            }
            guard let first = ByteAlphabet.bytes(of: left), let a = tokens[first] else {
                throw unknown("the first")
            }
            guard let second = ByteAlphabet.bytes(of: right), let b = tokens[second] else {
                throw unknown("the second")
            }
            guard let token = tokens[first + second] else { throw unknown("what they make") }
            let merge = PairMerger.Merge(rank: UInt32(rank), token: token)
            guard merged.updateValue(merge, forKey: PairMerger.pair(a, b)) == nil else {
                throw Fault(
                    "merges \(left.quoted(limit: 40)) and \(right.quoted(limit: 40)) twice (merge \(rank + 1))"
                )
            }
        }
        return merged
    }
}
