import NeuralNet
import Torch

/// Estimates from any source, of a likelihood that can be sampled and knows its own Fisher information.
///
/// `.empirical` and `.minibatch` cost one backward pass, `.sampled(n)` n, and `.exact` and `.gaussNewton` one for
/// each of the likelihood's factors and each position of a sequence.
extension CurvatureEstimator {
    /// The diagonal from any source.
    ///
    /// - Parameters:
    ///   - source: where the information comes from.
    ///   - units: the length of the first axis of everything that the model computes.
    ///   - observed: the data's labels; sources of the model's own labels take their masks and their number.
    ///   - generator: for `.sampled`.
    ///   - forward: the forward pass.
    public func diagonal<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, units: Int, observing observed: Model.Observation,
        using generator: RandomGenerator? = nil, _ forward: () throws -> Model
    ) throws -> DiagonalInformation {
        try diagonal(try run(source, .diagonal, units, observed, generator, forward))
    }

    /// The whole matrix from any source; costs as `diagonal`, and the square of the number of parameters.
    public func full<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, units: Int, observing observed: Model.Observation,
        using generator: RandomGenerator? = nil, _ forward: () throws -> Model
    ) throws -> FullInformation {
        try full(try run(source, .full, units, observed, generator, forward))
    }

    /// The whole matrix of each layer from any source; layers that share a parameter have one together.
    public func blocks<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, units: Int, observing observed: Model.Observation,
        using generator: RandomGenerator? = nil, _ forward: () throws -> Model
    ) throws -> BlockInformation {
        try blocks(try run(source, .blocks, units, observed, generator, forward))
    }

    /// The Kronecker factors of the layers that are linear in their parameters, from any source but `.minibatch`.
    ///
    /// Positions enter by `sharing`. The closed form goes position by position, as positions are independent under
    /// the model.
    public func kronecker<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, sharing: WeightSharing = .expand, units: Int,
        observing observed: Model.Observation, using generator: RandomGenerator? = nil,
        _ forward: () throws -> Model
    ) throws -> KroneckerInformation {
        try kronecker(
            try run(source, .kronecker, units, observed, generator, forward), sharing: sharing)
    }

    /// The diagonals of the Kronecker factors, neither of which is formed, from any source but `.minibatch`; and the
    /// diagonal itself of parameters that have none.
    public func diagonalKronecker<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, sharing: WeightSharing = .expand, units: Int,
        observing observed: Model.Observation, using generator: RandomGenerator? = nil,
        _ forward: () throws -> Model
    ) throws -> DiagonalKroneckerInformation {
        try diagonalKronecker(
            try run(source, .diagonalKronecker, units, observed, generator, forward), sharing: sharing)
    }

    /// The information of the linear layers in the eigenbases of their own Kronecker factors (EKFAC), from any
    /// source but `.minibatch`.
    ///
    /// Keeps what all backward passes gave until it is done: for `.exact` of long sequences that is much.
    public func corrected<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, sharing: WeightSharing = .expand, units: Int,
        observing observed: Model.Observation, using generator: RandomGenerator? = nil,
        _ forward: () throws -> Model
    ) throws -> EigenvalueCorrectedInformation {
        try corrected(
            try run(source, .corrected, units, observed, generator, forward), sharing: sharing)
    }

    /// The eigenvalues of the linear layers' information in given bases.
    public func eigenvalues<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, in bases: [ParameterPath: KroneckerEigenbasis], units: Int,
        observing observed: Model.Observation, using generator: RandomGenerator? = nil,
        _ forward: () throws -> Model
    ) throws -> EigenvalueCorrectedInformation {
        try eigenvalues(try run(source, .corrected, units, observed, generator, forward), in: bases)
    }

    /// Products with the information from any source, on the scale of the mean loss.
    ///
    /// The closed forms keep the graph of the forward pass, the others what was captured, as long as the operator
    /// lives. A product costs about three passes over the network, or two for each draw.
    public func product<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, units: Int, observing observed: Model.Observation,
        using generator: RandomGenerator? = nil, _ forward: () throws -> Model
    ) throws -> SymmetricOperator {
        switch source {
        case .exact: try .fisher(of: model, observing: observed, forward)
        case .gaussNewton: try .gaussNewton(of: model, observing: observed, forward)
        case .sampled, .empirical, .improved, .minibatch:
            try product(try run(source, .operator, units, observed, generator, forward))
        }
    }

    /// The leading eigenpairs of the information from any source by Lanczos on its products.
    public func lowRank<Model: Samplable & ClosedFormFisher>(
        _ rank: Int, _ source: CurvatureSource, units: Int, observing observed: Model.Observation,
        using generator: RandomGenerator? = nil, _ forward: () throws -> Model
    ) throws -> LowRankInformation {
        var count = 0
        let product = try product(source, units: units, observing: observed, using: generator) {
            let likelihood = try forward()
            count = try likelihood.observationCount(of: observed)
            return likelihood
        }
        return try lowRank(product, source, rank: rank, observationCount: count)
    }
}
