import FisherInformation
import NeuralNet
import Torch

/// What one group of a model asks of a batch, and what answers it.
struct StatisticsPlan {
    /// The group's parameters.
    let parameters: [NamedParameter]
    /// How they belong to layers.
    let structure: GroupStructure
    private let everything: CurvatureEstimator
    private let inLayers: CurvatureEstimator
    private let outsideLayers: CurvatureEstimator
    private let layers: [ParameterPath: any KroneckerLayer]

    init(_ parameters: [NamedParameter], of model: any Module) throws(OptimizerError) {
        self.parameters = parameters
        structure = try GroupStructure(of: parameters, in: model)
        everything = CurvatureEstimator(of: model, for: parameters)
        outsideLayers = CurvatureEstimator(of: model, for: structure.others.map { parameters[$0] })
        let outside = Set(structure.others)
        inLayers = CurvatureEstimator(
            of: model, for: parameters.indices.filter { !outside.contains($0) }.map { parameters[$0] })
        var layers: [ParameterPath: any KroneckerLayer] = [:]
        for cluster in inLayers.clusters {
            for (path, layer) in cluster.layers { layers[path] = layer as? any KroneckerLayer }
        }
        self.layers = layers
    }

    /// The estimator that answers a request; nothing for products.
    private func estimator(of request: CurvatureRequest) -> CurvatureEstimator? {
        switch request {
        case .diagonal(_, .outsideLayers): outsideLayers
        case .diagonal(_, .everything), .full, .perSampleGradients: everything
        case .kronecker, .kroneckerDiagonal, .uses, .gradientRows: inLayers
        case .products: nil
        }
    }

    /// Throws the parameters that no layer tells the units' gradients of, where a request needs them.
    func check(_ requests: [CurvatureRequest]) throws(CurvatureError) {
        for request in requests {
            guard let missing = estimator(of: request)?.uncovered, !missing.isEmpty else { continue }
            throw .unsupportedParameters(missing)
        }
    }

    /// The layers whose uses some requests need.
    func wantedLayers(_ requests: [CurvatureRequest]) -> Set<ParameterPath> {
        Set(requests.compactMap(estimator).flatMap(\.clusters).flatMap(\.layers).map(\.path))
    }

    /// The answer to a request about captured passes.
    func answer(
        _ request: CurvatureRequest, from source: CurvatureSource, _ passes: [BackwardPass],
        outputGradient: Tensor?, units: Int, observationCount: Int
    ) throws -> BatchStatistics.Answer {
        let run = PassRun(source: source, units: units, observationCount: observationCount) { take in
            for pass in passes { try take(pass) }
        }
        switch request {
        case .diagonal: return .diagonal(try (estimator(of: request) ?? everything).diagonal(run))
        case .kronecker(_, let sharing): return .kronecker(try inLayers.kronecker(run, sharing: sharing))
        case .kroneckerDiagonal(_, let sharing):
            return .kroneckerDiagonal(try inLayers.diagonalKronecker(run, sharing: sharing).layers)
        case .uses:
            return .uses(CapturedUses(run, by: inLayers))
        case .gradientRows:
            var found: [ParameterPath: GradientRows] = [:]
            for (path, layer) in layers {
                found[path] = passes.first.flatMap {
                    GradientRows(of: layer, uses: $0.uses[path] ?? [])
                }
            }
            return .gradientRows(found)
        case .perSampleGradients:
            return .perSampleGradients(
                PerSampleGradients(
                    passes, by: everything, layers: layers, units: units, observationCount: observationCount,
                    outputGradient: source == .empirical ? outputGradient : nil))
        case .full: return .full(try everything.full(run))
        case .products: preconditionFailure("products are not made of captured passes")
        }
    }
}

/// Runs slices of a batch and gathers gradients and statistics in as few passes as there are sources of labels.
struct StatisticsGatherer {
    let model: any Module
    /// The plans of the groups that ask for something, with the numbers of their groups.
    let plans: [(group: Int, plan: StatisticsPlan, requests: [CurvatureRequest])]
    /// For labels drawn from the model.
    let generator: RandomGenerator?

    /// One slice.
    func sum(
        units: Int, withRespectTo tensors: [Tensor], _ objective: () throws -> Objective
    ) throws -> GradientSum {
        let requests = plans.flatMap(\.requests)
        let wantsProducts = requests.contains { $0.source == nil }
        let pass = try capture(units: units) {
            wantsProducts ? try withSecondDerivatives(objective) : try objective()
        }
        let made = pass.outcome
        if requests.contains(where: { $0.source != nil }) { try made.requireUnits(units) }
        var asked: Set<CurvatureSource> = []
        let sources = requests.compactMap(\.source).filter { asked.insert($0).inserted }
        let isLabelled = { (source: CurvatureSource) in
            [.empirical, .improved, .minibatch].contains(source)
        }
        let others = sources.filter { !isLabelled($0) }
        // The labels' own gradients come with those of the step.
        let outputs = try outputs(of: made, for: requests)
        let captured = sources.contains(where: isLabelled) ? pass.uses.map(\.output) : []
        var extra: [Tensor?] = []
        var sum = try GradientSum(
            of: made, withRespectTo: tensors, and: captured + outputs,
            keepGraph: !others.isEmpty || wantsProducts, extra: &extra)
        guard made.observationCount > 0 else { return sum }
        let clock = ContinuousClock()
        let begin = clock.now
        let labelled = [
            BackwardPass(uses: pass.uses(with: extra.prefix(captured.count)), generic: [:], weight: 1)
        ]
        var passes: [CurvatureSource: [BackwardPass]] = [:]
        let slope = outputs.isEmpty ? nil : extra.last ?? nil
        for source in sources where isLabelled(source) {
            passes[source] = source == .improved ? labelled.map { $0.improved(by: slope) } : labelled
        }
        for source in others { passes[source] = try pass.passes(source, using: generator) }
        for (group, plan, requests) in plans {
            sum.statistics[group] = BatchStatistics(
                try answers(
                    to: requests, plan, passes, outputGradient: slope,
                    units: units, made))
        }
        sum.statisticsTime = begin.duration(to: clock.now)
        return sum
    }

    private func answers(
        to requests: [CurvatureRequest], _ plan: StatisticsPlan,
        _ passes: [CurvatureSource: [BackwardPass]],
        outputGradient: Tensor?, units: Int, _ made: Objective
    ) throws -> [CurvatureRequest: BatchStatistics.Answer] {
        var found: [CurvatureRequest: BatchStatistics.Answer] = [:]
        for request in requests {
            if case .products(let matrix) = request {
                let tensors = plan.parameters.map(\.parameter.wrappedValue)
                found[request] = .products([
                    (
                        try .curvature(matrix, of: made, withRespectTo: tensors), made.observationCount
                    )
                ])
            } else if let source = request.source {
                found[request] = try withoutGradients {
                    try plan.answer(
                        request, from: source, passes[source] ?? [], outputGradient: outputGradient,
                        units: units,
                        observationCount: made.observationCount)
                }
            }
        }
        return found
    }

    /// The outputs whose gradients some request needs; throws where it cannot do without.
    private func outputs(of objective: Objective, for requests: [CurvatureRequest]) throws -> [Tensor] {
        let needs = requests.contains { $0.source == .improved }
        guard needs || requests.contains(.perSampleGradients(.empirical)) else { return [] }
        guard let likelihood = objective.likelihood as? any ClosedFormFisher else {
            if !needs { return [] }
            throw CurvatureError.noSuchEstimate(
                source: "empirical", structure: "unit gradients",
                reason: "\(type(of: objective.likelihood)) does not tell the outputs that it is made of")
        }
        return [likelihood.outputs]
    }

    /// A forward pass in which the layers that some request needs are noted.
    private func capture(
        units: Int, _ forward: () throws -> Objective
    ) throws -> CapturedPass<Objective> {
        let wanted = plans.reduce(into: Set<ParameterPath>()) {
            $0.formUnion($1.plan.wantedLayers($1.requests))
        }
        return try CapturedPass(
            of: model, units: units, keeping: { wanted.contains($0) && $1.requiresGradient }, forward)
    }
}
