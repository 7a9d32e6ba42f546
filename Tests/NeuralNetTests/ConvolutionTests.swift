import NeuralNet
import Testing
import Torch

/// The geometry of convolutions and their patches.
@Suite struct ConvolutionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let kernel: [Int]
        let stride: [Int]
        let padding: [Int]
        let dilation: [Int]
        let groups: Int

        var geometry: ConvolutionGeometry {
            ConvolutionGeometry(
                kernel: kernel, stride: stride, padding: padding, dilation: dilation, groups: groups)
        }
        var testDescription: String { "\(geometry)" }

        /// A layer of this geometry from 4 channels to 6, and an input for it.
        func make() throws -> (layer: any ConvolutionLayer, input: Tensor) {
            let generator = try RandomGenerator(seed: 2)
            let input = Tensor.normal(
                [3, 4] + [9, 8].suffix(kernel.count), dtype: .float64, using: generator)
            if kernel.count == 1 {
                return (Conv1d(4, 6, geometry: geometry, dtype: .float64, using: generator), input)
            }
            return (Conv2d(4, 6, geometry: geometry, dtype: .float64, using: generator), input)
        }
    }

    static let cases = [
        Case(kernel: [3], stride: [1], padding: [0], dilation: [1], groups: 1),
        Case(kernel: [2], stride: [3], padding: [2], dilation: [3], groups: 2),
        Case(kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1),
        Case(kernel: [2, 3], stride: [2, 1], padding: [0, 2], dilation: [3, 1], groups: 2),
        Case(kernel: [1, 2], stride: [3, 2], padding: [1, 0], dilation: [1, 2], groups: 1),
    ]

    @Test(arguments: cases)
    func theWeightTimesThePatchesIsTheOutput(_ example: Case) throws {
        let (layer, input) = try example.make()
        let bias = try #require(layer.bias)
        try bias.assign(.normal([6], dtype: .float64, using: try RandomGenerator(seed: 3)))
        let output = layer(input)
        let sizes = example.geometry.outputSizes(for: Array(input.shape.dropFirst(2)))
        #expect(output.shape == [3, 6] + sizes)

        let groups = example.groups
        let patches = example.geometry.patches(of: input)
        #expect(
            patches.shape == [
                3, groups, 4 / groups * example.kernel.reduce(1, *), sizes.reduce(1, *),
            ])
        let rows = layer.weight.flattened(from: 1).unflattened(0, into: [groups, -1])
        let product = rows.matmul(patches).flattened(from: 1, to: 2)
        let expected = product + bias.wrappedValue.unsqueezed(-1)
        #expect(try LayerParityTests.error(output.flattened(from: 2), expected) < 1e-14)
    }

    /// <u, unfold(x)> = <fold(u), x>.
    @Test(arguments: cases.filter { $0.kernel.count == 2 })
    func foldingIsTheTransposeOfUnfolding(_ example: Case) throws {
        let (_, x) = try example.make()
        let columns = x.unfolded(
            kernel: example.kernel, dilation: example.dilation, padding: example.padding,
            stride: example.stride)
        let u = Tensor.normal(columns.shape, dtype: .float64, using: try RandomGenerator(seed: 4))
        let image = u.folded(
            into: Array(x.shape.suffix(2)), kernel: example.kernel, dilation: example.dilation,
            padding: example.padding, stride: example.stride)
        let (left, right): (Double, Double) = (try (u * columns).sum().item(), try (image * x).sum().item())
        #expect(abs(left - right) < 1e-12 * max(1, abs(left)))
    }

    @Test func aKernelThatDoesNotFitHasNoPositions() {
        let geometry = ConvolutionGeometry(
            kernel: [3, 3], stride: [2, 2], padding: [0, 1], dilation: [2, 1], groups: 1)
        #expect(geometry.outputSizes(for: [4, 1]) == [0, 1])
        #expect(geometry.outputSizes(for: [5, 6]) == [1, 3])
    }

    @Test func wrongShapesAreErrorsNotTraps() throws {
        let generator = try RandomGenerator(seed: 0)
        let conv = Conv2d(3, 2, kernel: 3, using: generator)
        let wrong: [Tensor] = [
            conv(.ones([1, 2, 5, 5])), conv(.ones([3, 5, 5])), conv(.ones([1, 3, 2, 5])),
            Conv1d(3, 2, kernel: 3, using: generator)(.ones([1, 3, 5, 5])),
            conv(Tensor(failed: TorchError(message: "earlier"))),
            GroupNorm(groups: 2, channels: 4)(.ones([2, 3, 5])), BatchNorm(3)(.ones([4, 2])),
            BatchNorm(3)(.ones([1, 3])), LSTM(3, 2, using: generator)(.ones([4, 3])),
            LSTM(3, 2, using: generator)(.ones([4, 0, 3])), LSTM(3, 2, using: generator)(.ones([4, 1, 2])),
            MaxPool2d(kernel: 4)(.ones([1, 1, 3, 3])), AveragePool2d(kernel: 2)(.ones([3])),
        ]
        for (position, tensor) in wrong.enumerated() {
            #expect(throws: TorchError.self, "\(position)") { try tensor.check() }
        }
    }
}
