// Looking at diagonals, and removing what is not a number.

private let diagonalOf = Operation("diagonal")
private let replaceNonFinite = Operation("nan_to_num")

extension Tensor {
    /// The diagonal of a matrix, as a view.
    public func diagonal() -> Tensor { diagonalOf(.tensor(self)) }

    /// The tensor with `bound` in place of positive infinities, its negative in place of negative ones, and zero
    /// in place of NaN; finite elements stay.
    public func replacingNonFinite(with bound: Double) -> Tensor {
        replaceNonFinite(.tensor(self), .real(0), .real(bound), .real(-bound))
    }
}
