import NeuralNet
import Torch

/// Estimates the curvature of a model's loss on batches: its Fisher information from several sources and in several
/// structures, its Hessian and its gradient.
///
///     let estimator = try CurvatureEstimator(of: model)
///     let found = try estimator.estimate([.diagonal(.exact), .kronecker(.sampled(1))], of: objective(batch))
///     found.diagonal(.exact)?.mean[path]
///
/// Layers are captured during one forward pass; per-sample gradients are computed from their inputs and the
/// gradients of their outputs, and are squared after everything that a unit contributes to a parameter
/// (positions, several uses, a tied head) has been summed.
public struct CurvatureEstimator {
    /// The largest memory that per-sample gradients may take at a time, in bytes.
    static let chunkByteCount = 4 << 20

    /// The runs of units whose memory stays below that.
    static func chunks(_ units: Int, unitByteCount: Int) -> [Range<Int>] {
        let length = max(1, min(units, chunkByteCount / max(unitByteCount, 1)))
        return stride(from: 0, to: units, by: length).map { $0..<min($0 + length, units) }
    }

    let model: any Module
    /// The trainable parameters in the order of the model.
    package let parameters: [NamedParameter]
    /// How they belong to layers.
    package let structure: GroupStructure
    /// Layers that share no parameter with other clusters.
    let clusters: [LayerCluster]
    /// The layers with Kronecker factors: those that are linear in parameters of their own.
    let kroneckerLayers: [(path: ParameterPath, layer: any KroneckerLayer)]
    /// Parameters whose per-sample gradients take a backward pass per unit.
    let unitwise: [NamedParameter]
    /// Parameters whose per-sample gradients cannot be computed.
    private let unsupported: [ParameterPath]
    /// Whether a unit's contribution to the gradient of its batch is taken for its gradient, where layers couple units.
    private let takesContributions: Bool

    /// Prepares estimates for a model's trainable parameters, or for some of them.
    ///
    /// Throws `nothingToEstimate` if none is trainable, and `splitLayer` for a layer of which only the weight
    /// or the bias is among them. Parameters of no layer that computes per-sample gradients are rejected when
    /// an estimate needs them, unless the fallback is allowed for them.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - parameters: those to estimate; by default all of the model's.
    ///   - fallback: whether one backward pass per unit may be made.
    public init(
        of model: any Module, for parameters: [NamedParameter]? = nil, fallback: PerSampleFallback = .never
    ) throws(CurvatureError) {
        try self.init(of: model, for: parameters, fallback: fallback, takesContributions: false)
    }

    /// Prepares estimates for an optimizer, which in training takes the contributions of units where layers couple them.
    package init(
        of model: any Module, for parameters: [NamedParameter]?, fallback: PerSampleFallback = .never,
        takesContributions: Bool
    ) throws(CurvatureError) {
        self.model = model
        self.takesContributions = takesContributions
        let trainable = (parameters ?? model.parameters).filter(\.parameter.isTrainable)
        if trainable.isEmpty { throw .nothingToEstimate }
        self.parameters = trainable
        let own = Set(trainable.map { ObjectIdentifier($0.parameter) })
        let clusters = (fallback == .always ? [] : LayerCluster.clusters(of: model)).filter { cluster in
            cluster.parameters.contains { own.contains(ObjectIdentifier($0)) }
        }
        self.clusters = clusters
        structure = try GroupStructure(of: trainable, in: clusters)
        let linear = Set(structure.layers.map(\.path))
        kroneckerLayers = clusters.flatMap(\.layers).compactMap { path, layer in
            linear.contains(path) ? (layer as? any KroneckerLayer).map { (path, $0) } : nil
        }
        let covered = Set(clusters.flatMap(\.parameters).map(ObjectIdentifier.init))
        let others = trainable.filter { !covered.contains(ObjectIdentifier($0.parameter)) }
        unitwise = fallback == .never ? [] : others
        unsupported = fallback == .never ? others.map(\.path) : []
    }

    /// The parameters of no layer with factors.
    var parametersWithoutFactors: [NamedParameter] { structure.others.map { parameters[$0] } }

    /// Computes the requested estimates of an objective together: one forward pass, and for each source one
    /// stream of backward passes, each of which is passed to all requests of the source and then released.
    ///
    /// The data's labels cost one backward pass, `.sampled(n)` n, and `.exact` and `.gaussNewton` one for
    /// each of the likelihood's factors and each position of a sequence. Throws the model's failure, and
    /// `CurvatureError` for an estimate that does not exist or parameters that are not supported.
    ///
    /// - Parameters:
    ///   - requests: the estimates to compute.
    ///   - objective: computes the objective; the forward pass must run in this expression.
    ///   - units: the length of the first axis of everything that the model computes, one index per unit; by
    ///     default that of the layers' outputs.
    ///   - generator: draws the labels of `.sampled`, of which each unit has its own (`UnitDraws`).
    public func estimate(
        _ requests: [CurvatureRequest], of objective: @autoclosure () throws -> Objective, units: Int? = nil,
        using generator: RandomGenerator? = nil
    ) throws -> CurvatureEstimates {
        let draws = try Self.draws(for: requests, from: generator)
        return try counted(requests, units: units, using: draws) {
            let made = try objective()
            guard made.observationCount > 0 else { throw CurvatureError.noObservations }
            return made
        }.found
    }

    /// The draws of labels that requests need, of which the generator gives one key.
    static func draws(
        for requests: [CurvatureRequest], from generator: RandomGenerator?
    ) throws(TorchError) -> UnitDraws? {
        guard let generator, requests.contains(where: \.drawsLabels) else { return nil }
        return try UnitDraws(from: generator)
    }

    /// The estimates of an objective, and the number of its observations.
    func counted(
        _ requests: [CurvatureRequest], units: Int?, using draws: UnitDraws?,
        _ objective: () throws -> Objective
    ) throws -> (found: CurvatureEstimates, observationCount: Int) {
        // What is made on the way lies where the parameters are.
        try Device.$current.withValue(parameters[0].parameter.wrappedValue.device) {
            try countedHere(requests, units: units, using: draws, objective)
        }
    }

    private func countedHere(
        _ requests: [CurvatureRequest], units: Int?, using draws: UnitDraws?,
        _ objective: () throws -> Objective
    ) throws -> (found: CurvatureEstimates, observationCount: Int) {
        let pass = try CurvaturePass(of: model, asking: [(self, requests)], units: units, objective)
        let made = pass.objective
        let wantsGradient = requests.contains(.gradient)
        let tensors = wantsGradient ? parameters.map(\.parameter.wrappedValue) : []
        let wanted = tensors + pass.labelTensors
        let slopes =
            wanted.isEmpty || !made.negativeLogLikelihood.requiresGradient
            ? wanted.map { _ in nil }
            : try gradients(
                of: made.negativeLogLikelihood, withRespectTo: wanted, keepGraph: pass.keepsGraphAfterLabels)
        var found = try pass.estimates(labelGradients: slopes.dropFirst(tensors.count), using: draws)[0]
        if wantsGradient {
            let arrived = zip(parameters, slopes).compactMap { named, slope in slope.map { (named.path, $0) }
            }
            found.answer(
                .gradient,
                Counted(
                    source: .empirical, sums: Dictionary(uniqueKeysWithValues: arrived),
                    observationCount: made.observationCount))
        }
        return (found, made.observationCount)
    }

    /// Throws for estimates that do not exist, for parameters without per-sample gradients if a request needs
    /// them, and `tooLarge` for estimates that do not fit into the memory there is. `estimate` makes the same check
    /// before the forward pass.
    public func check(_ requests: [CurvatureRequest]) throws(CurvatureError) {
        for request in requests {
            if let reason = request.unsupportedReason { throw request.unsupported(reason) }
            if request.capturedSource != nil, !request.isOfFactorsOnly, !unsupported.isEmpty {
                throw .unsupportedParameters(unsupported)
            }
        }
        for request in requests {
            let bytes = leastByteCount(of: request)
            // What is small needs no look at the system's files.
            guard bytes > 1e8 else { continue }
            let available = AvailableMemory.byteCount
            if bytes > available {
                throw .tooLarge(structure: request.structure, byteCount: bytes, available: available)
            }
        }
    }

    /// Throws `coupledUnits` for a layer that, as it is now, gives units no gradients of their own, if a request needs them.
    func checkUnits(_ requests: [CurvatureRequest]) throws(CurvatureError) {
        guard !takesContributions,
            requests.contains(where: { $0.capturedSource != nil && !$0.isOfFactorsOnly }),
            let layer = clusters.lazy.flatMap(\.layers).first(where: { $0.layer.couplesUnits })
        else { return }
        throw .coupledUnits(layer: layer.path)
    }

    /// The memory that an estimate takes at least, in bytes: its sum, and the part that is added to it.
    private func leastByteCount(of request: CurvatureRequest) -> Double {
        func count(_ parameters: [NamedParameter]) -> Double {
            parameters.reduce(0) { $0 + Double($1.parameter.wrappedValue.count) }
        }
        let element = Double(parameters[0].parameter.wrappedValue.dtype.accumulator.byteCount)
        let all = count(parameters)
        switch request {
        case .full: return 2 * all * all * element
        case .blocks:
            return 2 * element * parameterBlocks.reduce(0) { $0 + count($1) * count($1) }
        case .kronecker, .eigenvalueCorrected:
            return 2 * element
                * structure.layers.reduce(0) { sum, block in
                    let (rows, columns) = (Double(block.outputCount), Double(block.inputCount))
                    return sum + rows * rows + columns * columns
                }
        case .lowRank(let rank, _): return all * min(all, max(2 * Double(rank) + 10, 20)) * element
        default: return 0
        }
    }

    /// The layers whose uses a request needs.
    func layers(for request: CurvatureRequest) -> [ParameterPath] {
        if request.capturedSource == nil { return [] }
        return request.isOfFactorsOnly ? kroneckerLayers.map(\.path) : clusters.flatMap(\.layers).map(\.path)
    }
}
