import Fisher
import FisherTraining

/// A text as the tokens that a model reads: its bytes, or those of a tokenizer.
enum TokenStream: Sendable {
    case bytes([UInt8])
    case tokens([Int32])

    /// Encodes a text; nil for its bytes. Throws `Interrupted` if a signal requests to stop.
    init(_ text: [UInt8], by tokenizer: BytePairTokenizer?) throws {
        guard let tokenizer else {
            self = .bytes(text)
            return
        }
        self = .tokens(try tokenizer.encode(text) { try Interruption.poll() })
    }

    /// The number of tokens.
    var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .tokens(let tokens): tokens.count
        }
    }

    /// Windows: `context` tokens from each start, and the tokens that follow each of them; both flat.
    func windows(at starts: [Int], context: Int) -> (inputs: [Int64], targets: [Int64]) {
        switch self {
        case .bytes(let bytes): Corpus.windows(of: bytes, at: starts, context: context)
        case .tokens(let tokens): Corpus.windows(of: tokens, at: starts, context: context)
        }
    }

    /// The number of bytes that are predicted in windows: those of the tokens behind each start.
    func predictedByteCount(at starts: [Int], context: Int, by tokenizer: BytePairTokenizer?) -> Int {
        guard case .tokens(let tokens) = self, let tokenizer else { return starts.count * context }
        return starts.reduce(0) { sum, start in
            sum + tokenizer.byteCount(of: tokens[start + 1..<start + 1 + context])
        }
    }

    /// The starts of at most `limit` windows, spread evenly and without overlap.
    func spreadWindows(context: Int, limit: Int) -> [Int] {
        let available = (count - 1) / context
        let number = min(available, limit)
        return (0..<max(number, 0)).map { $0 * available / number * context }
    }
}
