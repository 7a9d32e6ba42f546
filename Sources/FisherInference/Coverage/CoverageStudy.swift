import Foundation
import Torch

/// How often intervals hold the truth and how often the information-matrix test rejects, over simulated data sets.
package struct CoverageStudy: Sendable {
    package var population: SimulatedPopulation
    package var rows: Int
    package var sets: Int
    package var level = 0.95
    /// The number of data sets whose model is tested, and the draws of each test.
    package var tested = 0
    package var replicates = 199
    package var seed: UInt64 = 1

    package init(_ population: SimulatedPopulation, rows: Int, sets: Int) {
        (self.population, self.rows, self.sets) = (population, rows, sets)
    }

    /// The counts.
    package struct Result: Codable, Sendable {
        package var names: [String]
        package var truth: [Double]
        /// The data sets that could be fitted.
        package var fitted = 0
        /// By covariance, the share of intervals that hold the truth, for each parameter.
        package var coverage: [String: [Double]] = [:]
        /// By covariance, the mean standard error over the standard deviation of the estimates.
        package var errorRatio: [String: [Double]] = [:]
        package var tested = 0
        package var rejected = 0
    }

    package func run(progress: (Int) -> Void = { _ in }) throws -> Result {
        let truth = try population.truth()
        let kinds: [CovarianceKind] = [.standard, .observed, .sandwich]
        var names: [String] = []
        var (fitted, tests, rejections) = (0, 0, 0)
        var held = kinds.map { _ in truth.map { _ in 0 } }
        var errors = kinds.map { _ in truth.map { _ in 0.0 } }
        var (sums, squares) = (truth.map { _ in 0.0 }, truth.map { _ in 0.0 })
        var seeds = SplitMix64(seed: seed)
        for set in 0..<sets {
            // Each data set has its own stream, so that a part of the study is a part of the whole.
            var draws = RandomDraws(seed: seeds.next())
            let model = population.sample(rows, using: &draws)
            names = model.parameterNames
            guard let fit = try? LikelihoodFit(model, start: truth) else { continue }
            fitted += 1
            for (k, kind) in kinds.enumerated() {
                let variances = try fit.covariance(kind).diagonal
                let z = fit.reference(kind).quantile(tail: 1 - level)
                for j in truth.indices {
                    let error = variances[j].squareRoot()
                    errors[k][j] += error
                    if abs(fit.point[j] - truth[j]) <= z * error { held[k][j] += 1 }
                }
            }
            for j in truth.indices {
                sums[j] += fit.point[j] - truth[j]
                squares[j] += (fit.point[j] - truth[j]) * (fit.point[j] - truth[j])
            }
            if set < tested,
                let test = try? fit.informationMatrixTest(
                    replicates: replicates, seed: draws.bits())
            {
                tests += 1
                if test.rejects() { rejections += 1 }
            }
            progress(set + 1)
        }
        let count = Double(max(fitted, 1))
        var result = Result(names: names, truth: truth)
        (result.fitted, result.tested, result.rejected) = (fitted, tests, rejections)
        for (k, kind) in kinds.enumerated() {
            result.coverage[kind.rawValue] = held[k].map { Double($0) / count }
            result.errorRatio[kind.rawValue] = truth.indices.map { j in
                let variance = squares[j] / count - sums[j] * sums[j] / (count * count)
                return errors[k][j] / count / variance.squareRoot()
            }
        }
        return result
    }
}
