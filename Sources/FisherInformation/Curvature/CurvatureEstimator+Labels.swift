import NeuralNet
import Torch

/// Estimates at the data's labels, of any objective: one forward and one backward pass.
///
/// `units` is the length of the first axis of everything that the model computes, a unit each.
extension CurvatureEstimator {
    /// The diagonal at the data's labels: `.empirical` with the gradient, or what Adam squares (`.minibatch`).
    ///
    /// No unit's gradient is stored for linear layers, norms and embeddings that are used once.
    ///
    /// - Parameters:
    ///   - source: `.empirical` or `.minibatch`.
    ///   - units: the length of the first axis of everything that the model computes.
    ///   - objective: the forward pass.
    public func diagonal(
        atLabels source: CurvatureSource = .empirical, units: Int, _ objective: () throws -> Objective
    ) throws -> DiagonalInformation {
        try diagonal(try labelRun(source, .diagonal, units: units, objective))
    }

    /// The whole matrix at the data's labels.
    public func full(
        atLabels source: CurvatureSource = .empirical, units: Int, _ objective: () throws -> Objective
    ) throws -> FullInformation {
        try full(try labelRun(source, .full, units: units, objective))
    }

    /// The whole matrix of each layer at the data's labels.
    public func blocks(
        atLabels source: CurvatureSource = .empirical, units: Int, _ objective: () throws -> Objective
    ) throws -> BlockInformation {
        try blocks(try labelRun(source, .blocks, units: units, objective))
    }

    /// The Kronecker factors of the linear layers at the data's labels.
    public func kronecker(
        atLabels source: CurvatureSource = .empirical, sharing: WeightSharing = .expand, units: Int,
        _ objective: () throws -> Objective
    ) throws -> KroneckerInformation {
        try kronecker(try labelRun(source, .kronecker, units: units, objective), sharing: sharing)
    }

    /// The diagonals of the Kronecker factors at the data's labels, and the diagonal of what has none.
    public func diagonalKronecker(
        atLabels source: CurvatureSource = .empirical, sharing: WeightSharing = .expand, units: Int,
        _ objective: () throws -> Objective
    ) throws -> DiagonalKroneckerInformation {
        try diagonalKronecker(
            try labelRun(source, .diagonalKronecker, units: units, objective), sharing: sharing)
    }

    /// The eigenvalues of the linear layers' information in given bases at the data's labels: what an optimizer
    /// that keeps its bases for many steps estimates in between.
    public func eigenvalues(
        atLabels source: CurvatureSource = .empirical, in bases: [ParameterPath: KroneckerEigenbasis],
        units: Int,
        _ objective: () throws -> Objective
    ) throws -> EigenvalueCorrectedInformation {
        try eigenvalues(try labelRun(source, .corrected, units: units, objective), in: bases)
    }

    /// The information of the linear layers in the eigenbases of their own Kronecker factors.
    public func corrected(
        atLabels source: CurvatureSource = .empirical, sharing: WeightSharing = .expand, units: Int,
        _ objective: () throws -> Objective
    ) throws -> EigenvalueCorrectedInformation {
        try corrected(try labelRun(source, .corrected, units: units, objective), sharing: sharing)
    }

    /// Products with the information at the data's labels; holds what was captured as long as it lives.
    public func product(
        atLabels source: CurvatureSource = .empirical, units: Int, _ objective: () throws -> Objective
    ) throws -> SymmetricOperator {
        try product(try labelRun(source, .operator, units: units, objective))
    }

    /// The leading eigenpairs of the information at the data's labels.
    public func lowRank(
        _ rank: Int, atLabels source: CurvatureSource = .empirical, units: Int,
        _ objective: () throws -> Objective
    ) throws -> LowRankInformation {
        let run = try labelRun(source, .lowRank(rank), units: units, objective)
        return try lowRank(
            try product(run), source, rank: rank, observationCount: run.observationCount)
    }

    /// The factors and, in their eigenbases, the eigenvalues: the passes are kept for the second look.
    package func corrected(_ run: PassRun, sharing: WeightSharing) throws -> EigenvalueCorrectedInformation {
        var passes: [BackwardPass] = []
        try run.forEach { passes.append($0) }
        let again = PassRun(
            source: run.source, units: run.units, observationCount: run.observationCount,
            forEach: { take in for pass in passes { try take(pass) } })
        let factors = try kronecker(again, sharing: sharing)
        var bases: [ParameterPath: KroneckerEigenbasis] = [:]
        for (path, layer) in factors.layers { bases[path] = try KroneckerEigenbasis(of: layer) }
        return try eigenvalues(again, in: bases)
    }

    private func labelRun(
        _ source: CurvatureSource, _ structure: CurvatureStructure, units: Int,
        _ objective: () throws -> Objective
    ) throws -> PassRun {
        guard source == .empirical || source == .minibatch else {
            throw CurvatureError.noSuchEstimate(
                source: "\(source)", structure: "\(structure)",
                reason: source == .improved
                    ? "it needs the likelihood with its outputs" : "it is not made of the data's labels")
        }
        try Self.requireExisting(structure, from: source)
        if !generic.isEmpty {
            throw CurvatureError.noSuchEstimate(
                source: "\(source)", structure: "\(structure)",
                reason:
                    "the generic route needs the model's outputs; give the likelihood and the observations "
                    + "rather than an objective")
        }
        let pass = try capture(units: units, objective)
        guard pass.outcome.observationCount > 0 else { throw CurvatureError.noObservations }
        try pass.outcome.requireUnits(units)
        return PassRun(source: source, units: units, observationCount: pass.outcome.observationCount) {
            take in
            try take(
                try pass.backward(from: [pass.outcome.negativeLogLikelihood], seeds: [nil], keepGraph: false))
        }
    }
}
