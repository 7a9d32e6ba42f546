import NeuralNet
import Torch

/// A layer that can tell each unit's gradient from what it captured: its input, and its output's gradient.
///
/// A new kind of layer conforms in a file of its own in `Information/Layers`.
public protocol InformativeLayer: Module {
    /// Its parameters.
    var informativeParameters: [Parameter] { get }

    /// Each unit's gradient with respect to each parameter, summed over the unit's positions: shape [units] and
    /// the parameter's, in the order of `informativeParameters`; nothing for one that this use does not touch.
    func unitGradients(of use: LayerUse) -> [Tensor?]

    /// The sum over units of the gradients, and of their squares, where both are cheaper than by
    /// `unitGradients`: a layer that is used once, on one position a unit. Nothing where they are not.
    func sums(of use: LayerUse) -> [(gradient: Tensor, squares: Tensor)?]?
}

extension InformativeLayer {
    public func sums(of use: LayerUse) -> [(gradient: Tensor, squares: Tensor)?]? { nil }
}
