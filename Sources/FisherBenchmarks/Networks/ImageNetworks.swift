import Fisher

extension StepNetwork {
    /// ResNet-18 with the stem for small images, batch normalization in training, on images 3 x 32 x 32.
    public static let resnet18 = StepNetwork("resnet18", "3x32x32, 3x3 stem, width 64", usualBatch: 32) {
        count in
        // The stem and the first stage keep nine maps of 64 channels for an image.
        let generator = try generator(forBatch: count, unitBytes: 4 * 16 * 64 * 32 * 32)
        let layers = ResNet(depth: .eighteen, stem: .cifar, classes: 10).layers
        let model = try NetworkSpecification(layers: layers, likelihood: Categorical.name)
            .makeNetwork(using: generator)
        return classifier(model, Tensor.normal([count, 3, 32, 32], using: generator))
    }
}
