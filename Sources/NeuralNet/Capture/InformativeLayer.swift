import Torch

/// A layer that computes per-sample gradients from its recorded input and the gradient of its output.
///
/// A unit is an index of the first axis: a sample, or a whole sequence. The layer holds a ``CaptureSite`` and
/// returns its output through it; every structure of Fisher information that needs per-sample gradients then
/// supports its parameters.
///
/// Only `informativeParameters` and `unitGradients` are needed; the others save time and memory if there is a
/// cheaper method.
public protocol InformativeLayer: Module {
    /// The parameters whose gradients the layer computes.
    var informativeParameters: [Parameter] { get }

    /// Whether the outputs of a unit depend on the others of its batch, as those of a batch normalization in training do:
    /// a unit then has no gradient of its own, only a contribution to that of the batch. False by default.
    var couplesUnits: Bool { get }

    /// What of a use's input the functions below take as the input of a ``LayerActivation``, computed once for all units;
    /// the input itself by default.
    func captured(_ input: Tensor) -> Tensor

    /// Each unit's gradient with respect to each parameter, summed over the unit's positions: shape [units]
    /// and the parameter's, in the order of `informativeParameters`; nil for one that this use does not
    /// reach.
    func unitGradients(of use: LayerActivation) -> [Tensor?]

    /// The sum over units of the gradients, and of their squares, if both are cheaper than by
    /// `unitGradients`: for a layer that is used once. Nil if they are not.
    func sums(of use: LayerActivation) -> [(gradient: Tensor, squares: Tensor)?]?

    /// The product J v of each unit's gradient with directions in the parameters' shapes, [units].
    func unitProducts(of use: LayerActivation, with directions: [Tensor]) -> Tensor

    /// The product J^T u: the sum over units of the gradients, each times its weight in u [units].
    func weightedSums(of use: LayerActivation, weights: Tensor) -> [Tensor?]

    /// The working memory per unit beyond the gradients, in bytes.
    func workingByteCount(of use: LayerActivation) -> Int
}

extension InformativeLayer {
    public var couplesUnits: Bool { false }

    public func captured(_ input: Tensor) -> Tensor { input }

    public func sums(of use: LayerActivation) -> [(gradient: Tensor, squares: Tensor)?]? { nil }

    public func unitProducts(of use: LayerActivation, with directions: [Tensor]) -> Tensor {
        var total = Tensor.zeros(
            [use.outputGradient.shape[0]], dtype: use.outputGradient.dtype, device: use.outputGradient.device)
        for (gradient, direction) in zip(unitGradients(of: use), directions) {
            guard let gradient else { continue }
            total = total + (gradient * direction).flattened(from: 1).sum(along: 1)
        }
        return total
    }

    public func weightedSums(of use: LayerActivation, weights: Tensor) -> [Tensor?] {
        unitGradients(of: use).map { gradient in
            gradient.map { gradient in
                let shape = Array(gradient.shape.dropFirst())
                return weights.unsqueezed(0).matmul(gradient.flattened(from: 1)).reshaped(shape)
            }
        }
    }

    public func workingByteCount(of use: LayerActivation) -> Int { 0 }
}
