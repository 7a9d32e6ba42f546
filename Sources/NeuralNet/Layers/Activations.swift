import Torch

/// The hyperbolic tangent.
public final class Tanh: UnaryLayer {
    /// Makes the layer.
    public init() {}
    /// The hyperbolic tangent of each element.
    public func callAsFunction(_ input: Tensor) -> Tensor { input.tanh() }
}

/// The rectifier, max(0, x).
public final class ReLU: UnaryLayer {
    /// Makes the layer.
    public init() {}
    /// The larger of each element and 0.
    public func callAsFunction(_ input: Tensor) -> Tensor { input.relu() }
}

/// The logistic function, 1 / (1 + exp(-x)).
public final class Sigmoid: UnaryLayer {
    /// Makes the layer.
    public init() {}
    /// The logistic function of each element.
    public func callAsFunction(_ input: Tensor) -> Tensor { input.sigmoid() }
}

/// x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016).
public final class GELU: UnaryLayer {
    /// Whether Phi is approximated by tanh.
    public let isApproximate: Bool

    /// Makes the layer; exact unless the approximation by tanh is asked for.
    public init(isApproximate: Bool = false) { self.isApproximate = isApproximate }
    /// x Phi(x) of each element.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        isApproximate ? input.geluTanh() : input.gelu()
    }
}
