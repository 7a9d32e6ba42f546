import NeuralNet
import Torch

/// One forward pass shared by several groups of parameters, each with its estimator.
///
/// The backward pass at the data's labels is made by the caller, so that it gives the gradients of a step as
/// well: those with respect to `labelTensors` are passed to `estimates`, which makes the passes of the other
/// sources.
package struct CurvaturePass {
    private typealias Use = ActivationRecorder.Use
    package typealias Question = (estimator: CurvatureEstimator, requests: [CurvatureRequest])

    /// The objective of the forward pass.
    package let objective: Objective
    /// The length of the first axis.
    private let units: Int
    /// The uses of the layers that some request needs.
    private let uses: [Use]
    private let model: any Module
    /// The layers that some request needs.
    private let wanted: Set<ParameterPath>
    private let questions: [Question]
    /// Parameters whose per-sample gradients take a backward pass per unit.
    private let unitwise: [Parameter]
    /// The outputs of the likelihood, if some request needs them.
    private let outputs: Tensor?
    /// Whether some request is of Kronecker factors.
    private let areFactorsAsked: Bool
    /// What is observed, if something is not and some request is of Kronecker factors.
    private let observed: ObservedPositions?
    /// The positions of each use that take part in Kronecker factors; found with the label gradients.
    private var participants: [Tensor?]

    /// Makes the forward pass. Throws for estimates that do not exist, for a use whose first axis is not that of the
    /// units, and `NonFiniteError` for a loss that is not finite, before anything is drawn or estimated.
    package init(
        of model: any Module, asking questions: [Question], units: Int?, _ objective: () throws -> Objective
    ) throws {
        for question in questions {
            try question.estimator.check(question.requests)
            try question.estimator.checkUnits(question.requests)
        }
        let requests = questions.flatMap(\.requests)
        let wanted = Set(
            questions.flatMap { question in question.requests.flatMap(question.estimator.layers) })
        let recorder = ActivationRecorder()
        let made = try model.capturing(by: recorder) { () throws -> Objective in
            requests.contains(where: \.needsSecondDerivatives)
                ? try withSecondDerivatives(objective) : try objective()
        }
        guard try made.negativeLogLikelihood.item().isFinite else { throw NonFiniteError(source: "the loss") }
        let found = recorder.uses.filter { wanted.contains($0.path) && $0.output.requiresGradient }
        let asking = questions.filter {
            $0.requests.contains { $0.capturedSource != nil && !$0.isOfFactorsOnly }
        }
        let unitwise = asking.flatMap(\.estimator.unitwise).map(\.parameter)
        let outputs = try Self.outputs(of: made, for: requests, isUnitwise: !unitwise.isEmpty)
        let units = units ?? found.first?.output.shape.first ?? outputs?.shape.first ?? made.observationCount
        if requests.contains(where: { $0.capturedSource != nil }) { try Self.requireUnits(units, of: made) }
        self.objective = made
        self.units = units
        self.model = model
        self.wanted = wanted
        uses = try Self.checked(found, units: units, questions)
        self.questions = questions
        self.unitwise = unitwise
        self.outputs = outputs
        areFactorsAsked = requests.contains(where: \.hasFactors)
        observed = areFactorsAsked ? ObservedPositions(made.observedPositions, units: units, uses: uses) : nil
        participants = uses.map { _ in nil }
    }

    /// Uses with inputs in the type of sums, as their layers capture them; throws for one whose first axis is not that of the
    /// units.
    private static func checked(_ uses: [Use], units: Int, _ questions: [Question]) throws -> [Use] {
        let layers = Dictionary(
            questions.flatMap(\.estimator.clusters).flatMap(\.layers).map { ($0.path, $0.layer) },
            uniquingKeysWith: { first, _ in first })
        return try uses.map { use in
            try use.output.check()
            guard use.output.rank > 0, use.output.shape[0] == units, use.input.shape.first == units else {
                throw CurvatureError.notByUnit(layer: use.path, units: units, shape: use.output.shape)
            }
            let input = withoutGradients {
                let input = use.input.widened
                return layers[use.path]?.captured(input) ?? input
            }
            return (use.path, input, use.output, use.present)
        }
    }

    /// The outputs whose gradients some request needs; throws if they are required but not available.
    private static func outputs(
        of objective: Objective, for requests: [CurvatureRequest], isUnitwise: Bool
    ) throws(CurvatureError) -> Tensor? {
        if let likelihood = objective.likelihood as? any OutputLikelihood { return likelihood.outputs }
        guard
            let request = requests.first(where: { $0.source == .improved || isUnitwise && $0.source != nil })
        else { return nil }
        throw request.unsupported(
            "\(type(of: objective.likelihood)) does not expose its outputs")
    }

    /// Throws if the units are the observations and several of them lie along other axes than the first: what
    /// layers capture separates gradients by the first axis only.
    private static func requireUnits(_ count: Int, of objective: Objective) throws(CurvatureError) {
        guard objective.unit == .observation, objective.observationCount > count else { return }
        throw .badObservations(
            reason:
                "units are single observations, but there are \(objective.observationCount) in a first axis of "
                + "\(count); flatten the positions into the first axis, or take sequences as units")
    }

    // MARK: the data's labels

    /// The tensors whose gradients the estimates need from the backward pass at the data's labels: the
    /// layers' outputs, then the model's outputs if they are needed.
    package var labelTensors: [Tensor] {
        (observed != nil || sources.contains(where: \.isAtLabels) ? uses.map(\.output) : [])
            + (needsOutputSlopes ? [outputs].compactMap(\.self) : [])
    }

    private var needsOutputSlopes: Bool {
        guard outputs != nil else { return false }
        let requests = questions.flatMap(\.requests)
        return requests.contains { $0.capturedSource == .improved }
            || requests.contains(.perSampleGradients(.empirical))
            || !unitwise.isEmpty && sources.contains(where: \.isAtLabels)
    }

    /// Whether the graph is needed after that pass.
    package var keepsGraphAfterLabels: Bool {
        !unitwise.isEmpty || needsGraphLater || sources.contains { !$0.isAtLabels }
    }

    /// Whether some estimate keeps the graph.
    private var needsGraphLater: Bool {
        questions.contains { $0.requests.contains { $0.needsSecondDerivatives || $0.repeatsClosedForm } }
    }

    /// The sources in the order in which they were first requested.
    private var sources: [CurvatureSource] {
        var asked: Set<CurvatureSource> = []
        return questions.flatMap(\.requests).compactMap(\.capturedSource).filter { asked.insert($0).inserted }
    }

    /// The pass at the data's labels, of the gradients of the summed -log p with respect to `labelTensors`.
    private func labelPass(_ gradients: some Sequence<Tensor?>) throws -> BackwardPass {
        let found = Array(gradients)
        let slope = needsOutputSlopes ? found.last ?? nil : nil
        var rows: [ObjectIdentifier: Tensor] = [:]
        if !unitwise.isEmpty, let outputs {
            rows = try unitRows(outputs, slope ?? .zeros(like: outputs.detached()), keepGraph: true)
        }
        return BackwardPass(uses: activations(found), rows: rows, weight: 1, outputGradient: slope?.widened)
    }

    // MARK: the estimates

    /// The estimates of each group.
    ///
    /// - Parameters:
    ///   - labelGradients: the gradients of the summed -log p with respect to `labelTensors`.
    ///   - draws: draws labels.
    package func estimates(
        labelGradients: some Sequence<Tensor?>, using draws: UnitDraws?
    ) throws -> [CurvatureEstimates] {
        let slopes = Array(labelGradients)
        var pass = self
        if let observed {
            pass.participants = try withoutGradients {
                try observed.participants(of: uses, slopes, in: layers)
            }
        }
        // Sums of products of bfloat16 numbers would lose the small ones.
        return try withAutocast(to: .float32) { try pass.allEstimates(slopes, using: draws) }
    }

    /// The layers with factors, by path.
    private var layers: [ParameterPath: any KroneckerLayer] {
        questions.reduce(into: [:]) { found, question in
            for (path, layer) in question.estimator.kroneckerLayers { found[path] = layer }
        }
    }

    private func allEstimates(
        _ labelGradients: some Sequence<Tensor?>, using draws: UnitDraws?
    ) throws -> [CurvatureEstimates] {
        var found = questions.map { _ in CurvatureEstimates(unitCount: units) }
        let sources = sources
        let labels = sources.contains(where: \.isAtLabels) ? try labelPass(labelGradients) : nil
        for (position, source) in sources.enumerated() {
            let keepsGraph = needsGraphLater || position + 1 < sources.count
            var asked: [(question: Int, request: CurvatureRequest, sums: any CurvatureAccumulator)] = []
            for (number, question) in questions.enumerated() {
                for request in question.requests where request.capturedSource == source {
                    asked.append((number, request, question.estimator.accumulator(for: request, run(source))))
                }
            }
            try forEachPass(source, labels, using: draws, keepGraph: keepsGraph) { pass in
                try withoutGradients {
                    for place in asked.indices { try asked[place].sums.add(pass) }
                }
            }
            for (question, request, sums) in asked {
                found[question].answer(request, try withoutGradients { try sums.finished() })
            }
        }
        for (number, question) in questions.enumerated() {
            for request in question.requests where request.needsSecondDerivatives {
                found[number].answer(request, try question.estimator.closedForm(request, of: objective))
            }
        }
        return found
    }

    /// The description of a source's passes for its accumulators.
    private func run(_ source: CurvatureSource) -> PassRun {
        PassRun(
            source: source, units: units, observationCount: objective.observationCount,
            repeated: source.isClosedForm
                ? { take in
                    try forEachPass(source, nil, using: nil, keepGraph: true, take)
                } : nil)
    }

    /// Makes the passes of a source, one after another.
    private func forEachPass(
        _ source: CurvatureSource, _ labels: BackwardPass?, using numbers: UnitDraws?,
        keepGraph: Bool,
        _ take: (BackwardPass) throws -> Void
    ) throws {
        switch source {
        case .empirical, .minibatch: if let labels { try take(labels) }
        case .improved: if let labels { try take(labels.improved()) }
        case .sampled(let draws):
            guard let likelihood = objective.likelihood as? any Samplable else {
                throw noSource(source, "\(type(of: objective.likelihood)) draws no observations")
            }
            guard let numbers else { throw noSource(source, "it needs a generator") }
            try drawnPasses(likelihood, draws: draws, numbers, keepGraph: keepGraph, take)
        case .exact, .gaussNewton:
            guard let likelihood = objective.likelihood as? any ClosedFormFisher else {
                throw noSource(source, objective.likelihood.withoutClosedForm)
            }
            try exactPasses(likelihood, isHessian: source == .gaussNewton, keepGraph: keepGraph, take)
        }
    }

    private func noSource(_ source: CurvatureSource, _ reason: String) -> CurvatureError {
        .noSuchEstimate(source: "\(source)", structure: "any", reason: reason)
    }

    /// A backward pass for each draw of labels.
    private func drawnPasses<Model: Samplable>(
        _ likelihood: Model, draws: Int, _ numbers: UnitDraws, keepGraph: Bool,
        _ take: (BackwardPass) throws -> Void
    ) throws {
        let observed = objective.observations(of: likelihood)
        // A masked position has no part in the loss, but labels are drawn for it too.
        if let outputs, outputs.count > 0,
            try outputs.detached().logSumExp(along: -1).isFinite().all().item() == 0
        {
            throw NonFiniteError(source: "the logits")
        }
        for draw in 0..<draws {
            let generator = try numbers.generator(draw: draw, of: draws, units: units)
            let labels = withAutocast(to: objective.precision) {
                likelihood.sample(like: observed, using: generator)
            }
            let keeps = keepGraph || draw + 1 < draws
            // A likelihood whose outputs depend on labels uses layers again for these.
            let recorder = ActivationRecorder()
            let loss = model.capturing(by: recorder) {
                withAutocast(to: objective.precision) { likelihood.negativeLogLikelihood(of: labels) }
            }
            let own = try Self.checked(
                recorder.uses.filter { wanted.contains($0.path) && $0.output.requiresGradient }, units: units,
                questions)
            let tensors =
                (uses + own).map(\.output) + (unitwise.isEmpty ? [] : [outputs].compactMap(\.self))
            let found = try gradients(
                of: [loss], seeds: [nil], withRespectTo: tensors, keepGraph: keeps || !unitwise.isEmpty)
            var rows: [ObjectIdentifier: Tensor] = [:]
            if !unitwise.isEmpty, let outputs {
                let slope = found.last ?? nil
                rows = try unitRows(outputs, slope ?? .zeros(like: outputs.detached()), keepGraph: keeps)
            }
            let ownSlopes = Array(found.dropFirst(uses.count).prefix(own.count))
            let ownParticipants =
                own.isEmpty || !areFactorsAsked
                ? nil
                : try withoutGradients {
                    try ObservedPositions(
                        likelihood.observedPositions(of: labels), units: units, uses: own)?
                        .participants(of: own, ownSlopes, in: layers)
                }
            var captured = activations(Array(found.prefix(uses.count)))
            add(own, ownSlopes, ownParticipants, areDrawn: true, to: &captured)
            try take(BackwardPass(uses: captured, rows: rows, weight: 1 / Double(draws)))
        }
    }

    /// A backward pass for each factor of the output Fisher at each position of a unit.
    private func exactPasses<Model: ClosedFormFisher>(
        _ likelihood: Model, isHessian: Bool, keepGraph: Bool, _ take: (BackwardPass) throws -> Void
    ) throws {
        let observed = objective.observations(of: likelihood)
        let outputs = likelihood.outputs
        if isHessian {
            // If the Hessian in the outputs is usable, it equals the Fisher information.
            _ = try likelihood.outputHessianProduct(of: observed, .zeros(like: outputs.detached()))
        }
        let positions = outputs.shape.dropFirst().dropLast().reduce(1, *)
        let width = outputs.shape.last ?? 1
        let factors = likelihood.outputFisherFactorCount
        for k in 0..<factors {
            let factor = likelihood.outputFisherFactor(k, observing: observed)
            for position in 0..<positions {
                var seed = factor
                if positions > 1 {
                    let chosen = Tensor(
                        (0..<positions).map { $0 == position ? 1.0 : 0 }, shape: [1, positions, 1]
                    )
                    .to(dtype: outputs.dtype)
                    seed = (factor.reshaped([-1, positions, width]) * chosen).reshaped(outputs.shape)
                }
                let keeps = keepGraph || k + 1 < factors || position + 1 < positions
                let found = try gradients(
                    of: [outputs], seeds: [seed], withRespectTo: uses.map(\.output),
                    keepGraph: keeps || !unitwise.isEmpty)
                let rows = unitwise.isEmpty ? [:] : try unitRows(outputs, seed, keepGraph: keeps)
                try take(BackwardPass(uses: activations(found), rows: rows, weight: 1))
            }
        }
    }

    /// The uses with the gradients of their outputs, by layer.
    private func activations(_ gradients: [Tensor?]) -> [ParameterPath: [LayerActivation]] {
        var found: [ParameterPath: [LayerActivation]] = [:]
        add(uses, gradients, participants, areDrawn: false, to: &found)
        return found
    }

    /// Adds uses that the loss depends on.
    private func add(
        _ uses: [Use], _ gradients: [Tensor?], _ participants: [Tensor?]?, areDrawn: Bool,
        to found: inout [ParameterPath: [LayerActivation]]
    ) {
        for (k, (use, gradient)) in zip(uses, gradients).enumerated() {
            guard let gradient else { continue }
            // Sums of bfloat16 products would lose the small ones.
            found[use.path, default: []].append(
                LayerActivation(
                    input: use.input, outputGradient: gradient.widened, participants: participants?[k],
                    dependsOnLabels: areDrawn))
        }
    }

    /// The gradients of the fallback, one backward pass per unit: [units] and the parameter's shape.
    private func unitRows(
        _ outputs: Tensor, _ seed: Tensor, keepGraph: Bool
    ) throws -> [ObjectIdentifier: Tensor] {
        guard seed.rank > 0, seed.shape[0] == units else {
            throw CurvatureError.notByUnit(layer: .root, units: units, shape: seed.shape)
        }
        let tensors = unitwise.map(\.wrappedValue)
        var rows = [[Tensor]](repeating: [], count: unitwise.count)
        for unit in 0..<units {
            let own = Tensor.zeros(like: seed.detached())
            try own.narrowed(0, from: unit, length: 1).assign(seed.narrowed(0, from: unit, length: 1))
            let found = try gradients(
                of: [outputs], seeds: [own], withRespectTo: tensors, keepGraph: keepGraph || unit + 1 < units)
            for (k, gradient) in found.enumerated() {
                rows[k].append(gradient ?? .zeros(like: tensors[k].detached()))
            }
        }
        return Dictionary(
            uniqueKeysWithValues: zip(unitwise, rows).map {
                (ObjectIdentifier($0), Tensor.stacked($1).widened)
            })
    }
}
