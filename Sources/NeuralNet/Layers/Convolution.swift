import Torch

/// A convolution of any number of spatial dimensions.
///
/// A convolution is a linear map of patches: each unit's gradient is the sum over positions of s_nt patch_nt^T,
/// group by group.
public protocol ConvolutionLayer: UnaryLayer, KroneckerLayer {
    /// The kernels, shape [outputs, inputs / groups, kernel sizes...].
    var weight: Tensor { get }
    /// The bias by output channel, shape [outputs], if there is one.
    var bias: Parameter? { get }
    /// Which elements of the input the kernels read.
    var geometry: ConvolutionGeometry { get }
    /// The number of spatial dimensions.
    static var rank: Int { get }

    /// Draws the kernels for a geometry, which must have `rank` dimensions; the bias starts at zero.
    init(
        _ inputs: Int, _ outputs: Int, geometry: ConvolutionGeometry, bias: Bool, weight: Initializer?,
        dtype: DType, using generator: RandomGenerator)
}

extension ConvolutionLayer {
    /// W and b, checked against the rank that the layer has: W drawn by default from U(-a, a) with
    /// a = 1 / sqrt(elements that an output reads), b zero.
    static func parameters(
        _ inputs: Int, _ outputs: Int, _ geometry: ConvolutionGeometry, bias: Bool, weight: Initializer?,
        dtype: DType, using generator: RandomGenerator
    ) -> (weight: Parameter, bias: Parameter?) {
        let complaint = complaint(inputs, outputs, geometry)
        let shape = complaint == nil ? [outputs, inputs / geometry.groups] + geometry.kernel : []
        let standard = Initializer.uniform(bound: 1 / Double(shape.dropFirst().reduce(1, *)).squareRoot())
        return (
            Parameter(unless: complaint) { (weight ?? standard)(shape, dtype: dtype, using: generator) },
            bias ? Parameter(unless: complaint) { .zeros([outputs], dtype: dtype) } : nil
        )
    }

    private static func complaint(_ inputs: Int, _ outputs: Int, _ geometry: ConvolutionGeometry) -> String? {
        if let complaint = geometry.complaint { return complaint }
        if geometry.kernel.count != rank {
            return "a conv\(rank)d needs a kernel of \(rank) dimensions, not \(geometry.kernel.count)"
        }
        if inputs < 1 || outputs < 1 {
            return "a convolution from \(inputs) to \(outputs) channels has none to read or to write"
        }
        if inputs % geometry.groups != 0 || outputs % geometry.groups != 0 {
            return "\(geometry.groups) groups do not divide \(inputs) inputs and \(outputs) outputs"
        }
        return nil
    }

    func convolve(_ input: Tensor) -> Tensor {
        input.convolved(
            weight: weight, bias: bias?.wrappedValue, stride: geometry.stride, padding: geometry.padding,
            dilation: geometry.dilation, groups: geometry.groups)
    }
}

extension ConvolutionLayer {
    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        let patches = geometry.patches(of: use.input)
        // [units, groups, outputs / groups, positions]
        let s = use.outputGradient.flattened(from: 2).unflattened(1, into: [geometry.groups, -1])
        let weight = s.matmul(patches.transposed(2, 3)).reshaped([-1] + self.weight.shape)
        return bias == nil ? [weight] : [weight, use.outputGradient.flattened(from: 2).sum(along: 2)]
    }

    public func workingByteCount(of use: LayerActivation) -> Int {
        let positions = use.outputGradient.shape.dropFirst(2).reduce(1, *)
        return positions * weight.count / max(weight.shape[0], 1) * geometry.groups * weight.dtype.byteCount
    }

    public func unitProducts(of use: LayerActivation, with directions: [Tensor]) -> Tensor {
        let output = use.input.convolved(
            weight: directions[0], bias: bias == nil ? nil : directions[1], stride: geometry.stride,
            padding: geometry.padding, dilation: geometry.dilation, groups: geometry.groups)
        return (output * use.outputGradient).flattened(from: 1).sum(along: 1)
    }

    public var hasKroneckerFactors: Bool { geometry.groups == 1 }

    public func kroneckerRows(of use: LayerActivation) -> KroneckerRows {
        KroneckerRows(
            inputs: geometry.patches(of: use.input).flattened(from: 1, to: 2).transposed(1, 2),
            outputGradients: use.outputGradient.flattened(from: 2).transposed(1, 2), hasBias: bias != nil)
    }

    /// The squares of all patches add up to the patches of the added squares.
    public func factorDiagonals(of use: LayerActivation) -> (inputs: Tensor, outputs: Tensor, count: Int)? {
        let (x, g) = (use.input, use.outputGradient)
        if x.failure != nil || g.failure != nil { return nil }
        let image = x.squared().sum(along: 0, keepingDimensions: true)
        var squares = geometry.patches(of: image).flattened(from: 0, to: 2).sum(along: 1)
        let count = g.count / max(g.shape[1], 1)
        if bias != nil {
            squares = .concatenated([
                squares, .full([1], Double(count), dtype: squares.dtype, device: squares.device),
            ])
        }
        return (squares, g.squared().sum(along: 0).flattened(from: 1).sum(along: 1), count)
    }
}

/// Cross-correlation along one dimension: y[o, t] = b[o] + sum over c, k of W[o, c, k] x[c, s t + d k - p].
public final class Conv1d: ConvolutionLayer {
    /// The kernels W, shape [outputs, inputs / groups, kernel].
    @Parameter public var weight: Tensor
    /// The bias b, shape [outputs], if there is one.
    public let bias: Parameter?
    public let geometry: ConvolutionGeometry
    public static let rank = 1
    /// The description of a layer in JSON: `{"conv1d": {"in": 1, "out": 4, "kernel": 3}}`.
    public typealias Description = ConvolutionDescription<Conv1d>
    public var informativeParameters: [Parameter] { [$weight] + (bias.map { [$0] } ?? []) }
    let site = CaptureSite()

    /// Draws the kernels W; the bias b starts at zero.
    ///
    /// W is drawn by default from U(-a, a) with a = 1 / sqrt(inputs / groups * kernel).
    public convenience init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, weight: Initializer? = nil, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        let geometry = ConvolutionGeometry(
            kernel: [kernel], stride: [stride], padding: [padding], dilation: [dilation], groups: groups)
        self.init(
            inputs, outputs, geometry: geometry, bias: bias, weight: weight, dtype: dtype, using: generator)
    }

    /// Draws the kernels W for a geometry, which must have one dimension; b starts at zero.
    public init(
        _ inputs: Int, _ outputs: Int, geometry: ConvolutionGeometry, bias: Bool = true,
        weight: Initializer? = nil, dtype: DType = .float32, using generator: RandomGenerator
    ) {
        self.geometry = geometry
        (_weight, self.bias) = Self.parameters(
            inputs, outputs, geometry, bias: bias, weight: weight, dtype: dtype, using: generator)
    }

    /// The output [batch, outputs, positions] for an input [batch, inputs, size].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.record(input: input, output: convolve(input))
    }
}

/// Cross-correlation over an image: y[o, t] = b[o] + sum over c, k of W[o, c, k] x[c, s t + d k - p], with t
/// and k pairs of row and column.
public final class Conv2d: ConvolutionLayer {
    /// The kernels W, shape [outputs, inputs / groups, kernel height, kernel width].
    @Parameter public var weight: Tensor
    /// The bias b, shape [outputs], if there is one.
    public let bias: Parameter?
    public let geometry: ConvolutionGeometry
    public static let rank = 2
    /// The description of a layer in JSON: `{"conv2d": {"in": 1, "out": 4, "kernel": 3}}`.
    public typealias Description = ConvolutionDescription<Conv2d>
    public var informativeParameters: [Parameter] { [$weight] + (bias.map { [$0] } ?? []) }
    let site = CaptureSite()

    /// Draws the kernels W; the bias b starts at zero.
    ///
    /// W is drawn by default from U(-a, a) with a = 1 / sqrt(inputs / groups * kernel elements).
    public convenience init(
        _ inputs: Int, _ outputs: Int, kernel: Size2d, stride: Size2d = 1, padding: Size2d = 0,
        dilation: Size2d = 1, groups: Int = 1, bias: Bool = true, weight: Initializer? = nil,
        dtype: DType = .float32, using generator: RandomGenerator
    ) {
        let geometry = ConvolutionGeometry(
            kernel: kernel.sizes, stride: stride.sizes, padding: padding.sizes, dilation: dilation.sizes,
            groups: groups)
        self.init(
            inputs, outputs, geometry: geometry, bias: bias, weight: weight, dtype: dtype, using: generator)
    }

    /// Draws the kernels W for a geometry, which must have two dimensions; b starts at zero.
    public init(
        _ inputs: Int, _ outputs: Int, geometry: ConvolutionGeometry, bias: Bool = true,
        weight: Initializer? = nil, dtype: DType = .float32, using generator: RandomGenerator
    ) {
        self.geometry = geometry
        (_weight, self.bias) = Self.parameters(
            inputs, outputs, geometry, bias: bias, weight: weight, dtype: dtype, using: generator)
    }

    /// The output [batch, outputs, height, width] for an input [batch, inputs, height, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.record(input: input, output: convolve(input))
    }

    /// A layer that cannot be, for the reason given, which its output holds.
    init(failing complaint: String) {
        geometry = ConvolutionGeometry(
            kernel: [1, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1)
        _weight = Parameter(wrappedValue: Tensor(failed: TorchError(message: complaint)))
        bias = nil
    }

    /// The output, of whose rows only the first `heights` of each sample are no padding.
    func callAsFunction(_ input: Tensor, heights: [Int]) -> Tensor {
        let output = convolve(input)
        func present() -> Tensor? {
            guard output.failure == nil, heights.contains(where: { $0 < output.shape[2] }) else { return nil }
            let flags = heights.flatMap { height in
                (0..<output.shape[2]).flatMap { row in
                    [Float](repeating: row < height ? 1 : 0, count: output.shape[3])
                }
            }
            return Tensor(flags, shape: [heights.count, output.shape[2] * output.shape[3]]).equals(1)
                .to(device: output.device)
        }
        return site.record(input: input, output: output, present: present())
    }
}

/// The description of a convolution; each list has a number for each spatial dimension.
public struct ConvolutionDescription<Layer: ConvolutionLayer>: LayerDescription {
    public static var kind: String { "conv\(Layer.rank)d" }
    public static var options: [LayerOption<Self>] {
        [
            .required("in", \.inputs, .size), .required("out", \.outputs, .size),
            .required("kernel", \.kernel, .sizes(rank: Layer.rank)),
            .optional("stride", \.stride, .sizes(rank: Layer.rank)),
            .optional("padding", \.padding, .sizes(rank: Layer.rank, from: 0)),
            .optional("dilation", \.dilation, .sizes(rank: Layer.rank)),
            .optional("groups", \.groups, .size), .optional("bias", \.bias, .flag),
        ]
    }
    var inputs: Int
    var outputs: Int
    var kernel: [Int]
    var stride: [Int]
    var padding: [Int]
    var dilation: [Int]
    var groups: Int
    var bias: Bool

    public init() { self.init(inputs: 0, outputs: 0, kernel: []) }

    /// Describes a layer; stride and dilation are 1 and the padding 0 unless given.
    public init(
        inputs: Int, outputs: Int, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil,
        dilation: [Int]? = nil, groups: Int = 1, bias: Bool = true
    ) {
        func all(_ value: Int) -> [Int] { Array(repeating: value, count: Layer.rank) }
        (self.inputs, self.outputs, self.kernel) = (inputs, outputs, kernel)
        self.stride = stride ?? all(1)
        self.padding = padding ?? all(0)
        self.dilation = dilation ?? all(1)
        self.groups = groups
        self.bias = bias
    }

    private var geometry: ConvolutionGeometry {
        ConvolutionGeometry(
            kernel: kernel, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }

    public func check() throws(LayerDescriptionError) {
        if inputs % groups != 0 || outputs % groups != 0 {
            throw LayerDescriptionError(
                "has \(groups) groups, which do not divide \(inputs) inputs and \(outputs) outputs")
        }
        try requireElements([outputs, inputs / groups] + kernel)
    }

    public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
        let sizes = TracedShape.ranked(try input.requiringRank(Layer.rank + 2))
        return try sizes.requiringChannels(inputs).slid(geometry, channels: outputs)
    }

    public var parameterShapes: [(name: String, shape: [Int])]? {
        [("weight", [outputs, inputs / max(groups, 1)] + kernel)] + (bias ? [("bias", [outputs])] : [])
    }

    public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
        Layer(
            inputs, outputs, geometry: geometry, bias: bias, weight: nil, dtype: dtype, using: generator)
    }
}
