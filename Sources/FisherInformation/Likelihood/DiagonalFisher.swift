import Torch

/// An information that is diagonal in the outputs: F = diag(f).
struct DiagonalFisher {
    private let diagonal: Tensor

    /// f, in the outputs' shape.
    package init(_ diagonal: Tensor) { self.diagonal = diagonal.detached() }

    package func product(_ v: Tensor) -> Tensor {
        if let failure = shapeFailure("a vector", v, like: diagonal) { return Tensor(failed: failure) }
        return diagonal * v
    }

    var factorCount: Int { diagonal.lastAxis }

    /// sqrt(f_k) e_k.
    package func factor(_ k: Int) -> Tensor {
        if diagonal.failure != nil { return diagonal }
        precondition(0..<factorCount ~= k, "there are \(factorCount) factors, not one of number \(k)")
        return diagonal.squareRoot().where(diagonal.isAlongLastAxis(k), otherwise: .zeros(like: diagonal))
    }
}
