import Foundation

/// A population from which samples of rows are drawn, for measuring how often intervals hold the truth: an intercept, a
/// number x of nine values and a group g of two, and a response that the model describes rightly or wrongly.
package struct SimulatedPopulation: Sendable {
    package let family: ModelFamily
    /// Whether the response is not distributed as the model says: a variance that grows with x (Gaussian), probabilities
    /// or rates that vary between rows (binomial, Poisson), a predictor quadratic in x (categorical), a spread of the
    /// latent variable that grows with x (ordinal).
    package let isWrong: Bool
    /// The trials of a binomial row.
    static let trials = 10

    package init(family: ModelFamily, isWrong: Bool) {
        (self.family, self.isWrong) = (family, isWrong)
    }

    private static let grid = stride(from: -2.0, through: 2, by: 0.5).map(\.self)
    private static let shares = grid.map { exp(-$0 * $0 / 2) }

    private var levels: [String] {
        family == .categorical ? ["a", "b", "c"] : family == .ordinal ? ["1", "2", "3", "4"] : []
    }

    private func predictor(_ x: Double, _ g: Double) -> Double {
        switch family {
        case .gaussian: 1 + 0.5 * x - 0.5 * g
        case .binomial: -0.5 + 0.6 * x + 0.4 * g
        default: 0.5 + 0.4 * x + 0.3 * g
        }
    }

    /// The probabilities of the levels of a response that has them.
    private func probabilities(_ x: Double, _ g: Double) -> [Double] {
        if family == .categorical {
            let bend = isWrong ? 1.0 : 0
            let logits = [
                0, 0.3 + 0.6 * x - 0.4 * g + bend * (x * x - 1),
                -0.2 - 0.5 * x + 0.5 * g - bend * (x * x - 1),
            ]
            let weights = logits.map { exp($0) }
            return weights.map { $0 / weights.reduce(0, +) }
        }
        let spread = isWrong ? exp(0.7 * x) : 1
        let below = [-1.0, 0.3, 1.6].map { 1 / (1 + exp(-($0 - 0.7 * x - 0.4 * g) / spread)) } + [1]
        return below.indices.map { $0 == 0 ? below[0] : below[$0] - below[$0 - 1] }
    }

    private func response(_ x: Double, _ g: Double, _ draws: inout RandomDraws) -> Double {
        let eta = predictor(x, g)
        switch family {
        case .gaussian: return eta + draws.normal() * (isWrong ? exp(0.6 * x) : 1)
        case .binomial:
            var p = 1 / (1 + exp(-eta))
            if isWrong {
                // Beta of size 4: the variance of a row's count is 2.8 times the binomial one.
                let (a, b) = (draws.gamma(shape: 4 * p), draws.gamma(shape: 4 * (1 - p)))
                p = a / (a + b)
            }
            return Double(draws.binomial(Self.trials, p))
        case .poisson:
            // Gamma of shape 2: the variance is mu + mu^2 / 2.
            return Double(draws.poisson(exp(eta) * (isWrong ? draws.gamma(shape: 2) / 2 : 1)))
        case .categorical, .ordinal: return Double(draws.index(probabilities(x, g)))
        }
    }

    /// A sample of independent rows.
    package func sample(_ rows: Int, using draws: inout RandomDraws) -> RegressionModel {
        var (values, responses) = ([Double](), [Double]())
        for _ in 0..<rows {
            let (x, g) = (Self.grid[draws.index(Self.shares)], draws.uniform() < 0.5 ? 1.0 : 0)
            values += (family == .ordinal ? [] : [1]) + [x, g]
            responses.append(response(x, g, &draws))
        }
        return model(values, responses)
    }

    private func model(_ values: [Double], _ responses: [Double], weights: [Double]? = nil) -> RegressionModel
    {
        let names = (family == .ordinal ? [] : ["intercept"]) + ["x", "g"]
        return RegressionModel(
            family: family,
            design: DesignMatrix(
                names: names,
                terms: [("x", names.count - 2..<names.count - 1), ("g", names.count - 1..<names.count)],
                rowCount: responses.count, values: values),
            response: responses, levels: levels,
            trials: family == .binomial ? responses.map { _ in Double(Self.trials) } : nil, weights: weights)
    }

    /// What the estimates converge to: the coefficients where the mean is right, and otherwise those nearest to the
    /// population in divergence, a fit to all of its cells weighted by their probabilities.
    package func truth() throws -> [Double] {
        switch family {
        case .gaussian: return [1, 0.5, -0.5]
        case .binomial: return [-0.5, 0.6, 0.4]
        case .poisson: return [0.5, 0.4, 0.3]
        case .categorical, .ordinal:
            var (values, responses, weights) = ([Double](), [Double](), [Double]())
            for (x, share) in zip(Self.grid, Self.shares) {
                for g in [0.0, 1] {
                    for (y, p) in probabilities(x, g).enumerated() {
                        values += (family == .ordinal ? [] : [1]) + [x, g]
                        responses.append(Double(y))
                        weights.append(share * p)
                    }
                }
            }
            let cells = model(values, responses, weights: weights)
            return try Maximizer().maximum(of: cells, within: .all(from: cells.start)).point
        }
    }
}
