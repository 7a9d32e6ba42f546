import Torch

/// A layer that is linear in its parameters at each position, so that its information has Kronecker factors.
public protocol KroneckerLayer: InformativeLayer {
    /// Whether it has factors as it is configured; a grouped convolution has none.
    var hasKroneckerFactors: Bool { get }

    /// The rows whose outer products sum to the factors.
    func kroneckerRows(of use: LayerActivation) -> KroneckerRows

    /// The sums over all positions of a^2, with a trailing 1 if there is a bias, and of s^2, and the number
    /// of positions: the diagonals of the factors, if they are cheaper than by `kroneckerRows`. Nil if they
    /// are not.
    func factorDiagonals(of use: LayerActivation) -> (inputs: Tensor, outputs: Tensor, count: Int)?
}

extension KroneckerLayer {
    public var hasKroneckerFactors: Bool { true }

    public func factorDiagonals(of use: LayerActivation) -> (inputs: Tensor, outputs: Tensor, count: Int)? {
        nil
    }
}

/// The rows whose outer products sum to Kronecker factors.
public struct KroneckerRows {
    /// The layer's inputs a, without the trailing 1 of a bias, [units, positions, inputs].
    public let inputs: Tensor
    /// The gradients s of the layer's outputs, [units, positions, outputs].
    public let outputGradients: Tensor
    /// Whether a has a trailing 1, because the layer has a bias.
    public let hasBias: Bool
    /// Which positions take part in the factors, Booleans [units, positions]; nil if all do.
    package var participants: Tensor?

    /// Gathers the rows of a layer's use.
    public init(inputs: Tensor, outputGradients: Tensor, hasBias: Bool) {
        self.inputs = inputs
        self.outputGradients = outputGradients
        self.hasBias = hasBias
    }
}
