import NeuralNet
import Torch

/// A number represented by a histogram: p(bin k) = softmax(logits)_k over bins at fixed places on the real
/// line.
///
/// A value between two bins is randomly rounded to one of them, so that its expectation is the value: the bins
/// at b_k <= x <= b_{k+1} have the weights (b_{k+1} - x)/(b_{k+1} - b_k) and (x - b_k)/(b_{k+1} - b_k). What is
/// observed is the bin; the loss of a value is its expected negative log-likelihood.
public struct TwoHot: Likelihood {
    /// The observations of a whole batch.
    public enum Observation {
        /// Values between the first and the last bin, shape [...].
        case values(Tensor)
        /// Numbers of bins, of an integer type, shape [...]; `Categorical.masked` marks one as not observed.
        case bins(Tensor)
    }

    /// The places of the bins, ascending.
    public let bins: [Double]
    private let categorical: Categorical

    /// The logits, shape [..., bins].
    public var logits: Tensor { categorical.logits }

    /// Creates the likelihood of its logits, shape [..., bins], and the places of the bins. Throws `badBins`
    /// if they are not at least two finite numbers in ascending order.
    public init(logits: Tensor, bins: [Double]) throws(LikelihoodError) {
        guard bins.count >= 2 else { throw .badBins(reason: "must be two or more, not \(bins.count)") }
        for (lower, upper) in zip(bins, bins.dropFirst()) where !(lower < upper) {
            throw .badBins(reason: "must ascend; \(upper) follows \(lower)")
        }
        guard (bins[bins.count - 1] - bins[0]).isFinite else {
            throw .badBins(reason: "must be finite, and so must be their range")
        }
        self.bins = bins
        let fits = logits.failure != nil || logits.shape.last == bins.count
        categorical = Categorical(
            logits: fits
                ? logits
                : Tensor(
                    failed: TorchError(
                        message: "logits of shape \(logits.shape) have no last axis of \(bins.count) bins")))
    }

    /// The mean of the distribution, sum_k p_k b_k, shape [...].
    public var expectedValue: Tensor {
        if logits.failure != nil { return logits }
        let places = Tensor(bins).to(dtype: logits.dtype, device: logits.device)
        return (logits.softmax(along: -1) * places).sum(along: -1)
    }

    /// The weights of the bins for values of any shape [...], computed in float64, shape [..., bins]; they sum to
    /// one. A value beyond the first or the last bin gives a failed tensor.
    public func weights(of values: Tensor) -> Tensor {
        if values.failure != nil { return values }
        // A last bin at 0.1 takes the float32 next to it, which is larger.
        let (first, last) = (bins[0], bins[bins.count - 1])
        let rounding = values.dtype.ulpOfOne * max(abs(first), abs(last))
        if let failure = rangeFailure("values of TwoHot", values, in: (first - rounding)...(last + rounding))
        {
            return Tensor(failed: failure)
        }
        let places = Tensor(bins).to(device: values.device)
        let gaps = bins.count - 1
        let lower = places.narrowed(0, from: 0, length: gaps)
        let widths = places.narrowed(0, from: 1, length: gaps) - lower
        // The fraction of each gap that lies below a value; a bin's weight is the difference of its two gaps.
        let passed = ((values.to(dtype: .float64).unsqueezed(-1) - lower) / widths).clamped(to: 0...1)
        let ends = passed.narrowed(-1, from: 0, length: 1)
        return .concatenated([.ones(like: ends), passed], along: -1)
            - .concatenated([passed, .zeros(like: ends)], along: -1)
    }

    /// The number of values, or of unmasked bins.
    public func observationCount(of observed: Observation) throws(TorchError) -> Int {
        switch observed {
        case .values(let values):
            try values.check()
            return values.count
        case .bins(let bins): return try categorical.observationCount(of: bins)
        }
    }
}

extension TwoHot: Samplable {
    /// A bin for each position.
    public func sample(using generator: RandomGenerator) -> Observation {
        .bins(categorical.sample(using: generator))
    }

    public func sample(like observed: Observation, using generator: RandomGenerator) -> Observation {
        switch observed {
        case .values: sample(using: generator)
        case .bins(let bins): .bins(categorical.sample(like: bins, using: generator))
        }
    }

    /// -sum_k w_k log p_k, with the weights of a value or all the weight on the bin that was observed.
    public func perObservationNegativeLogLikelihood(of observed: Observation) -> Tensor {
        switch observed {
        case .bins(let bins): return categorical.perObservationNegativeLogLikelihood(of: bins)
        case .values(let values):
            if let failure = failure(of: values) { return Tensor(failed: failure) }
            let weights = weights(of: values).to(dtype: logits.dtype)
            return -(weights * logits.logSoftmax(along: -1)).sum(along: -1)
        }
    }

    private func failure(of values: Tensor) -> TorchError? {
        if let failure = logits.failure ?? values.failure { return failure }
        return values.shape == logits.shape.dropLast()
            ? nil
            : TorchError(message: "logits of shape \(logits.shape) have no values of shape \(values.shape)")
    }
}

/// The information of a categorical distribution over the bins. The Hessian is F, for a value too: its weights sum
/// to one.
extension TwoHot: ClosedFormFisher {
    public var outputs: Tensor { logits }

    public func outputFisherProduct(_ v: Tensor) -> Tensor { categorical.outputFisherProduct(v) }

    public var outputFisherFactorCount: Int { categorical.outputFisherFactorCount }

    public func outputFisherFactor(_ k: Int) -> Tensor { categorical.outputFisherFactor(k) }

    public func outputHessianProduct(of observed: Observation, _ v: Tensor) -> Tensor {
        switch observed {
        case .bins(let bins): return categorical.outputHessianProduct(of: bins, v)
        case .values(let values):
            if let failure = failure(of: values) { return Tensor(failed: failure) }
            return categorical.outputFisherProduct(v)
        }
    }

    /// The KL divergence of distributions over the same bins; a failed tensor if the bins differ.
    public func divergence(from other: TwoHot, observing observed: Observation?) -> Tensor {
        guard bins == other.bins else {
            return Tensor(failed: TorchError(message: "distributions over different bins have no divergence"))
        }
        return masking(softmaxDivergence(logits, from: other.logits), as: observed).sum()
    }

    public func maskedOutputs(of observed: Observation) -> Tensor? {
        if case .bins(let bins) = observed { categorical.maskedOutputs(of: bins) } else { nil }
    }
}

extension TwoHot {
    /// The description of the likelihood in JSON: `{"two_hot": [-1, 0, 1]}`, the places of the bins. Targets of a
    /// floating-point type are values, those of an integer type numbers of bins.
    public struct Description: LikelihoodDescription {
        public static let kind = "two_hot"
        public static let shortForm = ["bins"]
        public static var options: [LayerOption<Self>] { [.required("bins", \.bins, .numbers(from: 2))] }
        var bins: [Double] = []

        public init() {}

        public func check() throws(LayerDescriptionError) {
            do throws(LikelihoodError) {
                _ = try TwoHot(logits: .zeros([bins.count]), bins: bins)
            } catch {
                guard case .badBins(let reason) = error else { throw LayerDescriptionError("\(error)") }
                throw LayerDescriptionError("has bins that \(reason)")
            }
        }

        public func likelihood(of outputs: Tensor) throws(LikelihoodError) -> TwoHot {
            try TwoHot(logits: outputs, bins: bins)
        }

        public func observations(_ targets: Tensor) -> Observation {
            targets.failure != nil || targets.dtype.isFloatingPoint ? .values(targets) : .bins(targets)
        }

        public func targetDType(forOutputs dtype: DType, given: DType) -> DType {
            given.isFloatingPoint ? .float64 : .int64
        }
    }
}
