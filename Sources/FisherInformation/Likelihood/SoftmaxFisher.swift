import Torch

/// The information of the logits z of one class out of several: F = diag(p) - p p^T with p = softmax(z).
///
/// It is the Hessian of -log p(y) too, whatever was observed.
struct SoftmaxFisher {
    private let probabilities: Tensor

    /// Logits of shape [..., classes].
    package init(logits: Tensor) { probabilities = logits.detached().softmax(along: -1) }

    package func product(_ v: Tensor) -> Tensor {
        if let failure = shapeFailure("a vector", v, like: probabilities) { return Tensor(failed: failure) }
        return probabilities * (v - (probabilities * v).sum(along: -1, keepingDimensions: true))
    }

    var factorCount: Int { probabilities.lastAxis }

    /// sqrt(p_k) (e_k - p).
    package func factor(_ k: Int) -> Tensor {
        if probabilities.failure != nil { return probabilities }
        precondition(0..<factorCount ~= k, "there are \(factorCount) factors, not one of number \(k)")
        let root = probabilities.narrowed(-1, from: k, length: 1).squareRoot()
        return root * (probabilities.isAlongLastAxis(k).to(dtype: probabilities.dtype) - probabilities)
    }
}

/// KL(softmax(a) || softmax(b)) of logits [..., classes], shape [..., 1].
func softmaxDivergence(_ a: Tensor, from b: Tensor) -> Tensor {
    if let failure = shapeFailure("other logits", b, like: a) { return Tensor(failed: failure) }
    let (logA, logB) = (a.logSoftmax(along: -1), b.logSoftmax(along: -1))
    return (logA.exp() * (logA - logB)).sum(along: -1, keepingDimensions: true)
}
