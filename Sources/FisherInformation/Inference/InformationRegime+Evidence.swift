import NeuralNet
import Torch

/// The evidence for the regime: sums over the same data, all float64.
struct RegimeEvidence {
    /// The parameter of each row.
    let names: [ParameterPath]
    let expected: Tensor
    let empirical: Tensor
    let observed: Tensor
    let score: Tensor
    let unitCount: Int
    let singularity: Double
}

extension InformationRegime {
    /// Determines the regime from the evidence.
    init(
        _ evidence: RegimeEvidence, test: InformationMatrixTest?, thresholds: Thresholds
    ) throws(TorchError) {
        let size = evidence.names.count
        // Scaled to a diagonal of ones, the rank does not depend on the parameters' units.
        let roots = try evidence.expected.diagonalScalars().map { $0 > 0 ? $0.squareRoot() : 1 }
        let scale = Tensor(roots)
        func scaled(_ matrix: Tensor) -> Tensor { matrix / scale / scale.unsqueezed(1) }
        let (eigenvalues, vectors) = scaled(evidence.expected).symmetricEigen()
        let values = try eigenvalues.scalars(as: Double.self)
        let limit = evidence.singularity * (values.last ?? 0)
        // Ascending: the null directions come first.
        let null = values.firstIndex { $0 > max(limit, 0) } ?? size
        rank = size - null

        let whitener =
            vectors.narrowed(1, from: null, length: rank)
            / Tensor(values[null...].map { $0.squareRoot() }, shape: [rank])
        func whitened(_ matrix: Tensor) -> Tensor {
            whitener.transposed().matmul(scaled(matrix)).matmul(whitener)
        }
        var reasons: [Reason] = []
        if rank < size {
            reasons.append(
                .singular(
                    rank: rank, size: size,
                    parameters: try Self.undetermined(
                        evidence.names, vectors.narrowed(1, from: 0, length: null))))
        }
        guard rank > 0 else {
            (scoreStatistic, scoreProbability, observedToExpected) = (0, 1, 1...1)
            (empiricalDistance, samplingNoise, self.reasons) = (0, 0, reasons)
            return
        }
        scoreStatistic =
            try whitener.transposed().matmul((evidence.score / scale).unsqueezed(1)).squared().sum().item()
        scoreProbability = ChiSquare.survival(scoreStatistic, degreesOfFreedom: rank)
        if !(scoreStatistic <= thresholds.scorePerParameter * Double(rank)) {
            reasons.append(
                .notConverged(
                    statistic: scoreStatistic, degreesOfFreedom: rank, probability: scoreProbability))
        }

        let ratios = try whitened(evidence.observed).symmetricEigen().values.scalars(as: Double.self)
        let (smallest, largest) = (ratios.first ?? 1, ratios.last ?? 1)
        observedToExpected = smallest...max(smallest, largest)
        let empirical = whitened(evidence.empirical)
        let difference = empirical - Tensor.identity(rank, dtype: .float64)
        empiricalDistance = try (difference.squared().sum() / Double(rank)).squareRoot().item()
        // For normal scores z of covariance M: E|z z^T - M|^2 = (tr M)^2 + tr M^2.
        let trace = try empirical.diagonalScalars().reduce(0, +)
        let square = try empirical.squared().sum().item()
        samplingNoise =
            ((trace * trace + square) / Double(max(evidence.unitCount, 1) * rank)).squareRoot()
        if let test {
            if test.rejects(level: thresholds.level) {
                reasons.append(.modelRejected(measure: test.measure, probability: test.probability))
            }
        } else {
            reasons.append(.untested)
        }
        self.reasons = reasons
    }

    /// The parameters by their share of the null directions, those with hardly any left out.
    private static func undetermined(
        _ names: [ParameterPath], _ vectors: Tensor
    ) throws(TorchError) -> [ParameterPath] {
        let shares = try vectors.squared().sum(along: 1).scalars(as: Double.self)
        var order: [ParameterPath] = []
        var totals: [ParameterPath: Double] = [:]
        for (name, share) in zip(names, shares) {
            if totals[name] == nil { order.append(name) }
            totals[name, default: 0] += share
        }
        return order.filter { (totals[$0] ?? 0) > 0.01 }
            .sorted { (totals[$0] ?? 0, $1) > (totals[$1] ?? 0, $0) }
    }
}
