// Operations shared by the formulas of several rules.

import Torch

/// b2hat(t) = b (1 - b^(t-1)) / (1 - b^t): the decay that makes an average of t values exact for a constant,
/// whatever its initial value (zero at t = 1).
public func correctedDecay(_ decay: Double, _ step: Int) -> Double {
    RunningAverage.share(kept: decay, at: step)
}

/// g^2, finite: at most half the greatest number of its type, divided by `count` if that many are to be
/// summed. A gradient whose square overflows is of little use, but must not make the averages infinite.
public func square(of g: Tensor, sharedBy count: Int = 1) -> Tensor {
    boundedSquare(g.squared(), sharedBy: count)
}

/// A square or a sum of squares, kept finite likewise.
package func boundedSquare(_ squares: Tensor, sharedBy count: Int = 1) -> Tensor {
    guard squares.failure == nil else { return squares }
    return squares.clamped(max: squares.dtype.greatestFiniteMagnitude / 2 / Double(max(count, 1)))
}

/// decay * average + (1 - decay) * value.
public func averaged(_ average: Tensor, _ value: Tensor, decay: Double) -> Tensor {
    average * decay + value * (1 - decay)
}

/// x^rho for a non-negative x; the square root and x itself are exact.
public func raised(_ x: Tensor, to rho: Double) -> Tensor {
    switch rho {
    case 0.5: x.squareRoot()
    case 1: x
    default: x.power(rho)
    }
}

/// x / d, and zero where d is exactly zero: no information, no step.
///
/// d is floored at the smallest normal number of its type and the quotient kept finite, so that neither a
/// tiny epsilon nor a tiny gradient makes an infinity.
public func quotient(_ x: Tensor, _ d: Tensor) -> Tensor { guardedQuotient(x, over: d) }

/// x / max(1, RMS(x) / c), and the divisor; x itself if c is nil.
public func clipped(_ x: Tensor, to c: Double?) -> (value: Tensor, factor: Tensor?) {
    guard let c else { return (x, nil) }
    let factor = (x.rootMeanSquare() / c).clamped(min: 1)
    return (x / inPrecision(of: x, factor), factor)
}

/// A 0-dimensional value in another tensor's type, so that it does not widen a 0-dimensional parameter.
package func inPrecision(of x: Tensor, _ value: Tensor) -> Tensor {
    x.failure.map { Tensor(failed: $0) } ?? value.to(dtype: x.dtype)
}

/// The Euclidean norm of all elements, 0-dimensional, in float64; no square overflows.
package func frobeniusNorm(_ x: Tensor) -> Tensor {
    guard x.failure == nil else { return x }
    return x.rootMeanSquare() * Double(x.count).squareRoot()
}
