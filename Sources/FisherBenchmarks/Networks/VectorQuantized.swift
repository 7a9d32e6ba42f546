import Fisher

extension StepNetwork {
    /// A vector-quantized autoencoder of images 3 x 32 x 32: width 64, two halvings with two residual blocks each, 8 by 8
    /// codes of 512 that learn by gradient. The loss is the squared error as a Gaussian of variance 0.01, with the
    /// commitment and the codebook's loss as auxiliaries.
    public static let vectorQuantized = StepNetwork(
        "vq", "3x32x32, width 64, 512 codes", usualBatch: 32
    ) { count in
        // The largest activations are those of the width at full resolution.
        let generator = try generator(forBatch: count, unitBytes: 4 * 64 * 32 * 32)
        let model = VectorQuantizedAutoencoder(
            .init(
                height: 32, width: 32, channels: 3, outputs: 1, codes: 512, codeWidth: 32, hidden: 64,
                blocks: 2,
                halvings: 2, learning: .gradient, restartAfter: 0), using: generator)
        let images = Tensor.uniform([count, 3, 32, 32], using: generator)
        return StepSubject(model, on: SupervisedBatch(inputs: images, targets: images.unsqueezed(-1))) {
            let made = model($0.inputs)
            return try Objective(
                try Gaussian(mean: made.outputs, variance: 0.01), observing: $0.targets,
                auxiliaries: [
                    .init("commitment", made.quantized.commitment * 0.25),
                    .init("codebook", made.quantized.codebookLoss ?? .zeros([])),
                ])
        }
    }
}
