import Fisher

/// A network of one hidden layer with tanh in float64, for any likelihood.
struct SmallNetwork {
    /// The network.
    let model: Sequential
    private let layout: ParameterLayout

    /// Draws the weights.
    ///
    /// - Parameters:
    ///   - inputs: the numbers of an input.
    ///   - hidden: the width of the hidden layer; nil for a linear model.
    ///   - outputs: the numbers of an output.
    ///   - gain: by which the last layer's weights are multiplied.
    ///   - generator: of the weights.
    init(
        inputs: Int, hidden: Int?, outputs: Int, gain: Double = 1, using generator: RandomGenerator
    ) throws {
        let last = Linear(hidden ?? inputs, outputs, dtype: .float64, using: generator)
        try last.$weight.assign(last.weight.detached() * gain)
        var layers: [any UnaryLayer] = [last]
        if let hidden {
            layers = [Linear(inputs, hidden, dtype: .float64, using: generator), Tanh(), last]
        }
        model = Sequential(layers)
        layout = ParameterLayout(of: model.parameters.map(\.parameter.wrappedValue))
    }

    /// The outputs.
    func callAsFunction(_ inputs: Tensor) -> Tensor { model(inputs) }

    /// The number of weights.
    var parameterCount: Int { layout.count }

    /// The weights as one vector.
    var weights: Tensor {
        withoutGradients {
            layout.joined(model.parameters.map { $0.parameter.wrappedValue.detached() }).copy()
        }
    }

    /// Replaces the weights.
    func setWeights(_ vector: Tensor) throws {
        for (named, part) in zip(model.parameters, layout.split(vector)) { try named.parameter.assign(part) }
    }

    /// Tensors by parameter as one vector.
    func joined(_ found: [ParameterPath: Tensor]) -> Tensor {
        layout.joined(model.parameters.compactMap { found[$0.path] })
    }

    /// The gradient of the mean loss.
    func gradient(_ objective: () throws -> Objective) throws -> Tensor {
        joined(try CurvatureEstimator(of: model).estimate([.gradient], of: objective()).gradient ?? [:])
    }

    /// A whole information matrix.
    func information(_ source: CurvatureSource, _ objective: () throws -> Objective) throws -> Tensor {
        let found = try CurvatureEstimator(of: model).estimate([.full(source)], of: objective())
        guard let matrix = found.full(source)?.mean else { throw CurvatureError.noObservations }
        return matrix
    }

    /// The whole Hessian, by a product for each weight.
    func hessian(_ objective: () throws -> Objective) throws -> Tensor {
        guard let found = try CurvatureEstimator(of: model).estimate([.hessian], of: objective()).hessian
        else { throw CurvatureError.noObservations }
        let columns = Tensor.identity(layout.count, dtype: .float64).split(into: layout.count, along: 0)
        return .stacked(try columns.map { try found($0.flattened()) })
    }
}
