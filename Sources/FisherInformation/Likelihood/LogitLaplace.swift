import Foundation
import Torch

/// Intensities between 0 and 1, such as the channels of pixels: logit(0.8 x + 0.1) ~ Laplace(mu, b).
///
/// An observation is a vector along the last axis. The map (1 - 2 e) x + e with e = 0.1 keeps the logit of black
/// and of white finite (Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation", appendix A.3). The density is
/// that of the mapped x, as there; the density of x itself is 1 - 2 e times as large.
public struct LogitLaplace: Likelihood {
    /// The margin e of the map.
    public static let margin = 0.1

    /// The model's outputs, [..., 2 d]: the d locations mu, then the d logarithms of the scales b.
    public let outputs: Tensor

    /// Creates the likelihood of its locations and then the logarithms of its scales, shape [..., 2 d].
    public init(locationAndLogScale outputs: Tensor) {
        self.outputs = checkedOutputs(outputs, named: "locations and log-scales", parts: 2)
    }

    /// Creates the likelihood of locations and logarithms of scales that the model computes apart, both
    /// [..., d].
    public init(location: Tensor, logScale: Tensor) {
        let failure = shapeFailure("log-scales", logScale, like: location)
        self.init(
            locationAndLogScale: failure.map { Tensor(failed: $0) }
                ?? .concatenated([location, logScale], along: -1))
    }

    /// The locations mu, of the logit of the mapped intensities, shape [..., d].
    public var location: Tensor { outputs.split(into: 2, along: -1)[0] }

    /// The logarithms of the scales b, shape [..., d].
    public var logScale: Tensor { outputs.split(into: 2, along: -1)[1] }

    /// The intensities at the medians, for displaying the model's predictions; within [0, 1].
    public var median: Tensor { LogitLaplace.unmapped(location.sigmoid()).clamped(to: 0...1) }

    /// The number of observations: all but the last axis.
    public func observationCount(of observed: Tensor) throws(TorchError) -> Int {
        if let failure = shapeFailure("observations", observed, like: location) { throw failure }
        return observed.shape.dropLast().reduce(1, *)
    }

    static func mapped(_ intensities: Tensor) -> Tensor { intensities * (1 - 2 * margin) + margin }

    private static func unmapped(_ mapped: Tensor) -> Tensor { (mapped - margin) / (1 - 2 * margin) }

    /// Where the logit of a mapped intensity keeps some digits.
    private var range: ClosedRange<Double> {
        let edge = 4 * outputs.dtype.ulpOfOne
        return edge...(1 - edge)
    }
}

extension LogitLaplace: Samplable {
    /// Intensities in the locations' shape and type.
    ///
    /// The distribution reaches beyond 0 and 1, to -1/8 and 9/8. Draws are clamped to where the type can
    /// still distinguish their mapped values from 0 and 1, a distance of 4 units in the last place of 1.
    public func sample(using generator: RandomGenerator) -> Tensor {
        if outputs.failure != nil { return outputs }
        let (mu, scale) = (location.detached(), logScale.detached().exp())
        // The difference of two exponential variables has a Laplace distribution.
        let noise = Tensor.exponential(like: mu, using: generator) - .exponential(like: mu, using: generator)
        return LogitLaplace.unmapped((mu + noise * scale).sigmoid().clamped(to: range))
    }

    /// sum_j log(2 b_j u_j (1 - u_j)) + |logit u_j - mu_j| / b_j with u = 0.8 x + 0.1, for intensities x in the
    /// locations' shape.
    ///
    /// An x for which u is not inside (0, 1) gives a failed tensor; the check reads two numbers from the
    /// device.
    public func perObservationNegativeLogLikelihood(of observed: Tensor) -> Tensor {
        if let failure = shapeFailure("observations", observed, like: location) {
            return Tensor(failed: failure)
        }
        let mapped = LogitLaplace.mapped(observed.to(dtype: outputs.dtype))
        let edge = outputs.dtype.ulpOfOne
        if let failure = rangeFailure("0.8 x + 0.1 for LogitLaplace", mapped, in: edge...(1 - edge)) {
            return Tensor(failed: failure)
        }
        let distance = (mapped.logit() - location).magnitude() * (-logScale).exp()
        return (logScale + Foundation.log(2) + (mapped * (1 - mapped)).log() + distance).sum(along: -1)
    }
}

/// F = diag(1 / b_j^2) in the locations and the identity in the log-scales. A factor for each output.
extension LogitLaplace: ClosedFormFisher {
    private var fisher: DiagonalFisher {
        if outputs.failure != nil { return DiagonalFisher(outputs) }
        let inLocation = (logScale * -2).exp()
        return DiagonalFisher(.concatenated([inLocation, .ones(like: inLocation)], along: -1))
    }

    public func outputFisherProduct(_ v: Tensor) -> Tensor { fisher.product(v) }

    public var outputFisherFactorCount: Int { outputs.lastAxis }

    public func outputFisherFactor(_ k: Int) -> Tensor { fisher.factor(k) }

    /// Throws `noOutputHessian`: the loss is piecewise linear in the location.
    public func outputHessianProduct(of observed: Tensor, _ v: Tensor) throws(LikelihoodError) -> Tensor {
        throw .noOutputHessian(
            likelihood: "LogitLaplace", reason: "is zero almost everywhere in the locations")
    }

    /// sum log(b'/b) + (b exp(-|mu - mu'|/b) + |mu - mu'|) / b' - 1.
    public func divergence(from other: LogitLaplace, observing observed: Tensor?) -> Tensor {
        if let failure = shapeFailure("other outputs", other.outputs, like: outputs) {
            return Tensor(failed: failure)
        }
        let logRatio = logScale - other.logScale
        let distance = (location - other.location).magnitude() * (-logScale).exp()
        // In units of b, and grouped so that nearby distributions lose no digits: what is left of
        // exp(-x) + x - 1 and of exp(r) - r - 1.
        let excess = distance + (-distance).expMinusOne()
        return (logRatio.exp() * excess + logRatio.expMinusOne() - logRatio).sum()
    }
}

extension LogitLaplace: NamedLikelihood {
    public static let name = "logit_laplace"
    public init(outputs: Tensor) { self.init(locationAndLogScale: outputs) }
}
