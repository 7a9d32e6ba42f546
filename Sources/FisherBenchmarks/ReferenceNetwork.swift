import Fisher

/// A network of a usual size for measurements of whole training steps.
public enum ReferenceNetwork: String, CaseIterable, Sendable {
    /// 784-512-512-10 with ReLU.
    case mlp
    /// Images 3 x 32 x 32: three 3 x 3 convolutions of 32, 64 and 128 channels, each with ReLU and a maximum pool, and
    /// a linear map to 10 classes.
    case cnn
    /// A byte-level GPT of width 128 with 4 blocks and 4 heads, on sequences of 64.
    case gpt

    /// The batch on which the package's bounds are stated.
    public var usualBatch: Int { self == .gpt ? 32 : 128 }

    /// The model with its logits, and a batch drawn from a seed.
    func make(batch: Int) throws -> (model: any Module, batch: SupervisedBatch, logits: (Tensor) -> Tensor) {
        let generator = try RandomGenerator(seed: 1)
        // The largest sample, and as much again for its gradient.
        try requireMemory(Double(batch) * 2 * 4 * 64 * 256, for: "a batch of \(batch)")
        let classes = Tensor((0..<batch).map { Int64($0 % 10) }, shape: [batch])
        switch self {
        case .mlp:
            let model = Sequential([
                Linear(784, 512, using: generator), ReLU(), Linear(512, 512, using: generator), ReLU(),
                Linear(512, 10, using: generator),
            ])
            let inputs = Tensor.normal([batch, 784], using: generator)
            return (model, SupervisedBatch(inputs: inputs, targets: classes), { model($0) })
        case .cnn:
            var layers: [any UnaryLayer] = []
            for (inputs, outputs) in [(3, 32), (32, 64), (64, 128)] {
                layers += [
                    Conv2d(inputs, outputs, kernel: 3, padding: 1, using: generator), ReLU(),
                    MaxPool2d(kernel: 2),
                ]
            }
            let model = Sequential(layers + [Flatten(), Linear(2048, 10, using: generator)])
            let inputs = Tensor.normal([batch, 3, 32, 32], using: generator)
            return (model, SupervisedBatch(inputs: inputs, targets: classes), { model($0) })
        case .gpt:
            let model = GPT(.init(context: 64, width: 128, layers: 4, heads: 4), using: generator)
            let tokens = Tensor((0..<batch * 64).map { Int64($0 * 7 % 256) }, shape: [batch, 64])
            let next = Tensor((0..<batch * 64).map { Int64(($0 + 1) * 7 % 256) }, shape: [batch, 64])
            return (model, SupervisedBatch(inputs: tokens, targets: next), { model($0) })
        }
    }
}
