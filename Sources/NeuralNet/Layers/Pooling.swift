import Torch

/// The largest element of each window of an image.
public final class MaxPool2d: UnaryLayer {
    /// The window.
    public let kernel: Size2d
    /// How far the window moves from one position to the next.
    public let stride: Size2d
    /// The number of rows and columns padded at either end, which never hold the maximum.
    public let padding: Size2d
    /// The distance between the elements of a window.
    public let dilation: Size2d

    /// Creates the layer; windows are adjacent unless a stride is given.
    public init(kernel: Size2d, stride: Size2d? = nil, padding: Size2d = 0, dilation: Size2d = 1) {
        self.kernel = kernel
        self.stride = stride ?? kernel
        self.padding = padding
        self.dilation = dilation
    }

    /// The output [batch, channels, height, width] for an input [batch, channels, height, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.maximumPooled2d(
            kernel: kernel.sizes, stride: stride.sizes, padding: padding.sizes, dilation: dilation.sizes)
    }
}

/// The mean of each window of an image; the zeros of the padding count.
public final class AveragePool2d: UnaryLayer {
    /// The window.
    public let kernel: Size2d
    /// How far the window moves from one position to the next.
    public let stride: Size2d
    /// The number of rows and columns of zeros padded at either end.
    public let padding: Size2d

    /// Creates the layer; windows are adjacent unless a stride is given.
    public init(kernel: Size2d, stride: Size2d? = nil, padding: Size2d = 0) {
        self.kernel = kernel
        self.stride = stride ?? kernel
        self.padding = padding
    }

    /// The output [batch, channels, height, width] for an input [batch, channels, height, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        input.averagePooled2d(kernel: kernel.sizes, stride: stride.sizes, padding: padding.sizes)
    }
}

/// The means of windows chosen such that the output has a given size.
public final class AdaptiveAveragePool2d: UnaryLayer {
    /// The size of the output.
    public let size: Size2d

    /// Creates the layer.
    public init(_ size: Size2d) { self.size = size }

    /// The output [batch, channels, height, width] for an input [batch, channels, any height, any width].
    public func callAsFunction(_ input: Tensor) -> Tensor { input.adaptiveAveragePooled2d(to: size.sizes) }
}

extension MaxPool2d {
    /// The description of a layer in JSON: `{"max_pool2d": kernel}`.
    public struct Description: LayerDescription {
        public static let kind = "max_pool2d"
        public static let shortForm = ["kernel"]
        public static var options: [LayerOption<Self>] {
            [
                .required("kernel", \.kernel, .size2d()), .optional("stride", \.stride, .optional(.size2d())),
                .optional("padding", \.padding, .size2d(from: 0)),
                .optional("dilation", \.dilation, .size2d()),
            ]
        }
        var kernel: Size2d
        var stride: Size2d?
        var padding: Size2d
        var dilation: Size2d

        public init() { self.init(kernel: 0) }

        /// Describes a layer by its options.
        public init(kernel: Size2d, stride: Size2d? = nil, padding: Size2d = 0, dilation: Size2d = 1) {
            (self.kernel, self.stride, self.padding, self.dilation) = (kernel, stride, padding, dilation)
        }

        private var window: PoolingWindow {
            PoolingWindow(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
        }

        public func check() throws(LayerDescriptionError) { try window.checkPadding() }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.slid(window.geometry)
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            MaxPool2d(kernel: kernel, stride: stride, padding: padding, dilation: dilation)
        }
    }
}

extension AveragePool2d {
    /// The description of a layer in JSON: `{"average_pool2d": kernel}`.
    public struct Description: LayerDescription {
        public static let kind = "average_pool2d"
        public static let shortForm = ["kernel"]
        public static var options: [LayerOption<Self>] {
            [
                .required("kernel", \.kernel, .size2d()), .optional("stride", \.stride, .optional(.size2d())),
                .optional("padding", \.padding, .size2d(from: 0)),
            ]
        }
        var kernel: Size2d
        var stride: Size2d?
        var padding: Size2d

        public init() { self.init(kernel: 0) }

        /// Describes a layer by its options.
        public init(kernel: Size2d, stride: Size2d? = nil, padding: Size2d = 0) {
            (self.kernel, self.stride, self.padding) = (kernel, stride, padding)
        }

        private var window: PoolingWindow {
            PoolingWindow(kernel: kernel, stride: stride, padding: padding, dilation: 1)
        }

        public func check() throws(LayerDescriptionError) { try window.checkPadding() }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.slid(window.geometry)
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            AveragePool2d(kernel: kernel, stride: stride, padding: padding)
        }
    }
}

extension AdaptiveAveragePool2d {
    /// The description of a layer in JSON: `{"adaptive_average_pool2d": size}`.
    public struct Description: LayerDescription {
        public static let kind = "adaptive_average_pool2d"
        public static let shortForm = ["size"]
        public static var options: [LayerOption<Self>] { [.required("size", \.size, .size2d())] }
        var size: Size2d

        public init() { self.init(size: 0) }

        /// Describes a layer by its options.
        public init(size: Size2d) { self.size = size }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            .ranked(try input.requiringRank(4).prefix(2) + [size.height, size.width])
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            AdaptiveAveragePool2d(size)
        }
    }
}

/// The window of a pooling.
private struct PoolingWindow {
    let geometry: ConvolutionGeometry

    init(kernel: Size2d, stride: Size2d?, padding: Size2d, dilation: Size2d) {
        geometry = ConvolutionGeometry(
            kernel: kernel.sizes, stride: (stride ?? kernel).sizes, padding: padding.sizes,
            dilation: dilation.sizes, groups: 1)
    }

    /// Throws if the padding is more than half of what the window spans, which libtorch rejects.
    func checkPadding() throws(LayerDescriptionError) {
        for k in 0..<2 {
            let reach = geometry.dilation[k] * (geometry.kernel[k] - 1) + 1
            if geometry.padding[k] > reach / 2 {
                throw LayerDescriptionError("has a padding of more than half of its window, \(reach)")
            }
        }
    }
}
