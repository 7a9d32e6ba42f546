import Torch

/// The largest element of each window of an image.
public final class MaxPool2d: UnaryLayer {
    /// The window.
    public let kernel: Size2d
    /// How far the window moves from one position to the next.
    public let stride: Size2d
    /// How many rows and columns, which are never the largest, are put at either end.
    public let padding: Size2d
    /// The distance between the elements of a window.
    public let dilation: Size2d

    /// Makes the layer; windows lie next to each other unless a stride is given.
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
    /// How many rows and columns of zeros are put at either end.
    public let padding: Size2d

    /// Makes the layer; windows lie next to each other unless a stride is given.
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

/// The means of windows so chosen that an image of a given size comes out.
public final class AdaptiveAveragePool2d: UnaryLayer {
    /// The size of the output.
    public let size: Size2d

    /// Makes the layer.
    public init(_ size: Size2d) { self.size = size }

    /// The output [batch, channels, height, width] for an input [batch, channels, any height, any width].
    public func callAsFunction(_ input: Tensor) -> Tensor { input.adaptiveAveragePooled2d(to: size.sizes) }
}
