import NeuralNet
import Torch

/// Gathers, batch by batch, what ``ModelInspection`` tells of a model.
///
/// A batch costs five forward and four backward passes and as many more as labels are drawn; the memory is that of
/// the factors and diagonals.
public struct ModelInspector {
    /// The sums of a factor's rows, whose mean a diagonal does not keep.
    private struct Means {
        var inputs: Tensor
        var outputs: Tensor
        var rows: Int
    }

    private let model: any Module
    private let estimator: CurvatureEstimator
    private let source: CurvatureSource
    private let seed: UInt64
    private var batches = 0
    private var truth: DiagonalInformation?
    private var empirical: DiagonalInformation?
    private var trueFactors: KroneckerInformation?
    private var empiricalFactors: KroneckerInformation?
    private var means: [ParameterPath: Means] = [:]

    /// Prepares the inspection of a model, which is switched to evaluation.
    ///
    /// Throws `unsupportedParameters` where a layer does not tell its units' gradients, with their paths.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - samples: draws of labels a batch that stand for the true information; 0 takes the closed form, which
    ///     costs a backward pass for each output and position.
    ///   - seed: of the draws.
    public init(of model: any Module, samples: Int = 1, seed: UInt64 = 0) throws(CurvatureError) {
        precondition(samples >= 0)
        model.setTraining(false)
        self.model = model
        estimator = try CurvatureEstimator(of: model)
        source = samples > 0 ? .sampled(samples) : .exact
        self.seed = seed
    }

    /// Adds a batch.
    public mutating func add<Model: Samplable & ClosedFormFisher>(
        units: Int, observing observed: Model.Observation, _ forward: () throws -> Model
    ) throws {
        batches += 1
        let draws = seed &+ UInt64(batches) &* SplitMix64.increment
        let own = try estimator.diagonal(
            source, units: units, observing: observed, using: try RandomGenerator(seed: draws), forward)
        let atLabels = try estimator.diagonal(.empirical, units: units, observing: observed, forward)
        let ownFactors = try estimator.kronecker(
            source, units: units, observing: observed, using: try RandomGenerator(seed: draws), forward)
        let labelFactors = try estimator.kronecker(.empirical, units: units, observing: observed, forward)
        try addMeans(observed, using: try RandomGenerator(seed: draws), forward)
        try truth?.add(own)
        try empirical?.add(atLabels)
        try trueFactors?.add(ownFactors)
        try empiricalFactors?.add(labelFactors)
        truth = truth ?? own
        empirical = empirical ?? atLabels
        trueFactors = trueFactors ?? ownFactors
        empiricalFactors = empiricalFactors ?? labelFactors
    }

    /// Sums the rows of every layer with factors; the draws of labels are those of the factors, as the generator
    /// is in the same state. Under the closed form the outputs' gradients have the mean zero.
    private mutating func addMeans<Model: Samplable & ClosedFormFisher>(
        _ observed: Model.Observation, using generator: RandomGenerator, _ forward: () throws -> Model
    ) throws {
        let recorder = ActivationRecorder()
        let likelihood = try model.capturing(by: recorder) { () throws -> Model in try forward() }
        let layers = Dictionary(
            uniqueKeysWithValues: model.modules.compactMap { path, module in
                (module as? any KroneckerLayer).flatMap { $0.hasKroneckerFactors ? (path, $0) : nil }
            })
        let count = if case .sampled(let draws) = source { draws } else { 0 }
        for draw in 0..<max(count, 1) {
            let labels = count > 0 ? likelihood.sample(like: observed, using: generator) : observed
            let returned = try gradients(
                of: [likelihood.negativeLogLikelihood(of: labels)], seeds: [nil],
                withRespectTo: recorder.uses.map(\.output), keepGraph: draw + 1 < count)
            for (use, gradient) in zip(recorder.uses, returned) {
                guard let layer = layers[use.path], let gradient else { continue }
                let found = withoutGradients {
                    layer.kroneckerRows(of: LayerActivation(input: use.input, outputGradient: gradient))
                        .everyPosition
                }
                try found.inputs.check()
                let rows = found.inputs.shape[0]
                let inputs = found.inputs.to(dtype: .float64).sum(along: 0)
                let outputs = found.outputGradients.to(dtype: .float64).sum(along: 0) / Double(max(count, 1))
                let part = Means(
                    inputs: inputs, outputs: count > 0 ? outputs : outputs * 0, rows: draw == 0 ? rows : 0)
                means[use.path] =
                    means[use.path].map {
                        Means(
                            inputs: draw == 0 ? $0.inputs + part.inputs : $0.inputs,
                            outputs: $0.outputs + part.outputs, rows: $0.rows + part.rows)
                    } ?? part
            }
        }
    }

    /// What was gathered. Costs the eigenvalues of every factor.
    public func inspection() throws -> ModelInspection {
        guard let truth, let empirical, let trueFactors, let empiricalFactors else {
            throw CurvatureError.noObservations
        }
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
            let elements = try paths.flatMap { try trueMean[$0]?.scalars(as: Double.self) ?? [] }
            let factors = try self.factors(path, trueFactors.layers[path], empiricalFactors.layers[path])
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
        _ path: ParameterPath, _ found: KroneckerFactors?, _ empirical: KroneckerFactors?
    ) throws -> LayerInspection.Factors? {
        guard let found, let empirical else { return nil }
        let sums = means[path]
        let rows = Double(max(sums?.rows ?? 1, 1))
        return LayerInspection.Factors(
            inputs: try FactorInspection(of: found.a, mean: sums.map { $0.inputs / rows }),
            // S is divided by the observations, of which a row is not always one.
            outputs: try FactorInspection(
                of: found.s, mean: sums.map { $0.outputs / rows },
                weight: rows / Double(max(found.observationCount, 1))),
            comparison: try empirical.compared(to: found))
    }
}
