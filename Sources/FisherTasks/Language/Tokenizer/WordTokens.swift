/// The tokens of words, each different word being merged once.
///
/// Words of up to 15 bytes, which nearly all are, are looked up by their bytes packed into two machine words, so that a text is
/// encoded without an allocation a word. What is remembered is bounded.
struct WordTokens {
    /// The bytes of a short word, its length in the last.
    private struct Key: Hashable {
        var low: UInt64 = 0
        var high: UInt64 = 0
    }

    private static let mostWords = 1 << 20

    private let byteTokens: [Int32]
    private var merger: PairMerger
    /// Where the tokens of a word lie in `store`, and how many they are.
    private var places: [Key: (start: Int32, count: Int32)] = [:]
    private var store: [Int32] = []

    init(_ merges: [UInt64: PairMerger.Merge], byteTokens: [Int32]) {
        self.byteTokens = byteTokens
        merger = PairMerger(merges)
    }

    /// Appends the tokens of a word.
    mutating func append(_ word: UnsafeBufferPointer<UInt8>, to output: inout [Int32]) {
        guard word.count <= 15 else {
            merger.append(word.lazy.map { [byteTokens] in byteTokens[Int($0)] }, to: &output)
            return
        }
        var key = Key()
        for (position, byte) in word.enumerated() {
            if position < 8 {
                key.low |= UInt64(byte) << (8 * UInt64(position))
            } else {
                key.high |= UInt64(byte) << (8 * UInt64(position - 8))
            }
        }
        key.high |= UInt64(word.count) << 56
        if let place = places[key] {
            let start = Int(place.start)
            output.append(contentsOf: store[start..<start + Int(place.count)])
            return
        }
        let start = output.count
        merger.append(word.lazy.map { [byteTokens] in byteTokens[Int($0)] }, to: &output)
        if places.count < Self.mostWords {
            places[key] = (Int32(store.count), Int32(output.count - start))
            store += output[start...]
        }
    }
}
