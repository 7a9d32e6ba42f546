import Fisher

extension Information {
    /// The estimate's tensors by their names in the file.
    func tensors<Model: Samplable & ClosedFormFisher>(
        _ estimator: CurvatureEstimator, _ source: CurvatureSource, _ units: Int, _ targets: Tensor,
        _ generator: RandomGenerator, _ forward: () throws -> Model
    ) throws -> [(String, Tensor)] where Model.Observation == Tensor {
        switch structure {
        case .full:
            let full = try estimator.full(
                source, units: units, observing: targets, using: generator, forward)
            return [("full", full.mean)]
        case .blocks:
            let found = try estimator.blocks(
                source, units: units, observing: targets, using: generator, forward)
            return found.blocks.map { ("blocks/\($0.paths[0].parent)", $0.mean) }
        case .diagonal:
            let diagonal = try estimator.diagonal(
                source, units: units, observing: targets, using: generator, forward)
            return diagonal.mean.map { ("diagonal/\($0.key)", $0.value) }
        case .kronecker:
            let kronecker = try estimator.kronecker(
                source, sharing: sharing, units: units, observing: targets, using: generator, forward)
            warnOfMissing(kronecker.uncovered)
            return kronecker.layers.flatMap { path, factors in
                [("kronecker/\(path)/A", factors.a), ("kronecker/\(path)/S", factors.s)]
            }
        case .ekfac:
            let found = try estimator.corrected(
                source, sharing: sharing, units: units, observing: targets, using: generator, forward)
            warnOfMissing(found.uncovered)
            return found.layers.flatMap { path, factors in
                [
                    ("ekfac/\(path)/Q_A", factors.basis.inputs), ("ekfac/\(path)/Q_S", factors.basis.outputs),
                    ("ekfac/\(path)/eigenvalues", factors.mean),
                ]
            }
        case .diagonalKronecker:
            let found = try estimator.diagonalKronecker(
                source, sharing: sharing, units: units, observing: targets, using: generator, forward)
            return found.layers.flatMap { path, factors in
                [
                    ("diagonal_kronecker/\(path)/A", factors.a),
                    ("diagonal_kronecker/\(path)/S", factors.s),
                ]
            } + found.others.mean.map { ("diagonal/\($0.key)", $0.value) }
        case .lowRank:
            let found = try estimator.lowRank(
                rank, source, units: units, observing: targets, using: generator, forward)
            if found.values.count < rank {
                warn("the rank is \(found.values.count), less than the \(rank) asked for")
            }
            let values = Tensor(found.values, shape: [found.values.count]).to(dtype: found.vectors.dtype)
            return [("low_rank/values", values), ("low_rank/vectors", found.vectors)]
        }
    }

    private func warnOfMissing(_ paths: [ParameterPath]) {
        guard !paths.isEmpty else { return }
        warn("without Kronecker factors, left out: \(paths.map(\.description).joined(separator: ", "))")
    }
}
