import Fisher
import FisherTraining
import Foundation

/// Draws text from a language model, byte by byte.
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
    /// The model's input is the last bytes that fit its context; every byte costs a pass over them. An empty
    /// prompt is a line feed. Throws `TorchError`, and `Interrupted` if a signal requests to stop.
    public func callAsFunction(
        after prompt: [UInt8], count: Int, _ receive: (UInt8) throws -> Void
    ) throws {
        var text = prompt.isEmpty ? [UInt8(ascii: "\n")] : prompt
        for _ in 0..<count {
            try Interruption.poll()
            let window = text.suffix(model.configuration.context).map(Int64.init)
            let logits = withoutGradients {
                model(Tensor(Array(window), shape: [1, window.count]))
                    .narrowed(1, from: window.count - 1, length: 1)
            }
            let byte = try draw(try logits.flattened().scalars(as: Double.self))
            text.append(byte)
            if text.count > 2 * model.configuration.context {
                text = text.suffix(model.configuration.context)
            }
            try receive(byte)
        }
    }

    private func draw(_ logits: [Double]) throws -> UInt8 {
        let ranked = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
        guard temperature > 0, let first = ranked.first else { return UInt8(ranked.first ?? 0) }
        let allowed = ranked.prefix(topK ?? ranked.count)
        let weights = allowed.map { exp((logits[$0] - logits[first]) / temperature) }
        let total = weights.reduce(0, +)
        var rest = try Tensor.uniform([], dtype: .float64, using: generator).item() * total
        for (byte, weight) in zip(allowed, weights) {
            rest -= weight
            if rest < 0 { return UInt8(byte) }
        }
        return UInt8(first)
    }
}
