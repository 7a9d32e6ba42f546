import NeuralNet
import Torch

// Estimates of data of which every process has a part.
extension CurvatureEstimator {
    /// Computes the requested estimates of data that several processes share: every one computes the passes of its part,
    /// and all have the estimates of the whole afterwards.
    ///
    ///     let found = try estimator.estimate(
    ///         [.kronecker(.sampled(1))], sharedBy: group, of: objective(part), units: part.unitCount,
    ///         using: generator)
    ///
    /// Sums and counts are added before anything is divided. What is not a sum is made of sums: eigenvalues are taken in
    /// the bases of the whole data's factors, and leading eigenpairs from products, each of which all processes take
    /// together. The same holds for the products that are returned: all processes take the same ones. Labels are drawn by
    /// unit (`UnitDraws`), so that the number of processes does not change them.
    ///
    /// Throws as ``estimate(_:of:units:using:)`` does; `noSuchEstimate` for unit gradients, which stay in their
    /// process; `ProcessSum.PeerFailure` where another process fails, and `ProcessGroupError`.
    ///
    /// - Parameters:
    ///   - requests: the estimates to compute, the same everywhere.
    ///   - processes: the processes, all of which call this.
    ///   - objective: computes the objective of this process's part; the forward pass must run in this expression. The parts
    ///     follow each other in the order of the ranks.
    ///   - units: the number of units of this part.
    ///   - generator: draws the labels of `.sampled`; in the same state everywhere.
    public func estimate(
        _ requests: [CurvatureRequest], sharedBy processes: ProcessGroup,
        of objective: @autoclosure () throws -> Objective, units: Int, using generator: RandomGenerator? = nil
    ) throws -> CurvatureEstimates {
        for request in requests {
            if let obstacle = request.sharingObstacle { throw request.unsupported(obstacle) }
        }
        let counts = Tensor([Int64](repeating: 0, count: processes.size))
        try processes.allGather(Tensor([Int64(units)]), into: counts, as: "the exchange of unit counts")
        let before = try counts.scalars(as: Int64.self).prefix(processes.rank).reduce(0, +)
        let draws = try Self.draws(for: requests, from: generator)?.starting(at: Int(before))
        let asked = requests.flatMap(\.parts).reduce(into: [CurvatureRequest]()) {
            if !$0.contains($1) { $0.append($1) }
        }
        var (found, count): (CurvatureEstimates, Int)
        do {
            (found, count) = try ProcessSum.of(
                { try counted(asked, units: units, using: draws, objective) }, over: processes,
                as: "the sum of the estimates", code: { $0 is NonFiniteError ? 2 : 1 },
                visiting: { own, sum in
                    (found: try own.found.summed(by: sum), observationCount: sum(own.observationCount))
                })
        } catch let failure as ProcessSum.PeerFailure where failure.code == 2 {
            throw NonFiniteError(source: "what rank \(failure.rank) computed")
        }
        guard count > 0 else { throw CurvatureError.noObservations }
        for request in requests where request.parts != [request] {
            found.answer(request, try made(request, of: found, count, processes))
        }
        return found.answering(requests)
    }

    /// The estimate of a request that is made of sums over all processes.
    private func made(
        _ request: CurvatureRequest, of found: CurvatureEstimates, _ count: Int, _ processes: ProcessGroup
    ) throws -> any Summable {
        switch request {
        case .eigenvalueCorrected(let source, let sharing):
            guard let factors = found.kronecker(source, sharing), let kept = found.activations(source) else {
                break
            }
            return try kept.eigenvalues(in: try Self.bases(of: factors, for: processes))
        case .products(let source):
            return CurvatureProducts(try product(source, of: found), observationCount: count)
        case .lowRank(let rank, let source):
            return try lowRank(
                try product(source, of: found), source, rank: rank, observationCount: count)
        default: break
        }
        preconditionFailure("what \(request.structure) is made of was asked")
    }

    /// Products with the information of the data of all processes.
    private func product(
        _ source: CurvatureSource, of found: CurvatureEstimates
    ) throws -> SymmetricOperator {
        if source != .minibatch, let product = found.products(source) { return product }
        // The square of the gradient of all data is not the sum of the squares of its parts.
        guard let gradients = found.diagonal(.minibatch) else {
            preconditionFailure("what the products are made of was asked")
        }
        let tensors = parameters.map(\.parameter.wrappedValue)
        let layout = ParameterLayout(of: tensors)
        let dtype = tensors[0].dtype.accumulator
        let gradient =
            layout.joined(
                parameters.map { gradients.gradients[$0.path] ?? $0.parameter.zeroSum }
            ).to(dtype: dtype) / gradients.divisor
        try gradient.check()
        return SymmetricOperator(size: layout.count, dtype: dtype) { gradient * (gradient * $0).sum() }
    }

    /// The eigenbases of factors, those of the first process for all: processors differ in the last digits, and in the
    /// order of equal eigenvalues.
    private static func bases(
        of factors: KroneckerInformation, for processes: ProcessGroup
    ) throws -> [ParameterPath: KroneckerEigenbasis] {
        let operation = "the exchange of eigenbases"
        let own = try processes.together(as: operation) {
            try factors.layers.mapValues { layer in
                let basis = try KroneckerEigenbasis(of: layer)
                return KroneckerEigenbasis(
                    inputs: basis.inputs.contiguous(), outputs: basis.outputs.contiguous())
            }
        }
        for path in own.keys.sorted() {
            guard let basis = own[path] else { continue }
            try processes.broadcast(basis.inputs, from: 0, as: operation)
            try processes.broadcast(basis.outputs, from: 0, as: operation)
        }
        return own
    }
}

extension CurvatureRequest {
    /// What each process is asked, of which this is made once it is summed.
    fileprivate var parts: [CurvatureRequest] {
        switch self {
        case .eigenvalueCorrected(let source, let sharing):
            [.kronecker(source, sharing), .activations(source)]
        case .products(.minibatch), .lowRank(_, .minibatch): [.diagonal(.minibatch)]
        case .lowRank(_, let source): [.products(source)]
        default: [self]
        }
    }

    /// Why processes cannot make it together; nil if they can.
    fileprivate var sharingObstacle: String? {
        switch self {
        case .unitGradients, .gradientRows:
            "of several processes each has the gradients of its own samples"
        default: nil
        }
    }
}
