import Torch

/// One class out of several: p(k) = softmax(logits)_k, independently at each position.
///
/// Its negative log-likelihood is the cross-entropy. Label smoothing changes that loss into one that is no
/// likelihood of the data, and is not offered here.
public struct Categorical: Likelihood {
    /// The target that marks a position as not observed.
    public static let masked = -100

    /// The logits, shape [..., classes].
    public let logits: Tensor

    /// Creates the likelihood of its logits, shape [..., classes].
    public init(logits: Tensor) { self.logits = checkedOutputs(logits, named: "logits") }

    /// -sum log softmax(logits)[target] for targets of shape [...], of an integer type; a target of `masked`
    /// does not count.
    public func negativeLogLikelihood(of targets: Tensor) -> Tensor {
        if let failure = failure(of: targets) { return Tensor(failed: failure) }
        return logits.flattenedRows.crossEntropySum(
            targets: targets.flattened().to(dtype: .int64), ignoring: Categorical.masked)
    }

    /// The number of unmasked targets; throws why the targets could not be computed, if so.
    public func observationCount(of targets: Tensor) throws(TorchError) -> Int {
        try targets.check()
        return targets.count - Int(try targets.equals(Double(Categorical.masked)).sum().item())
    }

    /// Why targets do not fit the logits. Flattened, targets of another shape could still have the right
    /// number of elements.
    private func failure(of targets: Tensor) -> TorchError? {
        if let failure = logits.failure ?? targets.failure { return failure }
        guard targets.shape == logits.shape.dropLast() else {
            return TorchError(
                message: "logits of shape \(logits.shape) have no targets of shape \(targets.shape)")
        }
        return targets.dtype.isFloatingPoint || targets.dtype == .bool
            ? TorchError(message: "targets are numbers of classes, of an integer type, not \(targets.dtype)")
            : nil
    }
}

extension Categorical: Samplable {
    /// A class for each position, int64.
    public func sample(using generator: RandomGenerator) -> Tensor {
        if logits.failure != nil { return logits }
        return logits.detached().softmax(along: -1).flattenedRows.sampledCategories(using: generator)
            .reshaped(Array(logits.shape.dropLast()))
    }

    public func sample(like targets: Tensor, using generator: RandomGenerator) -> Tensor {
        if let failure = failure(of: targets) { return Tensor(failed: failure) }
        let mark = Double(Categorical.masked)
        return .drawn(outside: targets.equals(mark), marking: mark, using: generator) { places in
            let rows = logits.detached().flattenedRows
            if places?.count == 0 { return .zeros([0], dtype: .int64, device: rows.device) }
            let observed = places.map { rows.gathering($0, along: 0) } ?? rows
            return observed.softmax(along: -1).sampledCategories(using: generator)
        }
    }

    public func perObservationNegativeLogLikelihood(of targets: Tensor) -> Tensor {
        if let failure = failure(of: targets) { return Tensor(failed: failure) }
        return logits.flattenedRows
            .crossEntropy(targets: targets.flattened().to(dtype: .int64), ignoring: Categorical.masked)
            .reshaped(targets.shape)
    }
}

/// F = diag(p) - p p^T, of rank classes - 1, with as many factors. The Hessian is F.
extension Categorical: ClosedFormFisher {
    public var outputs: Tensor { logits }

    public func outputFisherProduct(_ v: Tensor) -> Tensor { SoftmaxFisher(logits: logits).product(v) }

    public var outputFisherFactorCount: Int { SoftmaxFisher.factorCount(classes: logits.lastAxis) }

    public func outputFisherFactor(_ k: Int) -> Tensor { SoftmaxFisher(logits: logits).factor(k) }

    public func outputHessianProduct(of targets: Tensor, _ v: Tensor) -> Tensor {
        if let failure = failure(of: targets) { return Tensor(failed: failure) }
        return outputFisherProduct(v, observing: targets)
    }

    public func divergence(from other: Categorical, observing targets: Tensor?) -> Tensor {
        masking(softmaxDivergence(logits, from: other.logits), as: targets).sum()
    }

    public func maskedOutputs(of targets: Tensor) -> Tensor? {
        targets.equals(Double(Categorical.masked)).unsqueezed(-1)
    }
}

extension Tensor {
    /// This tensor as a matrix of its last axis.
    fileprivate var flattenedRows: Tensor { reshaped([-1, lastAxis]) }
}

extension Categorical: NamedLikelihood {
    public static let name = "categorical"
    public init(outputs: Tensor) { self.init(logits: outputs) }
    public static func targetDType(forOutputs dtype: DType) -> DType { .int64 }
}
