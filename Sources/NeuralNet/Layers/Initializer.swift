import Torch

/// The distribution from which a parameter's first values are drawn.
public enum Initializer: Hashable, Sendable {
    /// The same number everywhere.
    case constant(Double)
    /// Draws from the normal distribution N(0, s^2).
    case normal(standardDeviation: Double)
    /// Draws from the uniform distribution U(-a, a).
    case uniform(bound: Double)
    /// Draws from U(-a, a) with a = sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010).
    case glorotUniform
    /// Draws from N(0, 2 / inputs) (He et al. 2015).
    case heNormal

    /// Draws a tensor. Inputs are the product of all dimensions but the first, outputs the first.
    public func callAsFunction(
        _ shape: [Int], dtype: DType = .float32, using generator: RandomGenerator
    ) -> Tensor {
        let outputs = Double(shape.first ?? 1)
        let inputs = Double(shape.dropFirst().reduce(1, *))
        switch self {
        case .constant(let value): return .full(shape, value, dtype: dtype)
        case .normal(let deviation):
            return .normal(shape, standardDeviation: deviation, dtype: dtype, using: generator)
        case .uniform(let bound):
            return .uniform(shape, from: -bound, to: bound, dtype: dtype, using: generator)
        case .glorotUniform:
            let bound = (6 / (inputs + outputs)).squareRoot()
            return .uniform(shape, from: -bound, to: bound, dtype: dtype, using: generator)
        case .heNormal:
            return .normal(
                shape, standardDeviation: (2 / inputs).squareRoot(), dtype: dtype, using: generator)
        }
    }
}
