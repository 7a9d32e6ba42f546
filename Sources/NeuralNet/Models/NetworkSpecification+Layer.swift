import Torch

extension NetworkSpecification {
    /// A layer and its options, named as the initializers of the layers name them.
    public enum Layer: Hashable, Sendable {
        /// `Linear`.
        case linear(inputs: Int, outputs: Int, bias: Bool = true)
        /// `Conv1d`, of a geometry with one dimension.
        case conv1d(inputs: Int, outputs: Int, geometry: ConvolutionGeometry, bias: Bool = true)
        /// `Conv2d`, of a geometry with two dimensions.
        case conv2d(inputs: Int, outputs: Int, geometry: ConvolutionGeometry, bias: Bool = true)
        /// `Embedding`.
        case embedding(entries: Int, width: Int)
        /// `LayerNorm`.
        case layerNorm(width: Int, epsilon: Double = 1e-5)
        /// `GroupNorm`.
        case groupNorm(groups: Int, channels: Int, epsilon: Double = 1e-5)
        /// `BatchNorm`.
        case batchNorm(channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1)
        /// `LSTM`, whose hidden states are the output.
        case lstm(inputs: Int, width: Int)
        /// `MaxPool2d`; the stride is the kernel where there is none.
        case maxPool2d(kernel: Size2d, stride: Size2d? = nil, padding: Size2d = 0, dilation: Size2d = 1)
        /// `AveragePool2d`; the stride is the kernel where there is none.
        case averagePool2d(kernel: Size2d, stride: Size2d? = nil, padding: Size2d = 0)
        /// `AdaptiveAveragePool2d`.
        case adaptiveAveragePool2d(size: Size2d)
        /// `Flatten`.
        case flatten
        /// `Tanh`.
        case tanh
        /// `ReLU`.
        case relu
        /// `Sigmoid`.
        case sigmoid
        /// `GELU`.
        case gelu
        /// `GELU`, approximated by tanh.
        case geluTanh
    }
}

extension NetworkSpecification.Layer {
    /// The layers without options, by name.
    static let plain: [String: Self] = [
        "flatten": .flatten, "tanh": .tanh, "relu": .relu, "sigmoid": .sigmoid, "gelu": .gelu,
        "gelu_tanh": .geluTanh,
    ]

    /// The layers with options, by name.
    static let configured = [
        "linear", "conv1d", "conv2d", "embedding", "layer_norm", "group_norm", "batch_norm", "lstm",
        "max_pool2d", "average_pool2d", "adaptive_average_pool2d",
    ]

    /// The layer's name in a description.
    var name: String {
        switch self {
        case .linear: "linear"
        case .conv1d: "conv1d"
        case .conv2d: "conv2d"
        case .embedding: "embedding"
        case .layerNorm: "layer_norm"
        case .groupNorm: "group_norm"
        case .batchNorm: "batch_norm"
        case .lstm: "lstm"
        case .maxPool2d: "max_pool2d"
        case .averagePool2d: "average_pool2d"
        case .adaptiveAveragePool2d: "adaptive_average_pool2d"
        case .flatten: "flatten"
        case .tanh: "tanh"
        case .relu: "relu"
        case .sigmoid: "sigmoid"
        case .gelu: "gelu"
        case .geluTanh: "gelu_tanh"
        }
    }

    /// Makes the layer, which must have been checked.
    func make(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
        switch self {
        case .linear(let inputs, let outputs, let bias):
            Linear(inputs, outputs, bias: bias, dtype: dtype, using: generator)
        case .conv1d(let inputs, let outputs, let geometry, let bias):
            Conv1d(inputs, outputs, geometry: geometry, bias: bias, dtype: dtype, using: generator)
        case .conv2d(let inputs, let outputs, let geometry, let bias):
            Conv2d(inputs, outputs, geometry: geometry, bias: bias, dtype: dtype, using: generator)
        case .embedding(let entries, let width): Embedding(entries, width, dtype: dtype, using: generator)
        case .layerNorm(let width, let epsilon): LayerNorm(width, epsilon: epsilon, dtype: dtype)
        case .groupNorm(let groups, let channels, let epsilon):
            GroupNorm(groups: groups, channels: channels, epsilon: epsilon, dtype: dtype)
        case .batchNorm(let channels, let epsilon, let momentum):
            BatchNorm(channels, epsilon: epsilon, momentum: momentum, dtype: dtype)
        case .lstm(let inputs, let width): LSTM(inputs, width, dtype: dtype, using: generator)
        case .maxPool2d(let kernel, let stride, let padding, let dilation):
            MaxPool2d(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
        case .averagePool2d(let kernel, let stride, let padding):
            AveragePool2d(kernel: kernel, stride: stride, padding: padding)
        case .adaptiveAveragePool2d(let size): AdaptiveAveragePool2d(size)
        case .flatten: Flatten()
        case .tanh: Tanh()
        case .relu: ReLU()
        case .sigmoid: Sigmoid()
        case .gelu: GELU()
        case .geluTanh: GELU(isApproximate: true)
        }
    }
}
