import NeuralNet
import Torch

/// Computes a ``ModelInspection`` batch by batch.
///
/// A batch costs a forward pass, a backward pass at its labels, and as many more as there are draws, or factors of the
/// closed form and positions. The inspection costs an eigendecomposition of every factor, and for each layer a Gram matrix
/// of `rows` x `rows` with its decomposition: about rows^2 (parameters + 10 rows) multiplications. The memory is that of
/// the factors and diagonals, of what the layers captured for the units of the Gram matrices, and of a few of these.
public struct ModelInspector {
    /// The most backward passes of a batch for which the closed form is taken where nothing is said.
    public static let closedFormPasses = 16
    /// The most rows of a Gram matrix that are taken where nothing is said.
    public static let mostRows = 2048
    /// The multiplications that the Gram matrices of all layers may cost where nothing is said.
    private static let mostProducts = 2e11
    /// The draws of labels that are taken where the closed form needs more passes than that.
    public static let draws = 16

    private let model: any Module
    private let estimator: CurvatureEstimator
    private let samples: Int?
    private let rows: Int
    private let seed: UInt64
    private var source: CurvatureSource?
    private var batches = 0
    private var found: CurvatureEstimates?
    private var gradients: (truth: UnitGradients, empirical: UnitGradients)?

    /// Prepares the inspection of a model, which is switched to evaluation.
    ///
    /// Throws `unsupportedParameters` if a layer does not compute per-sample gradients, with their paths.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - samples: draws of labels per batch that estimate the true information; 0 takes the closed form, which costs a
    ///     backward pass for each output and position. By default the closed form where that is at most
    ///     ``closedFormPasses``, otherwise ``draws``.
    ///   - rows: the most rows of a Gram matrix: units times passes. By default ``mostRows``, fewer for models of more than
    ///     some 50,000 parameters, so that rows^2 parameters stay at some seconds of work; at least the passes of two units.
    ///   - seed: of the draws.
    public init(
        of model: any Module, samples: Int? = nil, rows: Int? = nil, seed: UInt64 = 0
    ) throws(CurvatureError) {
        precondition(samples ?? 0 >= 0 && rows ?? 1 > 0)
        model.setTraining(false)
        self.model = model
        self.samples = samples
        self.seed = seed
        estimator = try CurvatureEstimator(of: model)
        let count = estimator.parameters.reduce(0) { $0 + $1.parameter.wrappedValue.count }
        let affordable = Int((Self.mostProducts / Double(max(count, 1))).squareRoot())
        self.rows = rows ?? min(Self.mostRows, max(2 * Self.draws, affordable))
        try estimator.check(Self.requests(.exact))
    }

    private static func requests(_ source: CurvatureSource) -> [CurvatureRequest] {
        [
            .diagonal(source), .kronecker(source), .layerMeans(source), .diagonal(.empirical),
            .kronecker(.empirical),
        ]
    }

    /// Adds a batch.
    ///
    /// - Parameters:
    ///   - objective: computes the objective of the batch; the forward pass must run in this expression. For the first batch
    ///     it may be computed twice.
    ///   - units: the length of the first axis; by default that of the layers' outputs.
    public mutating func add(_ objective: @autoclosure () throws -> Objective, units: Int? = nil) throws {
        batches += 1
        let chosen = try SourceChoice(
            samples: samples, most: Self.closedFormPasses, draws: Self.draws, known: source,
            try withoutGradients(objective))
        source = chosen.source
        let room = max(1, (rows - (gradients?.truth.rowCount ?? 0)) / chosen.passCount)
        let isFull = gradients.map { $0.truth.rowCount + chosen.passCount > rows } ?? false
        let kept: [CurvatureRequest] =
            isFull
            ? [] : [.unitGradients(chosen.source, units: room), .unitGradients(.empirical, units: room)]
        let draws = seed &+ UInt64(batches) &* SplitMix64.increment
        let new = try estimator.estimate(
            Self.requests(chosen.source) + kept, of: objective(), units: units,
            using: try RandomGenerator(seed: draws))
        if let truth = new.unitGradients(chosen.source, units: room),
            let empirical = new.unitGradients(.empirical, units: room)
        {
            gradients =
                try gradients.map {
                    (try $0.truth.adding(truth), try $0.empirical.adding(empirical))
                } ?? (truth, empirical)
        }
        found = try found.map { try $0 + new } ?? new
    }

    /// The inspection of all batches.
    ///
    /// - Parameter each: called before a layer's block is analyzed, for progress; an error that it throws ends the
    ///   inspection.
    public func inspection(before each: (ParameterPath) throws -> Void = { _ in }) throws -> ModelInspection {
        guard let source, let gradients, let truth = found?.diagonal(source),
            let empirical = found?.diagonal(.empirical), let trueFactors = found?.kronecker(source),
            let empiricalFactors = found?.kronecker(.empirical), let means = found?.layerMeans(source)
        else { throw CurvatureError.noObservations }
        let kinds = Dictionary(
            uniqueKeysWithValues: model.modules.map { ($0.path, String(describing: type(of: $0.module))) })
        let (trueMean, empiricalMean) = (truth.mean, empirical.mean)
        func sum(_ tensors: [Tensor?]) throws -> Double {
            try tensors.reduce(0.0) { $0 + (try $1?.sum(dtype: .float64).item() ?? 0) }
        }
        let blocks = gradients.truth.blocks
        for block in blocks {
            let (own, other) = (trueFactors.layers[block.path], empiricalFactors.layers[block.path])
            let parts = block.paths.flatMap { [trueMean[$0], empiricalMean[$0]] }
            for part in (parts + [own?.inputs, own?.outputs, other?.outputs]).compactMap(\.self)
            where try part.nonFiniteElement() != nil {
                throw NonFiniteError(source: "the information of \(block.path)")
            }
        }
        let isWide = trueMean.values.allSatisfy { $0.dtype == .float64 }
        let analysis = try withoutGradients {
            // Gradients in float32 are known to some 1e-6, their squares to that squared.
            try BlockAnalysis(
                gradients.truth, empirical: gradients.empirical, cutoff: isWide ? 1e-12 : 1e-10, before: each)
        }
        let layers = try blocks.map { block -> LayerInspection in
            guard let layer = analysis.layers[block.path] else {
                preconditionFailure("every block is analyzed")
            }
            let path = block.path
            return LayerInspection(
                path: path, kind: kinds[path] ?? "", parameterCount: block.parameterCount,
                trace: try sum(block.paths.map { trueMean[$0] }),
                empiricalTrace: try sum(block.paths.map { empiricalMean[$0] }), block: layer.block,
                errors: layer.errors, diagonalComparison: layer.diagonalComparison,
                blockComparison: layer.blockComparison,
                factors: try factors(
                    means.sums[path], trueFactors.layers[path], empiricalFactors.layers[path]))
        }
        let diagonal = blocks.flatMap(\.paths).compactMap { path in
            trueMean[path].map { (path: path, values: $0) }
        }
        return ModelInspection(
            layers: layers, whole: analysis.whole, betweenLayersShare: analysis.betweenLayersShare,
            unbiasedBetweenLayersShare: analysis.unbiasedBetweenLayersShare,
            comparison: analysis.comparison, takeuchi: analysis.takeuchi, dampings: analysis.dampings,
            leastInformed: try LeastInformed(in: diagonal), source: source,
            observationCount: truth.observationCount, unitCount: gradients.truth.unitCount,
            rowCount: gradients.truth.rowCount)
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
