import FisherInformation
import Foundation

/// A generalized linear, multinomial or proportional-odds regression with its data.
package struct RegressionModel: Sendable {
    package let family: ModelFamily
    package let link: Link
    package let dispersion: Dispersion
    package let design: DesignMatrix
    /// The levels of a response that has them, in order: of a categorical one, the reference first.
    package let levels: [String]
    /// The response: numbers, or the indices of levels.
    package let response: [Double]
    /// The trials of a binomial row.
    let trials: [Double]
    package let weights: [Double]
    package let weightKind: WeightKind
    let offset: [Double]
    /// The index of each row's cluster.
    package let clusters: [Int]?
    package let clusterCount: Int
    /// The part of the log-likelihood that depends on the response only.
    private let constant: Double

    package init(
        family: ModelFamily, link: Link? = nil, dispersion: Dispersion? = nil, design: DesignMatrix,
        response: [Double], levels: [String] = [], trials: [Double]? = nil, weights: [Double]? = nil,
        weightKind: WeightKind = .frequency, offset: [Double]? = nil, clusters: [Int]? = nil
    ) {
        let rows = design.rowCount
        self.family = family
        self.link = link ?? family.links[0]
        self.dispersion = dispersion ?? (family == .gaussian ? .learned : .known(1))
        self.design = design
        self.levels = levels
        self.response = response
        self.trials = trials ?? Array(repeating: 1, count: rows)
        self.weights = weights ?? Array(repeating: 1, count: rows)
        self.weightKind = weightKind
        self.offset = offset ?? Array(repeating: 0, count: rows)
        self.clusters = clusters
        clusterCount = clusters.map { Set($0).count } ?? 0
        constant = Self.constant(
            family, response, self.trials, self.weights, weightKind, hasTrials: trials != nil)
    }

    private static func constant(
        _ family: ModelFamily, _ response: [Double], _ trials: [Double], _ weights: [Double],
        _ kind: WeightKind, hasTrials: Bool
    ) -> Double {
        var sum = 0.0
        for i in response.indices where weights[i] > 0 {
            switch family {
            case .poisson: sum -= weights[i] * ChiSquare.logGamma(response[i] + 1)
            case .binomial where hasTrials:
                let (y, m) = (response[i], trials[i])
                sum +=
                    weights[i]
                    * (ChiSquare.logGamma(m + 1) - ChiSquare.logGamma(y + 1) - ChiSquare.logGamma(m - y + 1))
            case .gaussian where kind == .precision: sum += log(weights[i]) / 2
            default: break
            }
        }
        return sum
    }

    /// The number of linear predictors of a row.
    var width: Int { family.hasLevels ? levels.count - 1 : 1 }
    var kernel: MeanKernel { MeanKernel(family: family, link: link) }

    /// The number of units: rows, or what they stand for.
    package var unitCount: Double {
        weightKind == .frequency
            ? weights.reduce(0, +) : Double(weights.count { $0 > 0 })
    }

    package var parameterNames: [String] {
        switch family {
        case .categorical: levels.dropFirst().flatMap { level in design.names.map { "\($0)@\(level)" } }
        case .ordinal: design.names + zip(levels, levels.dropFirst()).map { "\($0)|\($1)" }
        default: design.names
        }
    }

    /// The parameters of some columns of the design.
    package func parameters(ofColumns columns: Range<Int>) -> [Int] {
        guard family == .categorical else { return Array(columns) }
        return (0..<width).flatMap { k in columns.map { k * design.columnCount + $0 } }
    }

    /// The parameters that are no intercept and no threshold.
    package var slopes: [Int] {
        let first = design.names.first == "intercept" && family != .ordinal ? 1 : 0
        return parameters(ofColumns: first..<design.columnCount).sorted()
    }

    /// Whether phi is a parameter that is estimated with the others: at each point, by its maximum.
    var learnsVariance: Bool { family == .gaussian && dispersion == .learned }

    /// The variance of the Gaussian at a point: the known one, or the maximum of the likelihood, the weighted residual
    /// square over n. Other families have 1.
    package func variance(fromSquare square: Double) -> Double {
        guard family == .gaussian else { return 1 }
        if case .known(let value) = dispersion { return value }
        return square / unitCount
    }
}

extension RegressionModel: LikelihoodModel {
    package var start: [Double] {
        var point = [Double](repeating: 0, count: parameterNames.count)
        let counts = levels.indices.map { level in
            zip(response, weights).reduce(0.5) { $0 + (Int($1.0) == level ? $1.1 : 0) }
        }
        let total = counts.reduce(0, +)
        if family == .ordinal {
            var below = 0.0
            for k in 0..<width {
                below += counts[k]
                point[design.columnCount + k] = log(below / (total - below))
            }
            return point
        }
        guard design.names.first == "intercept" else {
            // The identity of a Poisson mean must be positive everywhere.
            return point
        }
        if family == .categorical {
            for k in 0..<width { point[k * design.columnCount] = log(counts[k + 1] / counts[0]) }
            return point
        }
        let sum = zip(response, weights).reduce(0) { $0 + $1.0 * $1.1 }
        let units = zip(trials, weights).reduce(0) { $0 + $1.0 * $1.1 }
        if link == .identity {
            point[0] = sum / units
        } else if family == .binomial {
            point[0] = link.predictor(of: (sum + 0.5) / (units + 1))
        } else {
            // The mean less that of the offset, as rates have.
            let exposure = zip(offset, weights).reduce(0) { $0 + exp($1.0) * $1.1 }
            point[0] = log(max(sum, 0.5) / exposure)
        }
        return point
    }

    /// The linear predictors of all rows, [row, predictor].
    func predictors(at point: [Double]) -> [Double] {
        let (rows, p, width) = (design.rowCount, design.columnCount, width)
        var eta = [Double](repeating: 0, count: rows * width)
        eta.withUnsafeMutableBufferPointer { eta in
            design.values.withUnsafeBufferPointer { x in
                point.withUnsafeBufferPointer { b in
                    for i in 0..<rows {
                        if family == .ordinal {
                            var sum = offset[i]
                            for j in 0..<p { sum += x[i * p + j] * b[j] }
                            for k in 0..<width { eta[i * width + k] = b[p + k] - sum }
                        } else {
                            for k in 0..<width {
                                var sum = offset[i]
                                for j in 0..<p { sum += x[i * p + j] * b[k * p + j] }
                                eta[i * width + k] = sum
                            }
                        }
                    }
                }
            }
        }
        return eta
    }

    package func predictorChange(along step: [Double]) -> Double? {
        // On an unbounded scale of the response a predictor that moves far says nothing.
        if family == .gaussian || link == .identity { return nil }
        let moved = predictors(at: step)
        let width = width
        return moved.indices.reduce(0.0) { largest, index in
            let row = index / width
            guard weights[row] > 0 else { return largest }
            let shift = family == .ordinal ? -offset[row] : offset[row]
            return max(largest, abs(moved[index] - shift))
        }
    }

    package func logLikelihood(at point: [Double]) -> Double {
        let eta = predictors(at: point)
        let width = width
        var sum = 0.0
        if family.hasLevels {
            if family == .ordinal,
                zip(point.suffix(width), point.suffix(width).dropFirst()).contains(where: { $0 >= $1 })
            {
                return -.infinity
            }
            var p = [Double](repeating: 0, count: width + 1)
            eta.withUnsafeBufferPointer { eta in
                guard let base = eta.baseAddress else { return }
                for i in response.indices where weights[i] > 0 {
                    let row = base + i * width
                    sum +=
                        weights[i]
                        * (family == .ordinal
                            ? log(OrdinalKernel().probability(Int(response[i]), row, width: width))
                            : CategoricalKernel().probabilities(Int(response[i]), row, into: &p, width: width))
                }
            }
            return sum.isNaN ? -.infinity : sum
        }
        let kernel = kernel
        for i in response.indices where weights[i] > 0 {
            sum += weights[i] * kernel.logLikelihood(response[i], trials[i], eta[i])
        }
        return total(sum)
    }

    /// The log-likelihood with its constants, from the sum of the kernel's.
    private func total(_ sum: Double) -> Double {
        guard sum.isFinite else { return -.infinity }
        guard family == .gaussian else { return sum + constant }
        let variance = variance(fromSquare: -2 * sum)
        return sum / variance - unitCount / 2 * log(2 * Double.pi * variance) + constant
    }

    /// The derivatives of every row, weights and the variance included.
    func rowTerms(at point: [Double]) -> RowTerms {
        let (rows, width) = (design.rowCount, width)
        let eta = predictors(at: point)
        var terms = RowTerms(
            width: width, gradients: Array(repeating: 0, count: rows * width),
            expected: Array(repeating: 0, count: rows * width * width))
        terms.logLikelihood = logLikelihood(at: point)
        if !family.hasLevels {
            addMeans(eta, to: &terms)
            return terms
        }
        if family == .ordinal { terms.observed = terms.expected }
        var p = [Double](repeating: 0, count: width + 1)
        eta.withUnsafeBufferPointer { eta in
            terms.gradients.withUnsafeMutableBufferPointer { g in
                terms.expected.withUnsafeMutableBufferPointer { f in
                    terms.observed.withUnsafeMutableBufferPointer { h in
                        guard let eta = eta.baseAddress, let g = g.baseAddress, let f = f.baseAddress else {
                            return
                        }
                        for i in 0..<rows where weights[i] > 0 {
                            let (y, w) = (Int(response[i]), weights[i])
                            if family == .ordinal, let h = h.baseAddress {
                                OrdinalKernel().add(
                                    y, w, eta + i * width, width: width, gradient: g + i * width,
                                    expected: f + i * width * width, observed: h + i * width * width)
                                continue
                            }
                            _ = CategoricalKernel().probabilities(y, eta + i * width, into: &p, width: width)
                            for a in 0..<width {
                                g[i * width + a] = w * ((y == a + 1 ? 1 : 0) - p[a + 1])
                                for b in 0..<width {
                                    f[(i * width + a) * width + b] =
                                        w * ((a == b ? p[a + 1] : 0) - p[a + 1] * p[b + 1])
                                }
                            }
                        }
                    }
                }
            }
        }
        return terms
    }

    private func addMeans(_ eta: [Double], to terms: inout RowTerms) {
        let kernel = kernel
        if !kernel.isCanonical { terms.observed = terms.expected }
        var square = 0.0
        for i in response.indices where weights[i] > 0 {
            let found = kernel.derivatives(response[i], trials[i], eta[i])
            terms.gradients[i] = weights[i] * found.score
            terms.expected[i] = weights[i] * found.expected
            if !kernel.isCanonical { terms.observed[i] = weights[i] * found.observed }
            if family == .gaussian {
                square -= 2 * weights[i] * kernel.logLikelihood(response[i], trials[i], eta[i])
            }
        }
        guard family == .gaussian else { return }
        let variance = variance(fromSquare: square)
        for i in response.indices {
            terms.gradients[i] /= variance
            terms.expected[i] /= variance
            if !kernel.isCanonical { terms.observed[i] /= variance }
        }
    }

    package func evaluation(at point: [Double]) -> Evaluation {
        let terms = rowTerms(at: point)
        let expected = information(terms.expected)
        return Evaluation(
            logLikelihood: terms.logLikelihood, score: score(terms.gradients), expected: expected,
            observed: terms.observed.isEmpty ? expected : information(terms.observed))
    }

    package func unitVariance(at point: [Double]) -> ScoreVariance {
        variance(of: rowTerms(at: point).gradients, clustered: false)
    }

    /// The variance of the clusters' scores; nil without clusters.
    package func clusterVariance(at point: [Double]) -> ScoreVariance? {
        clusters == nil ? nil : variance(of: rowTerms(at: point).gradients, clustered: true)
    }

    package func resampled(at point: [Double], using draws: inout RandomDraws) throws -> RegressionModel {
        let source = try expanded()
        let eta = source.predictors(at: point)
        let square = source.response.indices.reduce(0.0) { sum, i in
            family == .gaussian
                ? sum - 2 * source.weights[i] * kernel.logLikelihood(source.response[i], 1, eta[i]) : 0
        }
        let deviation = source.variance(fromSquare: square).squareRoot()
        var p = [Double](repeating: 0, count: width + 1)
        var drawn = source.response
        for i in drawn.indices where source.weights[i] > 0 {
            switch family {
            case .gaussian:
                // A weight of precision is an inverse variance.
                drawn[i] =
                    link.mean(eta[i]).value + deviation / source.weights[i].squareRoot() * draws.normal()
            case .binomial:
                drawn[i] = Double(draws.binomial(Int(source.trials[i]), link.mean(eta[i]).value))
            case .poisson: drawn[i] = Double(draws.poisson(link.mean(eta[i]).value))
            case .categorical, .ordinal:
                eta.withUnsafeBufferPointer { eta in
                    guard let row = eta.baseAddress.map({ $0 + i * width }) else { return }
                    if family == .ordinal {
                        for y in 0...width { p[y] = OrdinalKernel().probability(y, row, width: width) }
                    } else {
                        _ = CategoricalKernel().probabilities(0, row, into: &p, width: width)
                    }
                }
                drawn[i] = Double(draws.index(p))
            }
        }
        return source.with(response: drawn)
    }

    /// Other responses of the same rows.
    package func with(response: [Double]) -> RegressionModel {
        RegressionModel(
            family: family, link: link, dispersion: dispersion, design: design, response: response,
            levels: levels, trials: family == .binomial ? trials : nil, weights: weights,
            weightKind: weightKind, offset: offset, clusters: clusters)
    }
}
