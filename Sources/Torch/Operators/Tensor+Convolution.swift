// Convolution, the patches that it reads, and pooling.

private let convolution = Operation("convolution")
/// Those of one, two and three dimensions: autocast knows these alone.
private let convolutions = [Operation("conv1d"), Operation("conv2d"), Operation("conv3d")]
private let imageToColumns = Operation("im2col")
private let columnsToImage = Operation("col2im")
private let maximumPool2d = Operation("max_pool2d")
private let averagePool2d = Operation("avg_pool2d")
private let adaptiveAveragePool2d = Operation("adaptive_avg_pool2d")
private let adaptiveMaximumPool2d = Operation("adaptive_max_pool2d")

extension Tensor {
    /// The cross-correlation of [batch, in, sizes...] with W of shape [out, in / groups, kernel sizes...],
    /// plus b of shape [out].
    ///
    /// Stride, padding (zeros on both sides) and dilation have one number for each dimension of the kernel.
    public func convolved(
        weight: Tensor, bias: Tensor? = nil, stride: [Int], padding: [Int], dilation: [Int], groups: Int = 1
    ) -> Tensor {
        if ComputePrecision.current != .float32, convolutions.indices.contains(stride.count - 1) {
            return convolutions[stride.count - 1](
                .tensor(self), .tensor(weight), .optional(bias), .integers(stride), .integers(padding),
                .integers(dilation), .integer(groups))
        }
        return convolution(
            .tensor(self), .tensor(weight), .optional(bias), .integers(stride), .integers(padding),
            .integers(dilation), .boolean(false), .integers(stride.map { _ in 0 }), .integer(groups))
    }

    /// The patches that a convolution over [batch, channels, height, width] reads: [batch, channels * kernel
    /// elements, positions], channels outermost, positions row by row.
    public func unfolded(kernel: [Int], dilation: [Int], padding: [Int], stride: [Int]) -> Tensor {
        imageToColumns(
            .tensor(self), .integers(kernel), .integers(dilation), .integers(padding), .integers(stride))
    }

    /// The sum of patches [batch, channels * kernel elements, positions] at their places in an image of
    /// `size` [height, width]: the transpose of `unfolded`.
    public func folded(into size: [Int], kernel: [Int], dilation: [Int], padding: [Int], stride: [Int])
        -> Tensor
    {
        columnsToImage(
            .tensor(self), .integers(size), .integers(kernel), .integers(dilation), .integers(padding),
            .integers(stride))
    }

    /// The largest element of each window of [batch, channels, height, width].
    public func maximumPooled2d(
        kernel: [Int], stride: [Int], padding: [Int] = [0, 0], dilation: [Int] = [1, 1]
    ) -> Tensor {
        maximumPool2d(
            .tensor(self), .integers(kernel), .integers(stride), .integers(padding), .integers(dilation))
    }

    /// The mean of each window of [batch, channels, height, width]; the zeros of the padding count.
    public func averagePooled2d(kernel: [Int], stride: [Int], padding: [Int] = [0, 0]) -> Tensor {
        averagePool2d(.tensor(self), .integers(kernel), .integers(stride), .integers(padding))
    }

    /// The means of windows chosen such that there are `size` [height, width] of them.
    public func adaptiveAveragePooled2d(to size: [Int]) -> Tensor {
        adaptiveAveragePool2d(.tensor(self), .integers(size))
    }

    /// The largest elements of windows chosen such that there are `size` [height, width] of them.
    public func adaptiveMaximumPooled2d(to size: [Int]) -> Tensor {
        adaptiveMaximumPool2d.many(2, .tensor(self), .integers(size))[0]
    }
}
