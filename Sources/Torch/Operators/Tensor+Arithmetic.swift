// Element-wise arithmetic, with broadcasting.

private let addTensor = Operation("add.Tensor")
private let addScalar = Operation("add.Scalar")
private let subtractTensor = Operation("sub.Tensor")
private let subtractScalar = Operation("sub.Scalar")
private let reverseSubtract = Operation("rsub.Scalar")
private let multiplyTensor = Operation("mul.Tensor")
private let multiplyScalar = Operation("mul.Scalar")
private let divideTensor = Operation("div.Tensor")
private let divideScalar = Operation("div.Scalar")
private let reciprocalOf = Operation("reciprocal")
private let negate = Operation("neg")
private let powerScalar = Operation("pow.Tensor_Scalar")
private let squareRoot = Operation("sqrt")
private let squareOf = Operation("square")
private let absolute = Operation("abs")
private let exponentialOf = Operation("exp")
private let naturalLogarithm = Operation("log")
private let exponentialLessOne = Operation("expm1")
private let logOfOnePlus = Operation("log1p")
private let logNormalDistribution = Operation("special_log_ndtr")
private let logisticFunction = Operation("sigmoid")
private let logLogisticFunction = Operation("log_sigmoid")
private let logOdds = Operation("logit")
private let maximumOf = Operation("maximum")
private let minimumOf = Operation("minimum")
private let clampMinimum = Operation("clamp_min")
private let clampMaximum = Operation("clamp_max")
private let clampBetween = Operation("clamp")
private let isFiniteOf = Operation("isfinite")
private let interpolateScalar = Operation("lerp.Scalar")
private let selectWhere = Operation("where.self")
private let maskedFillScalar = Operation("masked_fill.Scalar")
private let replaceNonFinite = Operation("nan_to_num")

extension Tensor {
    /// The sums of two tensors' elements; shapes are broadcast.
    public static func + (a: Tensor, b: Tensor) -> Tensor { addTensor(.tensor(a), .tensor(b)) }
    /// A number added to each element.
    public static func + (a: Tensor, b: Double) -> Tensor { addScalar(.tensor(a), .real(b)) }
    /// Each element added to a number.
    public static func + (a: Double, b: Tensor) -> Tensor { b + a }
    /// The differences of two tensors' elements; shapes are broadcast.
    public static func - (a: Tensor, b: Tensor) -> Tensor { subtractTensor(.tensor(a), .tensor(b)) }
    /// A number subtracted from each element.
    public static func - (a: Tensor, b: Double) -> Tensor { subtractScalar(.tensor(a), .real(b)) }
    /// Each element subtracted from a number.
    public static func - (a: Double, b: Tensor) -> Tensor { reverseSubtract(.tensor(b), .real(a)) }
    /// The products of two tensors' elements; shapes are broadcast.
    public static func * (a: Tensor, b: Tensor) -> Tensor { multiplyTensor(.tensor(a), .tensor(b)) }
    /// Each element times a number.
    public static func * (a: Tensor, b: Double) -> Tensor { multiplyScalar(.tensor(a), .real(b)) }
    /// A number times each element.
    public static func * (a: Double, b: Tensor) -> Tensor { b * a }
    /// The quotients of two tensors' elements; shapes are broadcast. Division by zero gives infinities and NaN.
    public static func / (a: Tensor, b: Tensor) -> Tensor { divideTensor(.tensor(a), .tensor(b)) }
    /// Each element divided by a number.
    public static func / (a: Tensor, b: Double) -> Tensor { divideScalar(.tensor(a), .real(b)) }
    /// A number divided by each element.
    public static func / (a: Double, b: Tensor) -> Tensor { reciprocalOf(.tensor(b)) * a }
    /// Each element with the other sign.
    public static prefix func - (a: Tensor) -> Tensor { negate(.tensor(a)) }

    /// Each element raised to a constant power.
    public func power(_ exponent: Double) -> Tensor { powerScalar(.tensor(self), .real(exponent)) }
    /// The square root of each element.
    public func squareRoot() -> Tensor { Torch.squareRoot(.tensor(self)) }
    /// The square of each element.
    public func squared() -> Tensor { squareOf(.tensor(self)) }
    /// The absolute value of each element.
    public func magnitude() -> Tensor { absolute(.tensor(self)) }
    /// e raised to each element.
    public func exp() -> Tensor { exponentialOf(.tensor(self)) }
    /// The natural logarithm of each element.
    public func log() -> Tensor { naturalLogarithm(.tensor(self)) }
    /// e raised to each element, less 1, exact for small elements.
    public func expMinusOne() -> Tensor { exponentialLessOne(.tensor(self)) }
    /// log(1 + x) of each element, exact for small elements.
    public func logOnePlus() -> Tensor { logOfOnePlus(.tensor(self)) }
    /// The logarithm of the standard normal distribution function of each element, accurate in both tails.
    public func logNormalProbability() -> Tensor { logNormalDistribution(.tensor(self)) }
    /// 1 / (1 + exp(-x)) of each element.
    public func sigmoid() -> Tensor { logisticFunction(.tensor(self)) }
    /// log(1 / (1 + exp(-x))) of each element, which neither overflows nor loses the digits of small values.
    public func logSigmoid() -> Tensor { logLogisticFunction(.tensor(self)) }
    /// log(x / (1 - x)) of each element, the inverse of `sigmoid`.
    public func logit() -> Tensor { logOdds(.tensor(self)) }

    /// The larger of two tensors, element by element.
    public func maximum(_ other: Tensor) -> Tensor { maximumOf(.tensor(self), .tensor(other)) }
    /// The smaller of two tensors, element by element.
    public func minimum(_ other: Tensor) -> Tensor { minimumOf(.tensor(self), .tensor(other)) }
    /// Each element, but at least `bound`.
    public func clamped(min bound: Double) -> Tensor { clampMinimum(.tensor(self), .real(bound)) }

    /// Each element, but at most `bound`.
    public func clamped(max bound: Double) -> Tensor { clampMaximum(.tensor(self), .real(bound)) }
    /// Each element moved into a range.
    public func clamped(to range: ClosedRange<Double>) -> Tensor {
        clampBetween(.tensor(self), .real(range.lowerBound), .real(range.upperBound))
    }

    /// Whether each element is neither infinite nor NaN.
    public func isFinite() -> Tensor { isFiniteOf(.tensor(self)) }
    /// Whether each element equals a number.
    public func equals(_ number: Double) -> Tensor { self .== number }
    /// Whether each element is at most the other tensor's; shapes are broadcast.
    public func isAtMost(_ other: Tensor) -> Tensor { self .<= other }
    /// self + weight (other - self), element by element, in one pass.
    public func interpolated(to other: Tensor, weight: Double) -> Tensor {
        interpolateScalar(.tensor(self), .tensor(other), .real(weight))
    }
    /// This tensor where the condition holds, `other` elsewhere.
    public func `where`(_ condition: Tensor, otherwise other: Tensor) -> Tensor {
        selectWhere(.tensor(condition), .tensor(self), .tensor(other))
    }
    /// This tensor with `value` wherever `mask` holds.
    public func masked(_ mask: Tensor, with value: Double) -> Tensor {
        maskedFillScalar(.tensor(self), .tensor(mask), .real(value))
    }

    /// The tensor with `bound` in place of positive infinities, its negative in place of negative ones, and zero
    /// in place of NaN; finite elements stay.
    package func replacingNonFinite(with bound: Double) -> Tensor {
        replaceNonFinite(.tensor(self), .real(0), .real(bound), .real(-bound))
    }
}
