import Fisher

/// Text as bytes, divided into what is trained on and what is held out.
public struct Corpus: Sendable {
    /// A short name for readers.
    public let name: String
    /// The bytes that are trained on.
    public let training: [UInt8]
    /// The bytes that are held out.
    public let validation: [UInt8]
    /// The number of files read.
    public let fileCount: Int
    /// The lengths of the documents that make up the training side, which a line feed joins.
    private let trainingLengths: [Int]

    /// A hash of all bytes and of the division (64-bit FNV-1a, as 16 hexadecimal digits).
    public let fingerprint: String

    /// Divides documents. Whole documents go to one side, equal ones to the same, so that nothing leaks; a
    /// single document is cut into halves, the second of which is held out.
    ///
    /// The side of a document depends on its bytes only, not on its path. The documents keep their order and
    /// are joined by a line feed.
    init(name: String, documents: [[UInt8]], validationFraction: Double) {
        self.name = name
        fileCount = documents.count
        let hashes = concurrently(costs: documents.map { Double($0.count) }) {
            FNV1a(of: documents[$0]).value
        }
        let distinct = Set(hashes)
        guard distinct.count > 1, let first = documents.first else {
            let all = documents.first ?? []
            training = Array(all[..<(all.count / 2)])
            trainingLengths = [training.count]
            validation = Array(all[(all.count / 2)...])
            fingerprint = Corpus.fingerprint(ofTraining: [training], validation: [validation])
            return
        }
        let held = Corpus.heldOut(hashes, sizes: documents.map(\.count), fraction: validationFraction)
        precondition(!held.isEmpty && held.count < distinct.count && !first.isEmpty)
        func chosen(_ isHeld: Bool) -> [[UInt8]] {
            zip(hashes, documents).filter { held.contains($0.0) == isHeld }.map(\.1)
        }
        let (trained, heldOut) = (chosen(false), chosen(true))
        trainingLengths = trained.map(\.count)
        // A hash goes byte by byte, while the other thread copies.
        ((training, validation), fingerprint) = concurrently {
            (Corpus.joined(trained), Corpus.joined(heldOut))
        } _: {
            Corpus.fingerprint(ofTraining: trained, validation: heldOut)
        }
    }

    /// Documents with a line feed between them.
    private static func joined(_ documents: [[UInt8]]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(documents.reduce(documents.count) { $0 + $1.count })
        for (position, document) in documents.enumerated() {
            if position > 0 { text.append(UInt8(ascii: "\n")) }
            text += document
        }
        return text
    }

    /// The hash of the two sides, which documents with a line feed between them make up.
    private static func fingerprint(ofTraining trained: [[UInt8]], validation heldOut: [[UInt8]]) -> String {
        var hash = FNV1a()
        for (side, documents) in [trained, heldOut].enumerated() {
            if side > 0 { hash.add([UInt8(ascii: "|")]) }
            for (position, document) in documents.enumerated() {
                if position > 0 { hash.add([UInt8(ascii: "\n")]) }
                hash.add(document)
            }
        }
        return hash.text
    }

    /// Takes documents in the order of their hashes as long as they come nearer to the fraction of the bytes;
    /// at least one, and not all.
    static func heldOut(_ hashes: [UInt64], sizes: [Int], fraction: Double) -> Set<UInt64> {
        var bytes: [UInt64: Int] = [:]
        for (hash, size) in zip(hashes, sizes) { bytes[hash, default: 0] += size }
        let target = fraction * Double(sizes.reduce(0, +))
        var held: Set<UInt64> = []
        var taken = 0.0
        for hash in bytes.keys.sorted() where held.count < bytes.count - 1 {
            let size = Double(bytes[hash] ?? 0)
            if abs(taken + size - target) < abs(taken - target) {
                held.insert(hash)
                taken += size
            }
        }
        if held.isEmpty, let smallest = bytes.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            held = [smallest.key]
        }
        return held
    }

    /// The training side alone, divided once more: what options are tuned on, so that the held-out text stays
    /// unseen until the end.
    public var tuningSplit: Corpus {
        var documents: [[UInt8]] = []
        var start = 0
        for length in trainingLengths {
            documents.append(Array(training[start..<start + length]))
            start += length + 1
        }
        return Corpus(name: name + " (tuning split)", documents: documents, validationFraction: 0.1)
    }

    /// Throws unless both sides hold a context and the byte after it.
    public func requireContext(_ context: Int) throws(CorpusError) {
        for (side, bytes) in [("training", training), ("validation", validation)] where bytes.count <= context
        {
            throw CorpusError(
                kind: .tooShort,
                description: "\(name.printable): the \(side) part has \(bytes.count) bytes; "
                    + "a context of \(context) needs \(context + 1)")
        }
    }

    /// The starts of at most `limit` windows of the held-out bytes, spread evenly and without overlap.
    public func validationWindows(context: Int, limit: Int) -> [Int] {
        TokenStream.bytes(validation).spreadWindows(context: context, limit: limit)
    }

    /// Windows of a stream: `context` bytes, or tokens, from each start, and those that follow each of them; both flat.
    public static func windows<Token: BinaryInteger>(
        of stream: [Token], at starts: [Int], context: Int
    ) -> (inputs: [Int64], targets: [Int64]) {
        var inputs: [Int64] = []
        var targets: [Int64] = []
        inputs.reserveCapacity(starts.count * context)
        targets.reserveCapacity(starts.count * context)
        for start in starts {
            inputs.append(contentsOf: stream[start..<start + context].lazy.map { Int64($0) })
            targets.append(contentsOf: stream[start + 1..<start + 1 + context].lazy.map { Int64($0) })
        }
        return (inputs, targets)
    }
}

/// The 64-bit Fowler-Noll-Vo hash, variant 1a: stable between runs and machines.
struct FNV1a {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    init() {}
    init(of bytes: [UInt8]) { add(bytes) }

    /// The value as 16 hexadecimal digits.
    var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    mutating func add(_ bytes: [UInt8]) {
        // A plain loop over memory: texts have millions of bytes, and a program built without optimization walks an array
        // slowly.
        bytes.withUnsafeBufferPointer { bytes in
            guard var next = bytes.baseAddress else { return }
            let end = next + bytes.count
            var hash = value
            while next != end {
                hash = (hash ^ UInt64(next.pointee)) &* 0x100_0000_01b3
                next += 1
            }
            value = hash
        }
    }
}

/// Why a text could not be used.
public struct CorpusError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of error.
    public enum Kind: Sendable {
        /// A path does not exist.
        case notFound
        /// The system forbids reading.
        case permissionDenied
        /// Reading failed, or the path is neither a file nor a folder.
        case unreadable
        /// The text is larger than this machine's memory.
        case tooLarge
        /// There are fewer bytes than the model's context needs.
        case tooShort
    }

    /// The kind of error.
    public let kind: Kind
    /// One sentence that names the path.
    public let description: String
}
