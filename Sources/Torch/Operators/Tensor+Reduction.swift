// Sums, means, norms and other reductions.

private let sumAll = Operation("sum")
private let sumAlong = Operation("sum.dim_IntList")
private let meanAll = Operation("mean")
private let meanAlong = Operation("mean.dim")
private let maximumAll = Operation("max")
private let minimumAll = Operation("min")
private let extremes = Operation("aminmax")
private let allOf = Operation("all")
private let logSumExpAlong = Operation("logsumexp")
private let logSoftmaxAlong = Operation("log_softmax.int")
private let softmaxAlong = Operation("softmax.int")
private let vectorNorm = Operation("linalg_vector_norm")
private let smallestElements = Operation("topk")
private let argumentOfMaximum = Operation("argmax")
private let sortingOrder = Operation("argsort.stable")

extension Tensor {
    /// The sum of all elements, in the given type, if any.
    public func sum(dtype: DType? = nil) -> Tensor {
        sumAll(.tensor(self), dtype.map { .dtype($0) } ?? .none)
    }

    /// The sums along some dimensions.
    public func sum(along dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
        sumAlong(.tensor(self), .integers(dimensions), .boolean(keepingDimensions))
    }

    /// The mean of all elements.
    public func mean(dtype: DType? = nil) -> Tensor {
        meanAll(.tensor(self), dtype.map { .dtype($0) } ?? .none)
    }

    /// The means along some dimensions.
    public func mean(along dimensions: Int..., keepingDimensions: Bool = false) -> Tensor {
        meanAlong(.tensor(self), .integers(dimensions), .boolean(keepingDimensions))
    }

    /// The largest element.
    public func max() -> Tensor { maximumAll(.tensor(self)) }
    /// The smallest element.
    public func min() -> Tensor { minimumAll(.tensor(self)) }
    /// Whether every element is true.
    public func all() -> Tensor { allOf(.tensor(self)) }

    /// The largest element; 0 for an empty tensor.
    public func largest() -> Tensor { failure == nil && count == 0 ? sum() : max() }

    /// The largest magnitude of the elements in one pass without further memory: 0 for an empty tensor, NaN if one of
    /// them is NaN. Waits for the device.
    package func largestMagnitude() throws(TorchError) -> Double {
        if failure == nil && count == 0 { return 0 }
        let ends = extremes.many(2, .tensor(detached()), .none, .boolean(false))
        let (smallest, largest) = (try ends[0].item(), try ends[1].item())
        return smallest.isNaN || largest.isNaN ? .nan : Swift.max(abs(smallest), abs(largest))
    }

    /// The first element that is NaN or infinite, as the rest of a sentence: "holds NaN at element 3", counted from 0 in
    /// the order of the indices; nil if there is none. One pass where there is none.
    package func nonFiniteElement() throws(TorchError) -> String? {
        try check()
        guard dtype.isFloatingPoint else { return nil }
        if try largestMagnitude().isFinite { return nil }
        let values = try scalars(as: Double.self)
        guard let place = values.firstIndex(where: { !$0.isFinite }) else { return nil }
        return "holds \(values[place].isNaN ? "NaN" : "an infinite number") at element \(place)"
    }

    /// The Euclidean norm of all elements, accumulated in float64.
    public func norm() -> Tensor {
        vectorNorm(.tensor(self), .real(2), .none, .boolean(false), .dtype(.float64))
    }

    /// RMS(x) = sqrt(mean(x^2)) over all elements, in float64; 0 for an empty tensor.
    ///
    /// The squares neither overflow nor vanish: those of narrower types cannot in float64, and float64 is
    /// scaled by its largest magnitude first.
    public func rootMeanSquare() -> Tensor {
        if let failure { return Tensor(failed: failure) }
        let root = Double(Swift.max(count, 1)).squareRoot()
        guard dtype == .float64 else { return norm() / root }
        let scale = magnitude().largest().clamped(min: DType.float64.leastNormalMagnitude)
        return (self / scale).norm() / root * scale
    }

    /// The logarithm of the sum of the exponentials along a dimension.
    public func logSumExp(along dimension: Int) -> Tensor {
        logSumExpAlong(.tensor(self), .integers([dimension]))
    }

    /// The logarithm of the softmax along a dimension; inside ``withAutocast(to:_:)`` in float32.
    public func logSoftmax(along dimension: Int) -> Tensor {
        logSoftmaxAlong(.tensor(widenedInAutocast), .integer(dimension))
    }

    /// The softmax along a dimension; inside ``withAutocast(to:_:)`` in float32.
    public func softmax(along dimension: Int) -> Tensor {
        softmaxAlong(.tensor(widenedInAutocast), .integer(dimension))
    }

    /// The indices of the `count` smallest elements of a vector.
    public func indicesOfSmallest(_ count: Int) -> Tensor {
        smallestElements.many(
            2, .tensor(self), .integer(count), .integer(0), .boolean(false), .boolean(false))[1]
    }

    /// The index of the largest element along a dimension.
    public func indexOfMaximum(along dimension: Int) -> Tensor {
        argumentOfMaximum(.tensor(self), .integer(dimension))
    }

    /// The indices that sort a vector in ascending or descending order; equal elements keep their order.
    public func argsort(descending: Bool = false) -> Tensor {
        sortingOrder(.tensor(self), .boolean(true), .integer(-1), .boolean(descending))
    }
}
