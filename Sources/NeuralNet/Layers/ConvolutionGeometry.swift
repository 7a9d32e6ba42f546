import Torch

/// Which elements of its input a convolution reads for each of its outputs.
///
/// Every list has a number for each spatial dimension: one for `Conv1d`, two for `Conv2d`.
public struct ConvolutionGeometry: Hashable, Sendable {
    /// The number of elements that the kernel reads.
    public let kernel: [Int]
    /// How far the kernel moves from one position to the next.
    public let stride: [Int]
    /// The number of zeros padded at either end.
    public let padding: [Int]
    /// The distance between the elements that the kernel reads.
    public let dilation: [Int]
    /// The number of groups of channels; a group of outputs reads only its group of inputs.
    public let groups: Int

    /// Describes a convolution; ``complaint`` says whether there is one.
    public init(kernel: [Int], stride: [Int], padding: [Int], dilation: [Int], groups: Int) {
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
    }

    /// Why there is no convolution of these numbers; nil if there is. A layer of them gives failed tensors.
    public var complaint: String? {
        if !(1...2).contains(kernel.count) {
            return "a convolution has one or two spatial dimensions, not \(kernel.count)"
        }
        if ![stride, padding, dilation].allSatisfy({ $0.count == kernel.count }) {
            return "a kernel of \(kernel.count) dimensions needs as many strides, paddings and dilations"
        }
        if !(kernel + stride + dilation + [groups]).allSatisfy({ $0 > 0 })
            || padding.contains(where: { $0 < 0 })
        {
            return
                "a convolution's kernel, stride, dilation and groups must be positive and its padding not negative"
        }
        return nil
    }

    /// The number of positions in each dimension for an input of these sizes:
    /// floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1; 0 if the kernel does not fit.
    public func outputSizes(for sizes: [Int]) -> [Int] {
        precondition(sizes.count == kernel.count, "\(sizes) are not the sizes of \(kernel.count) dimensions")
        if complaint != nil { return sizes.map { _ in 0 } }
        return sizes.indices.map { k in
            let room = sizes[k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1
            return room < 0 ? 0 : room / stride[k] + 1
        }
    }

    /// The patches of [batch, channels, sizes...] as [batch, groups, channels / groups * kernel elements,
    /// positions].
    ///
    /// Their third dimension is ordered like the rows of the weight flattened from its second: the output of
    /// a group is its rows of the weight, as a matrix, times its patches.
    ///
    /// - Complexity: copies each element of the input about as often as the kernel has elements.
    public func patches(of input: Tensor) -> Tensor {
        let isLine = kernel.count == 1
        let image = isLine ? input.unsqueezed(-2) : input
        func plane(_ numbers: [Int], _ neutral: Int) -> [Int] { isLine ? [neutral] + numbers : numbers }
        return image.unfolded(
            kernel: plane(kernel, 1), dilation: plane(dilation, 1), padding: plane(padding, 0),
            stride: plane(stride, 1)
        ).unflattened(1, into: [groups, -1])
    }
}

/// A height and a width; one whole number means a square.
public struct Size2d: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// The number of rows.
    public var height: Int
    /// The number of columns.
    public var width: Int

    /// Creates a size of a height and a width.
    public init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    /// Creates a square of a side.
    public init(_ side: Int) { self.init(side, side) }

    /// The same number in both dimensions.
    public init(integerLiteral value: Int) { self.init(value) }

    /// Height and width as libtorch takes them.
    public var sizes: [Int] { [height, width] }
}

extension LayerOptionKind where Value == Size2d {
    /// A height and a width of at least `minimum`, as a list of both or one number for both.
    public static func size2d(from minimum: Int = 1) -> Self {
        let both = LayerOptionKind<[Int]>.sizes(rank: 2, from: minimum)
        return Self(
            wanted: both.wanted,
            read: { json in both.read(json).flatMap { $0.count == 2 ? Size2d($0[0], $0[1]) : nil } },
            accepts: { both.accepts($0.sizes) }, write: { both.write($0.sizes) })
    }
}

extension TracedShape {
    /// The shape [batch, channels, positions...] behind a window that slides over [batch, any, sizes...]; the
    /// channels stay if none are given.
    func slid(_ window: ConvolutionGeometry, channels: Int? = nil) throws(LayerDescriptionError)
        -> TracedShape
    {
        let sizes = try requiringRank(window.kernel.count + 2)
        var result = [sizes[0], channels ?? sizes[1]]
        for k in window.kernel.indices {
            guard let size = sizes[k + 2] else {
                result.append(nil)
                continue
            }
            let count = window.outputSizes(for: window.kernel.indices.map { $0 == k ? size : 0 })[k]
            guard count > 0 else {
                throw LayerDescriptionError("has a kernel that does not fit into a size of \(size)")
            }
            result.append(count)
        }
        return .ranked(result)
    }
}
