import Fisher

/// A rule of the package that moves one vector in float64 with gradients that are computed outside.
package final class VectorDescent {
    private let path = ParameterPath("vector")
    private let parameter: Parameter
    private let optimizer: Optimizer

    /// Starts a rule at a vector. Throws as ``Optimizer`` does.
    package init(_ rule: any OptimizationRule, from start: Tensor) throws {
        parameter = Parameter(wrappedValue: start.to(dtype: .float64).copy())
        optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)],
            groups: [ParameterGroup(.rest, rule)])
    }

    /// The vector as it is now; later steps do not change it.
    package var vector: Tensor { parameter.wrappedValue.detached().copy() }

    /// Makes one step. Throws if the gradient is not finite.
    package func step(_ gradient: Tensor) throws { try optimizer.update(with: [path: gradient]) }
}
