import Fisher

extension StepNetwork {
    /// 784-512-512-10 with ReLU, on sixteen batches in turn: with one alone, Kronecker factors would keep its rank, and their
    /// decompositions null spaces that no training has.
    public static let mlp = StepNetwork("mlp", "784-512-512-10", usualBatch: 128) { count in
        let generator = try generator(forBatch: count)
        let model = Sequential([
            Linear(784, 512, using: generator), ReLU(), Linear(512, 512, using: generator), ReLU(),
            Linear(512, 10, using: generator),
        ])
        return classifier(model, (0..<16).map { _ in Tensor.normal([count, 784], using: generator) })
    }

    /// Images 3 x 32 x 32: three 3 x 3 convolutions of 32, 64 and 128 channels, each with ReLU and a maximum pool, and
    /// a linear map to 10 classes.
    public static let cnn = StepNetwork("cnn", "3x32x32, channels 32, 64, 128", usualBatch: 128) { count in
        let generator = try generator(forBatch: count)
        var layers: [any UnaryLayer] = []
        for (inputs, outputs) in [(3, 32), (32, 64), (64, 128)] {
            layers += [
                Conv2d(inputs, outputs, kernel: 3, padding: 1, using: generator), ReLU(),
                MaxPool2d(kernel: 2),
            ]
        }
        let model = Sequential(layers + [Flatten(), Linear(2048, 10, using: generator)])
        return classifier(model, Tensor.normal([count, 3, 32, 32], using: generator))
    }

    /// A byte-level GPT of width 128 with 4 blocks and 4 heads, on sequences of 64.
    public static let gpt = StepNetwork(
        "gpt", "width 128, 4 blocks, 64 positions", unit: "sequence", usualBatch: 32, tokensPerUnit: 64
    ) { count in
        let generator = try generator(forBatch: count)
        let model = GPT(.init(context: 64, width: 128, layers: 4, heads: 4), using: generator)
        let tokens = Tensor((0..<count * 64).map { Int64($0 * 7 % 256) }, shape: [count, 64])
        let next = Tensor((0..<count * 64).map { Int64(($0 + 1) * 7 % 256) }, shape: [count, 64])
        return StepSubject(model, on: SupervisedBatch(inputs: tokens, targets: next)) {
            try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
        }
    }

    /// The generator of weights and data; refuses a batch that would not fit into memory.
    ///
    /// - Parameters:
    ///   - count: the units of the batch.
    ///   - unitBytes: the bytes of one unit's largest activation; as much again is counted for its gradient.
    package static func generator(
        forBatch count: Int, unitBytes: Int = 4 * 64 * 256
    ) throws -> RandomGenerator {
        try requireMemory(Double(count) * 2 * Double(unitBytes), for: "a batch of \(count)")
        return try RandomGenerator(seed: 1)
    }

    /// A classifier of 10 classes, on inputs that belong to the classes in turn.
    package static func classifier(_ model: some UnaryLayer, _ inputs: Tensor) -> StepSubject {
        classifier(model, [inputs])
    }

    private static func classifier(_ model: some UnaryLayer, _ inputs: [Tensor]) -> StepSubject {
        let batches = inputs.map { inputs in
            let count = inputs.shape[0]
            let classes = Tensor((0..<count).map { Int64($0 % 10) }, shape: [count])
            return SupervisedBatch(inputs: inputs, targets: classes)
        }
        return StepSubject(model, onEachOf: batches) {
            try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
        }
    }
}
