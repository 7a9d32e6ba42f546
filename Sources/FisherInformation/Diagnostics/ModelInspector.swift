import NeuralNet
import Torch

/// Computes a ``ModelInspection`` batch by batch.
///
/// A batch costs a forward pass, a backward pass at its labels, and as many more as labels are drawn; the memory is
/// that of the factors and diagonals.
public struct ModelInspector {
    private let model: any Module
    private let estimator: CurvatureEstimator
    private let source: CurvatureSource
    private let seed: UInt64
    private var batches = 0
    private var found: CurvatureEstimates?

    /// Prepares the inspection of a model, which is switched to evaluation.
    ///
    /// Throws `unsupportedParameters` if a layer does not compute per-sample gradients, with their paths.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - samples: draws of labels per batch that estimate the true information; 0 takes the closed form,
    ///     which costs a backward pass for each output and position.
    ///   - seed: of the draws.
    public init(of model: any Module, samples: Int = 1, seed: UInt64 = 0) throws(CurvatureError) {
        precondition(samples >= 0)
        model.setTraining(false)
        self.model = model
        estimator = try CurvatureEstimator(of: model)
        source = samples > 0 ? .sampled(samples) : .exact
        self.seed = seed
        try estimator.check(requests)
    }

    private var requests: [CurvatureRequest] {
        [
            .diagonal(source), .kronecker(source), .layerMeans(source), .diagonal(.empirical),
            .kronecker(.empirical),
        ]
    }

    /// Adds a batch.
    ///
    /// - Parameters:
    ///   - objective: computes the objective of the batch; the forward pass must run in this expression.
    ///   - units: the length of the first axis; by default that of the layers' outputs.
    public mutating func add(_ objective: @autoclosure () throws -> Objective, units: Int? = nil) throws {
        batches += 1
        let draws = seed &+ UInt64(batches) &* SplitMix64.increment
        let new = try estimator.estimate(
            requests, of: objective(), units: units, using: try RandomGenerator(seed: draws))
        found = try found.map { try $0 + new } ?? new
    }

    /// The inspection of all batches. Costs an eigendecomposition of every factor.
    public func inspection() throws -> ModelInspection {
        guard let truth = found?.diagonal(source), let empirical = found?.diagonal(.empirical),
            let trueFactors = found?.kronecker(source), let empiricalFactors = found?.kronecker(.empirical),
            let means = found?.layerMeans(source)
        else { throw CurvatureError.noObservations }
        let kinds = Dictionary(
            uniqueKeysWithValues: model.modules.map { ($0.path, String(describing: type(of: $0.module))) })
        let named = model.parameters.filter(\.parameter.isTrainable)
        var order: [ParameterPath] = []
        var members: [ParameterPath: [NamedParameter]] = [:]
        for parameter in named {
            let layer = parameter.path.parent
            if members[layer] == nil { order.append(layer) }
            members[layer, default: []].append(parameter)
        }
        let (trueMean, empiricalMean) = (truth.mean, empirical.mean)
        let layers = try order.map { path -> LayerInspection in
            let parameters = members[path] ?? []
            let paths = parameters.map(\.path)
            let (own, other) = (trueFactors.layers[path], empiricalFactors.layers[path])
            let parts = paths.flatMap { [trueMean[$0], empiricalMean[$0]] }
            for part in (parts + [own?.inputs, own?.outputs, other?.outputs]).compactMap(\.self)
            where try part.nonFiniteElement() != nil {
                throw NonFiniteError(source: "the information of \(path)")
            }
            let elements = try paths.flatMap { try trueMean[$0]?.scalars(as: Double.self) ?? [] }
            let factors = try factors(means.sums[path], own, other)
            return LayerInspection(
                path: path, kind: kinds[path] ?? "",
                parameterCount: parameters.reduce(0) { $0 + $1.parameter.wrappedValue.count },
                trace: elements.reduce(0, +),
                empiricalTrace: try paths.reduce(0.0) {
                    $0 + (try empiricalMean[$1]?.sum(dtype: .float64).item() ?? 0)
                },
                comparison: try InformationComparison(empiricalMean, to: trueMean, of: paths),
                factors: factors, diagonal: Spectrum(values: elements))
        }
        let diagonal = named.compactMap { parameter in
            trueMean[parameter.path].map { (path: parameter.path, values: $0) }
        }
        return ModelInspection(
            layers: layers, leastInformed: try LeastInformed(in: diagonal), source: source,
            observationCount: truth.observationCount)
    }

    private func factors(
        _ sums: LayerRowSums?, _ found: KroneckerFactors?, _ empirical: KroneckerFactors?
    ) throws -> LayerInspection.Factors? {
        guard let found, let empirical else { return nil }
        let rows = Double(max(sums?.rowCount ?? 1, 1))
        return LayerInspection.Factors(
            inputs: try FactorInspection(of: found.a, mean: sums.map { $0.inputs / rows }),
            // S is divided by the number of observations, which is not always that of the rows.
            outputs: try FactorInspection(
                of: found.s, mean: sums.map { $0.outputs / rows },
                weight: rows / Double(max(found.observationCount, 1))),
            comparison: try empirical.compared(to: found))
    }
}
