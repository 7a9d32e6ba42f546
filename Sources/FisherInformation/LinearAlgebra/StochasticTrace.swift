import Foundation
import Torch

/// An estimate by random probes, with its standard error.
public struct StochasticEstimate: Hashable, Sendable {
    /// The mean over the probes.
    public let value: Double
    /// The standard deviation of that mean; nil for a single probe.
    public let standardError: Double?

    package init(_ samples: [Double]) {
        let count = Double(samples.count)
        let mean = samples.reduce(0, +) / count
        value = mean
        let squares = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        standardError = samples.count > 1 ? (squares / (count - 1) / count).squareRoot() : nil
    }
}

/// The distribution of random probes.
public enum ProbeDistribution: Sendable {
    /// -1 or 1: the smallest variance of a trace among independent elements.
    case rademacher
    /// N(0, 1).
    case gaussian

    package func draw(_ size: Int, dtype: DType, using generator: RandomGenerator) -> Tensor {
        switch self {
        case .gaussian: .normal([size], dtype: dtype, using: generator)
        case .rademacher:
            Tensor.bernoulli(like: .zeros([size], dtype: dtype), probability: 0.5, using: generator) * 2 - 1
        }
    }
}

extension SymmetricOperator {
    /// The trace by v^T A v over random probes (Hutchinson 1990). A probe costs a product.
    public func trace(
        probes: Int, _ distribution: ProbeDistribution = .rademacher, using generator: RandomGenerator
    ) throws -> StochasticEstimate {
        precondition(probes > 0)
        return StochasticEstimate(
            try (0..<probes).map { _ in
                let probe = distribution.draw(size, dtype: dtype, using: generator)
                return try (probe * (try self(probe))).sum(dtype: .float64).item()
            })
    }

    /// The log-determinant of a positive definite matrix by stochastic Lanczos quadrature (Ubaru, Chen and Saad
    /// 2017). A probe costs `steps` products.
    public func logDeterminant(
        probes: Int, steps: Int, using generator: RandomGenerator
    ) throws -> StochasticEstimate {
        precondition(probes > 0)
        return StochasticEstimate(
            try (0..<probes).map { _ in
                let probe = ProbeDistribution.rademacher.draw(size, dtype: dtype, using: generator)
                let found = try lanczos(steps: steps, start: probe)
                return Double(size)
                    * zip(found.values, found.weights).reduce(0) { $0 + $1.1 * log(max($1.0, 1e-300)) }
            })
    }
}
