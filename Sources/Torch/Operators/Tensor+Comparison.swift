// Comparisons and logic, element by element, with broadcasting; the operators are those of Swift's SIMD vectors.

private let lessTensor = Operation("lt.Tensor")
private let lessScalar = Operation("lt.Scalar")
private let atMostTensor = Operation("le.Tensor")
private let atMostScalar = Operation("le.Scalar")
private let equalTensor = Operation("eq.Tensor")
private let equalScalar = Operation("eq.Scalar")
private let differentTensor = Operation("ne.Tensor")
private let differentScalar = Operation("ne.Scalar")
private let greaterScalar = Operation("gt.Scalar")
private let atLeastScalar = Operation("ge.Scalar")
private let bothOf = Operation("logical_and")
private let eitherOf = Operation("logical_or")
private let oneOf = Operation("logical_xor")
private let negationOf = Operation("logical_not")
private let closeTo = Operation("isclose")
private let anyOf = Operation("any")

extension Tensor {
    /// Whether each element is less than the other tensor's; NaN compares as false.
    public static func .< (a: Tensor, b: Tensor) -> Tensor { lessTensor(.tensor(a), .tensor(b)) }
    /// Whether each element is less than a number.
    public static func .< (a: Tensor, b: Double) -> Tensor { lessScalar(.tensor(a), .real(b)) }
    /// Whether a number is less than each element.
    public static func .< (a: Double, b: Tensor) -> Tensor { b .> a }
    /// Whether each element is at most the other tensor's.
    public static func .<= (a: Tensor, b: Tensor) -> Tensor { atMostTensor(.tensor(a), .tensor(b)) }
    /// Whether each element is at most a number.
    public static func .<= (a: Tensor, b: Double) -> Tensor { atMostScalar(.tensor(a), .real(b)) }
    /// Whether a number is at most each element.
    public static func .<= (a: Double, b: Tensor) -> Tensor { b .>= a }
    /// Whether each element is greater than the other tensor's.
    public static func .> (a: Tensor, b: Tensor) -> Tensor { b .< a }
    /// Whether each element is greater than a number.
    public static func .> (a: Tensor, b: Double) -> Tensor { greaterScalar(.tensor(a), .real(b)) }
    /// Whether a number is greater than each element.
    public static func .> (a: Double, b: Tensor) -> Tensor { b .< a }
    /// Whether each element is at least the other tensor's.
    public static func .>= (a: Tensor, b: Tensor) -> Tensor { b .<= a }
    /// Whether each element is at least a number.
    public static func .>= (a: Tensor, b: Double) -> Tensor { atLeastScalar(.tensor(a), .real(b)) }
    /// Whether a number is at least each element.
    public static func .>= (a: Double, b: Tensor) -> Tensor { b .<= a }
    /// Whether each element equals the other tensor's; NaN equals nothing.
    public static func .== (a: Tensor, b: Tensor) -> Tensor { equalTensor(.tensor(a), .tensor(b)) }
    /// Whether each element equals a number.
    public static func .== (a: Tensor, b: Double) -> Tensor { equalScalar(.tensor(a), .real(b)) }
    /// Whether each element differs from the other tensor's.
    public static func .!= (a: Tensor, b: Tensor) -> Tensor { differentTensor(.tensor(a), .tensor(b)) }
    /// Whether each element differs from a number.
    public static func .!= (a: Tensor, b: Double) -> Tensor { differentScalar(.tensor(a), .real(b)) }

    /// Whether both of two truth values hold; numbers other than zero count as true.
    public static func .& (a: Tensor, b: Tensor) -> Tensor { bothOf(.tensor(a), .tensor(b)) }
    /// Whether one of two truth values holds, or both.
    public static func .| (a: Tensor, b: Tensor) -> Tensor { eitherOf(.tensor(a), .tensor(b)) }
    /// Whether exactly one of two truth values holds.
    public static func .^ (a: Tensor, b: Tensor) -> Tensor { oneOf(.tensor(a), .tensor(b)) }
    /// Whether a truth value does not hold.
    public static prefix func .! (a: Tensor) -> Tensor { negationOf(.tensor(a)) }

    /// Whether any element is true; false for an empty tensor.
    public func any() -> Tensor { anyOf(.tensor(self)) }

    /// Whether each element x is close to the other tensor's y: |x - y| <= absolute + relative |y|. Infinities of one sign
    /// are close; NaN is close to nothing. Both tensors must have one type.
    public func isClose(to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-8) -> Tensor {
        closeTo(.tensor(self), .tensor(other), .real(relative), .real(absolute))
    }

    /// Whether all elements are close to the other tensor's, as ``isClose(to:relative:absolute:)`` says; false for another
    /// shape. Throws why a tensor could not be computed, if so. Waits for the device.
    public func isAllClose(
        to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-8
    ) throws(TorchError) -> Bool {
        try check()
        try other.check()
        guard hasShape(of: other) else { return false }
        return try isClose(to: other, relative: relative, absolute: absolute).all().item() == 1
    }

    /// Whether the other tensor has the same shape and equal elements. Throws why a tensor could not be computed, if so.
    /// Waits for the device.
    public func isEqual(to other: Tensor) throws(TorchError) -> Bool {
        try check()
        try other.check()
        guard hasShape(of: other) else { return false }
        return try (self .== other).all().item() == 1
    }
}
