// Removing what is not a number.

private let replaceNonFinite = Operation("nan_to_num")

extension Tensor {
    /// The tensor with `bound` in place of positive infinities, its negative in place of negative ones, and zero
    /// in place of NaN; finite elements stay.
    public func replacingNonFinite(with bound: Double) -> Tensor {
        replaceNonFinite(.tensor(self), .real(0), .real(bound), .real(-bound))
    }
}
