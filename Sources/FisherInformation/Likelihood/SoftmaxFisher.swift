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

    /// One less than the classes, of which the rank of F is; 1 for a single class.
    static func factorCount(classes: Int) -> Int { max(1, classes - 1) }

    /// sqrt(p_k) (e_k - p - r (e_m - p)) with the last class m and r = sqrt(p_m) / (1 + sqrt(p_m)).
    ///
    /// The columns sqrt(p_k) (e_k - p) of all classes make F, and those of B = (I - p 1^T) diag(q), q = sqrt(p), have
    /// B q = 0. Householder's reflection that takes q to -e_m leaves B B^T as it is and makes the last column zero.
    package func factor(_ k: Int) -> Tensor {
        if probabilities.failure != nil { return probabilities }
        let last = probabilities.lastAxis - 1
        let count = Self.factorCount(classes: last + 1)
        precondition(0..<count ~= k, "there are \(count) factors, not one of number \(k)")
        if last == 0 { return .zeros(like: probabilities) }
        func root(_ k: Int) -> Tensor { probabilities.narrowed(-1, from: k, length: 1).squareRoot() }
        func unit(_ k: Int) -> Tensor { probabilities.isAlongLastAxis(k).to(dtype: probabilities.dtype) }
        let r = root(last) / (root(last) + 1)
        return root(k) * (unit(k) - unit(last) * r + probabilities * (r - 1))
    }
}

/// KL(softmax(a) || softmax(b)) of logits [..., classes], shape [..., 1].
func softmaxDivergence(_ a: Tensor, from b: Tensor) -> Tensor {
    if let failure = shapeFailure("other logits", b, like: a) { return Tensor(failed: failure) }
    let (logA, logB) = (a.logSoftmax(along: -1), b.logSoftmax(along: -1))
    return (logA.exp() * (logA - logB)).sum(along: -1, keepingDimensions: true)
}
