import Foundation
import NeuralNet
import Torch

/// Real numbers with independent normal errors: y_j ~ N(mean_j, variance_j), the variance fixed or learned.
///
/// An observation is a vector along the last axis. There is no mask, because every number may be observed:
/// select the rows that were. With a fixed variance of 1 the loss is half the squared error plus log(2 pi)/2
/// per element.
public struct Gaussian: Likelihood {
    /// The model's outputs: the means [..., d], or, if the variance is learned, the d means and then the d
    /// logarithms of the variances, [..., 2 d].
    public let outputs: Tensor
    /// The variance of every element; nil if the model computes it.
    public let fixedVariance: Double?

    /// Creates the likelihood of variance 1 of its means, shape [..., d].
    public init(mean: Tensor) {
        outputs = checkedOutputs(mean, named: "means")
        fixedVariance = 1
    }

    /// Creates the likelihood of its means, shape [..., d], and one known variance, in the observations' unit
    /// squared. Throws `badVariance` if it is not positive and finite.
    public init(mean: Tensor, variance: Double) throws(LikelihoodError) {
        guard variance > 0, variance.isFinite else { throw .badVariance(variance) }
        outputs = checkedOutputs(mean, named: "means")
        fixedVariance = variance
    }

    /// Creates the likelihood of a learned variance, of outputs [..., 2 d]: the means, then the logarithms of
    /// the variances.
    public init(meanAndLogVariance outputs: Tensor) {
        self.outputs = checkedOutputs(outputs, named: "means and log-variances", parts: 2)
        fixedVariance = nil
    }

    /// Creates the likelihood of a learned variance, of means and logarithms of variances that the model
    /// computes apart, both [..., d]. Its `outputs` are the two joined along the last axis.
    public init(mean: Tensor, logVariance: Tensor) {
        let failure = shapeFailure("log-variances", logVariance, like: mean)
        self.init(
            meanAndLogVariance: failure.map { Tensor(failed: $0) }
                ?? .concatenated([mean, logVariance], along: -1))
    }

    /// The means, shape [..., d].
    public var mean: Tensor { fixedVariance == nil ? half(0) : outputs }

    /// The logarithms of the variances: [..., d] if they are learned, one number if it is fixed.
    public var logVariance: Tensor { fixedVariance.map { constant(Foundation.log($0)) } ?? half(1) }

    /// The precision 1 / variance.
    private var precision: Tensor { fixedVariance.map { constant(1 / $0) } ?? (-half(1)).exp() }

    private func half(_ index: Int) -> Tensor { outputs.split(into: 2, along: -1)[index] }

    private func constant(_ value: Double) -> Tensor {
        outputs.failure == nil
            ? .full([], value, dtype: outputs.dtype, device: outputs.device) : outputs
    }

    /// The number of observations: all but the last axis.
    public func observationCount(of observed: Tensor) throws(TorchError) -> Int {
        if let failure = shapeFailure("observations", observed, like: mean) { throw failure }
        return observed.shape.dropLast().reduce(1, *)
    }
}

extension Gaussian: Samplable {
    /// Numbers in the means' shape and type.
    public func sample(using generator: RandomGenerator) -> Tensor {
        let mean = mean.detached()
        return mean + Tensor.normal(like: mean, using: generator) * (logVariance.detached() / 2).exp()
    }

    /// sum_j ((y_j - mean_j)^2 / variance_j + log variance_j + log 2 pi) / 2 for observations in the means' shape.
    public func perObservationNegativeLogLikelihood(of observed: Tensor) -> Tensor {
        if let failure = shapeFailure("observations", observed, like: mean) { return Tensor(failed: failure) }
        let squares = (observed.to(dtype: outputs.dtype) - mean).squared() * precision
        return (squares + logVariance + Foundation.log(2 * Double.pi)).sum(along: -1) / 2
    }
}

/// With a fixed variance F = I / variance, in the means; with a learned one F = diag(1 / variance_j) in the means
/// and diag(1/2) in the log-variances. A factor for each output.
extension Gaussian: ClosedFormFisher {
    private var fisher: DiagonalFisher {
        if outputs.failure != nil { return DiagonalFisher(outputs) }
        guard fixedVariance == nil else { return DiagonalFisher(Tensor.ones(like: outputs) * precision) }
        return DiagonalFisher(.concatenated([precision, .full(like: precision, 0.5)], along: -1))
    }

    public func outputFisherProduct(_ v: Tensor) -> Tensor { fisher.product(v) }

    public var outputFisherFactorCount: Int { outputs.lastAxis }

    public func outputFisherFactor(_ k: Int) -> Tensor { fisher.factor(k) }

    /// F v if the variance is fixed. Throws `noOutputHessian` if it is learned: with
    /// z = (y - mean)^2 / variance the block of a mean and its log-variance has the determinant
    /// -z / (2 variance), which is never positive.
    public func outputHessianProduct(of observed: Tensor, _ v: Tensor) throws(LikelihoodError) -> Tensor {
        guard fixedVariance != nil else {
            throw .noOutputHessian(
                likelihood: "Gaussian with a learned variance", reason: "may be indefinite")
        }
        if let failure = shapeFailure("observations", observed, like: mean) { return Tensor(failed: failure) }
        return outputFisherProduct(v)
    }

    /// sum (r - log(1 + r) + (mean - mean')^2 / variance') / 2 with 1 + r = variance / variance'. Either may be of
    /// fixed or of learned variance.
    public func divergence(from other: Gaussian, observing observed: Tensor?) -> Tensor {
        if let failure = shapeFailure("other means", other.mean, like: mean) {
            return Tensor(failed: failure)
        }
        let logRatio = logVariance - other.logVariance
        let squares = (mean - other.mean).squared() * other.precision
        return (squares + logRatio.expMinusOne() - logRatio).sum() / 2
    }
}

extension Gaussian {
    /// The description of a Gaussian of known variance in JSON: `"gaussian"` for a variance of 1, or
    /// `{"gaussian": {"variance": 0.25}}`. The outputs are the means.
    public struct Description: LikelihoodDescription {
        public static let kind = "gaussian"
        public static let shortForm = ["variance"]
        public static var options: [LayerOption<Self>] { [.optional("variance", \.variance, .positive)] }
        var variance = 1.0

        public init() {}

        public func likelihood(of outputs: Tensor) throws(LikelihoodError) -> Gaussian {
            try Gaussian(mean: outputs, variance: variance)
        }
    }

    /// The description of a Gaussian of learned variance in JSON: `"gaussian_learned_variance"`. The outputs are the means
    /// and then the logarithms of the variances.
    public struct LearnedVarianceDescription: LikelihoodDescription {
        public static let kind = "gaussian_learned_variance"

        public init() {}

        public func likelihood(of outputs: Tensor) -> Gaussian { Gaussian(meanAndLogVariance: outputs) }
    }
}
