/// Merges the tokens of one word pair by pair, the pair of the lowest rank first and the leftmost of equal ones, until no
/// neighbors can be merged.
///
/// A heap holds the pairs that are next to each other, so that a word of n bytes takes O(n log n) however long it is.
struct PairMerger {
    /// What becomes of a pair.
    struct Merge: Hashable {
        /// The place of the pair in the list of merges, the first being merged first.
        let rank: UInt32
        /// The token of the two together.
        let token: Int32
    }

    private struct Candidate {
        /// The rank above the place, so that one comparison orders both.
        let order: UInt64
        let pair: UInt64
    }

    private let merges: [UInt64: Merge]
    private var tokens: [Int32] = []
    private var previous: [Int32] = []
    private var next: [Int32] = []
    private var heap: [Candidate] = []

    init(_ merges: [UInt64: Merge]) { self.merges = merges }

    /// The key of two neighbors.
    static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Appends the tokens of a word, which begins as the tokens of its bytes.
    mutating func append(_ word: some Collection<Int32>, to output: inout [Int32]) {
        tokens.removeAll(keepingCapacity: true)
        tokens.append(contentsOf: word)
        let count = Int32(tokens.count)
        previous.removeAll(keepingCapacity: true)
        previous.append(contentsOf: (0..<count).lazy.map { $0 - 1 })
        next.removeAll(keepingCapacity: true)
        next.append(contentsOf: (0..<count).lazy.map { $0 + 1 < count ? $0 + 1 : -1 })
        heap.removeAll(keepingCapacity: true)
        for place in 0..<max(count - 1, 0) { consider(place) }
        while let candidate = pop() {
            let place = Int32(truncatingIfNeeded: candidate.order & 0xFFFF_FFFF)
            let right = next[Int(place)]
            // A pair that has been merged with another neighbor since is none any more.
            guard right >= 0, tokens[Int(place)] >= 0,
                Self.pair(tokens[Int(place)], tokens[Int(right)]) == candidate.pair,
                let merge = merges[candidate.pair]
            else { continue }
            tokens[Int(place)] = merge.token
            tokens[Int(right)] = -1
            let following = next[Int(right)]
            next[Int(place)] = following
            if following >= 0 { previous[Int(following)] = place }
            if previous[Int(place)] >= 0 { consider(previous[Int(place)]) }
            if following >= 0 { consider(place) }
        }
        for token in tokens where token >= 0 { output.append(token) }
    }

    /// Adds the pair that begins at a place, if it can be merged.
    private mutating func consider(_ place: Int32) {
        let right = next[Int(place)]
        guard right >= 0 else { return }
        let pair = Self.pair(tokens[Int(place)], tokens[Int(right)])
        guard let merge = merges[pair] else { return }
        push(Candidate(order: UInt64(merge.rank) << 32 | UInt64(UInt32(bitPattern: place)), pair: pair))
    }

    private mutating func push(_ candidate: Candidate) {
        var place = heap.count
        heap.append(candidate)
        while place > 0 {
            let parent = (place - 1) / 2
            if heap[parent].order <= heap[place].order { break }
            heap.swapAt(parent, place)
            place = parent
        }
    }

    private mutating func pop() -> Candidate? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return first }
        heap[0] = last
        var place = 0
        while true {
            var child = 2 * place + 1
            if child >= heap.count { return first }
            if child + 1 < heap.count, heap[child + 1].order < heap[child].order { child += 1 }
            if heap[place].order <= heap[child].order { return first }
            heap.swapAt(place, child)
            place = child
        }
    }
}
