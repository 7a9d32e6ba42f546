// The nonlinear functions between a network's layers.

private let gaussianErrorUnit = Operation("gelu")
private let hyperbolicTangent = Operation("tanh")
private let rectifier = Operation("relu")

extension Tensor {
    /// x Phi(x), Phi the normal distribution function.
    public func gelu() -> Tensor { gaussianErrorUnit(.tensor(self)) }
    /// x Phi(x), in its approximation by tanh.
    public func geluTanh() -> Tensor { gaussianErrorUnit(.tensor(self), .string("tanh")) }
    /// The hyperbolic tangent of each element.
    public func tanh() -> Tensor { hyperbolicTangent(.tensor(self)) }
    /// max(0, x).
    public func relu() -> Tensor { rectifier(.tensor(self)) }
}
