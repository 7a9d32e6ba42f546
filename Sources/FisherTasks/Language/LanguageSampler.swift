import Fisher
import FisherTraining
import Foundation

/// Draws text from a language model, byte by byte or token by token.
public struct LanguageSampler {
    /// Logits are divided by it; 0 always chooses the likeliest byte.
    public var temperature: Double
    /// The number of likeliest bytes to draw from; nil for all.
    public var topK: Int?
    private let model: GPT
    private let generator: RandomGenerator

    /// Draws from a model; equal seeds give equal text.
    public init(_ model: GPT, temperature: Double = 1, topK: Int? = nil, seed: UInt64 = 0) throws {
        precondition(temperature >= 0 && topK ?? 1 > 0)
        self.model = model
        self.temperature = temperature
        self.topK = topK
        generator = try RandomGenerator(seed: seed)
        model.setTraining(false)
    }

    /// Continues a prompt for `count` bytes, each of which is passed on immediately.
    ///
    /// The model's input is the last bytes that fit its context. A byte costs a pass over the one before it while all fit,
    /// and a pass over the context afterwards. An empty prompt is a line feed. Throws `TorchError`, and `Interrupted`
    /// if a signal requests to stop.
    public func callAsFunction(
        after prompt: [UInt8], count: Int, _ receive: (UInt8) throws -> Void
    ) throws {
        try tokens(after: prompt.isEmpty ? [10] : prompt.map(Int32.init), count: count) { token in
            try receive(UInt8(truncatingIfNeeded: token))
            return true
        }
    }

    /// Continues a prompt by the tokens of a tokenizer, `count` of them or until its end-of-text token is drawn; whole
    /// characters are passed on as soon as they are complete.
    ///
    /// An empty prompt is the end-of-text token, or a line feed if there is none. Throws like the other.
    public func callAsFunction(
        after prompt: [UInt8], count: Int, by tokenizer: BytePairTokenizer,
        _ receive: ([UInt8]) throws -> Void
    ) throws {
        let end = tokenizer.endOfText
        var start = tokenizer.encode(prompt)
        if start.isEmpty { start = end.map { [$0] } ?? tokenizer.encode([10]) }
        var assembler = UTF8Assembler()
        try tokens(after: start, count: count, below: tokenizer.vocabularySize) { token in
            if token == end { return false }
            try receive(assembler.add(tokenizer.bytes(of: token)))
            return true
        }
        try receive(assembler.finish())
    }

    /// Draws tokens until `count` are there or the function returns false; those of `below` numbers only.
    private func tokens(
        after prompt: [Int32], count: Int, below vocabulary: Int = .max, _ receive: (Int32) throws -> Bool
    ) throws {
        let context = model.configuration.context
        var text = prompt
        var (past, unread) = (model.emptyPast(), Array(prompt.suffix(context)))
        for _ in 0..<count {
            try Interruption.poll()
            if past.count + unread.count > context {
                // Every token has another position than before.
                (past, unread) = (model.emptyPast(), Array(text.suffix(context)))
            }
            let logits = try withoutGradients { () throws(TorchError) in
                try model.nextLogits(
                    Tensor(unread.map(Int64.init), shape: [1, unread.count]), after: past)
            }
            let all = try logits.flattened().scalars(as: Double.self)
            let token = try draw(all.count > vocabulary ? Array(all[..<vocabulary]) : all)
            text.append(token)
            unread = [token]
            if text.count > 2 * context { text = text.suffix(context) }
            guard try receive(token) else { return }
        }
    }

    private func draw(_ logits: [Double]) throws -> Int32 {
        let ranked = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
        guard temperature > 0, let first = ranked.first else { return Int32(ranked.first ?? 0) }
        let allowed = ranked.prefix(topK ?? ranked.count)
        let weights = allowed.map { exp((logits[$0] - logits[first]) / temperature) }
        let total = weights.reduce(0, +)
        var rest = try Tensor.uniform([], dtype: .float64, using: generator).item() * total
        for (token, weight) in zip(allowed, weights) {
            rest -= weight
            if rest < 0 { return Int32(token) }
        }
        return Int32(first)
    }
}
