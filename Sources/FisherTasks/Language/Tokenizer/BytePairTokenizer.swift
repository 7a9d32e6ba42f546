import FisherTraining

/// A byte-level byte-pair tokenizer: that of GPT-2 and of the models that share its kind of files (Sennrich et al. 2016,
/// Radford et al. 2019).
///
///     let tokenizer = try BytePairTokenizer(folder: "gpt2")
///     let tokens = tokenizer.encode(Array("Don't panic.".utf8))
///     String(decoding: tokenizer.decode(tokens), as: UTF8.self)   // "Don't panic."
///
/// Text is cut into words, the bytes of each word are its first tokens, and neighbors are merged in the order of the
/// tokenizer's list. Every byte has a token, so any bytes can be encoded, UTF-8 or not, and `decode` gives them back. A text
/// of special tokens, such as `<|endoftext|>`, becomes the special token, as in transformers.
public struct BytePairTokenizer: Sendable {
    /// A token that is found in the text as it is and is part of no word.
    struct SpecialToken: Hashable {
        let content: [UInt8]
        let token: Int32
    }

    /// The least number of tokens that a model over this tokenizer must have: the largest token and one.
    public let vocabularySize: Int
    /// A hash of tokens, merges and settings (64-bit FNV-1a, as 16 hexadecimal digits): equal tokenizers have equal ones.
    public let fingerprint: String
    /// The special tokens, the longest first.
    let specialTokens: [SpecialToken]
    /// Whether a text that does not begin with a space is encoded as if it did.
    let addsPrefixSpace: Bool
    private let byteTokens: [Int32]
    private let merges: [UInt64: PairMerger.Merge]
    /// The bytes of all tokens, one after the other, and where each begins.
    private let bytes: [UInt8]
    private let starts: [Int32]

    /// Joins what the files say.
    ///
    /// - Parameters:
    ///   - pieces: the bytes of each token by its number; empty where a number has no token. The 256 bytes must have one.
    ///   - byteTokens: the token of each byte.
    ///   - merges: what becomes of pairs.
    ///   - specialTokens: the tokens that are found as they are.
    ///   - addsPrefixSpace: whether a text without a space before it gets one.
    init(
        pieces: [[UInt8]], byteTokens: [Int32], merges: [UInt64: PairMerger.Merge],
        specialTokens: [SpecialToken], addsPrefixSpace: Bool
    ) {
        precondition(byteTokens.count == 256)
        vocabularySize = pieces.count
        self.byteTokens = byteTokens
        self.merges = merges
        self.specialTokens = specialTokens.sorted {
            ($1.content.count, $0.token) < ($0.content.count, $1.token)
        }
        self.addsPrefixSpace = addsPrefixSpace
        bytes = Array(pieces.joined())
        var starts: [Int32] = [0]
        starts.reserveCapacity(pieces.count + 1)
        var end: Int32 = 0
        for piece in pieces {
            end += Int32(piece.count)
            starts.append(end)
        }
        self.starts = starts
        fingerprint = Self.fingerprint(
            bytes, starts, merges, self.specialTokens, addsPrefixSpace: addsPrefixSpace)
    }

    private static func fingerprint(
        _ bytes: [UInt8], _ starts: [Int32], _ merges: [UInt64: PairMerger.Merge],
        _ special: [SpecialToken], addsPrefixSpace: Bool
    ) -> String {
        var all = bytes
        func add(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { all.append(contentsOf: $0) }
        }
        all.reserveCapacity(bytes.count + 4 * starts.count + 16 * merges.count)
        starts.forEach(add)
        for (pair, merge) in merges.sorted(by: { $0.value.rank < $1.value.rank }) {
            add(pair)
            add(merge.token)
        }
        for token in special {
            all += token.content
            add(token.token)
        }
        all.append(addsPrefixSpace ? 1 : 0)
        return FNV1a(of: all).text
    }

    /// The tokenizer whose tokens are the 256 bytes themselves and are never merged: that of the byte-level models.
    static let ofBytes = BytePairTokenizer(
        pieces: (0...UInt8.max).map { [$0] }, byteTokens: (0..<256).map { $0 }, merges: [:],
        specialTokens: [], addsPrefixSpace: false)

    /// Whether every token is a byte, of the byte's number.
    var isOfBytes: Bool { fingerprint == Self.ofBytes.fingerprint }

    /// The special token that ends a text, `<|endoftext|>`; nil if there is none.
    var endOfText: Int32? { specialTokens.first { $0.content == Array(Self.endOfTextName.utf8) }?.token }
    /// Its name, which GPT-2's `vocab.json` has without saying that it is special.
    static let endOfTextName = "<|endoftext|>"

    /// The tokens of a text. Each different word is merged once.
    public func encode(_ text: [UInt8]) -> [Int32] { encode(text) {} }

    /// The tokens of a text; `poll` is called about once a megabyte and stops the work by throwing.
    func encode<Failure: Error>(
        _ text: [UInt8], polling poll: () throws(Failure) -> Void
    ) throws(Failure) -> [Int32] {
        var output: [Int32] = []
        output.reserveCapacity(text.count / 4 + 16)
        var words = WordTokens(merges, byteTokens: byteTokens)
        var start = 0
        for (range, token) in specials(in: text) {
            try encode(text[start..<range.lowerBound], by: &words, into: &output, polling: poll)
            output.append(token)
            start = range.upperBound
        }
        try encode(text[start...], by: &words, into: &output, polling: poll)
        return output
    }

    private func encode<Failure: Error>(
        _ part: ArraySlice<UInt8>, by words: inout WordTokens, into output: inout [Int32],
        polling poll: () throws(Failure) -> Void
    ) throws(Failure) {
        guard let first = part.first else { return }
        let space = UInt8(ascii: " ")
        let text = addsPrefixSpace && first != space ? [space] + part : part
        try text.withUnsafeBufferPointer { (text) throws(Failure) in
            var splitter = WordSplitter(text)
            var polled = 0
            while let word = splitter.next() {
                words.append(UnsafeBufferPointer(rebasing: text[word]), to: &output)
                if word.upperBound - polled > 1 << 20 {
                    polled = word.upperBound
                    try poll()
                }
            }
        }
    }

    /// The places of special tokens: from left to right, the longest at each place.
    private func specials(in text: [UInt8]) -> [(range: Range<Int>, token: Int32)] {
        guard !specialTokens.isEmpty else { return [] }
        var begins = [Bool](repeating: false, count: 256)
        for special in specialTokens { begins[Int(special.content[0])] = true }
        var found: [(range: Range<Int>, token: Int32)] = []
        text.withUnsafeBufferPointer { text in
            var place = 0
            while place < text.count {
                if begins[Int(text[place])],
                    let match = specialTokens.first(where: {
                        text[place...].starts(with: $0.content)
                    })
                {
                    found.append((place..<place + match.content.count, match.token))
                    place += match.content.count
                } else {
                    place += 1
                }
            }
        }
        return found
    }

    /// The bytes of tokens. Numbers without a token have none.
    public func decode(_ tokens: some Sequence<Int32>) -> [UInt8] {
        var text: [UInt8] = []
        for token in tokens { text += bytes(of: token) }
        return text
    }

    /// The bytes of one token; none for a number without a token.
    func bytes(of token: Int32) -> ArraySlice<UInt8> {
        guard token >= 0, token < vocabularySize else { return [] }
        return bytes[Int(starts[Int(token)])..<Int(starts[Int(token) + 1])]
    }

    /// The number of bytes of a sequence of tokens.
    func byteCount(of tokens: some Sequence<Int32>) -> Int {
        tokens.reduce(0) { $0 + bytes(of: $1).count }
    }
}
