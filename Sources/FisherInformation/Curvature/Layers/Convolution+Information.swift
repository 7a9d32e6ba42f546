import NeuralNet
import Torch

/// A convolution is a linear map of patches: G_n = sum over positions of s_nt patch_nt^T, group by group.
protocol ConvolutionInformation: KroneckerLayer, ConvolutionLayer {
    /// The weight as a parameter.
    var weightParameter: Parameter { get }
}

extension Conv1d: ConvolutionInformation {
    var weightParameter: Parameter { $weight }
}

extension Conv2d: ConvolutionInformation {
    var weightParameter: Parameter { $weight }
}

extension ConvolutionInformation {
    public var informativeParameters: [Parameter] { [weightParameter] + (bias.map { [$0] } ?? []) }

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

    /// sum of a^2, with a trailing 1 where there is a bias, and of s^2 over all positions, and their number: the
    /// squares of all patches add up to the patches of the added squares.
    func factorDiagonals(of use: LayerActivation) -> (inputs: Tensor, outputs: Tensor, count: Int)? {
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
