// Changing a tensor's own elements. These throw immediately, before changing anything.

private let addInPlace = Operation("add_.Tensor")
private let copyInPlace = Operation("copy_")
private let fillInPlace = Operation("fill_.Scalar")
private let scaleInPlace = Operation("mul_.Scalar")
private let multiplyInPlace = Operation("mul_.Tensor")
private let addProductInPlace = Operation("addcmul_")
private let productInto = Operation("mm.out")
private let addProductInto = Operation("addmm.out")

extension Tensor {
    /// Adds `scale` times another tensor to this one's elements; throws if its shape does not broadcast to
    /// this one's, and for a leaf that is recorded for gradients.
    public func add(_ other: Tensor, scale: Double = 1) throws(TorchError) {
        try addInPlace.inPlace(.tensor(self), .tensor(other), .real(scale))
    }
    /// Copies the elements of another tensor, converted to this one's type; throws if its shape does not
    /// broadcast to this one's, and for a leaf that is recorded for gradients.
    public func assign(_ other: Tensor) throws(TorchError) {
        try copyInPlace.inPlace(.tensor(self), .tensor(other))
    }
    /// Sets every element to a number; throws for a leaf that is recorded for gradients.
    public func fill(_ value: Double) throws(TorchError) {
        try fillInPlace.inPlace(.tensor(self), .real(value))
    }
    /// Multiplies every element by a number; throws for a leaf that is recorded for gradients.
    public func scale(by factor: Double) throws(TorchError) {
        try scaleInPlace.inPlace(.tensor(self), .real(factor))
    }
    /// Multiplies the elements by those of another tensor; throws if its shape does not broadcast to this one's, and for a
    /// leaf that is recorded for gradients.
    package func multiply(by other: Tensor) throws(TorchError) {
        try multiplyInPlace.inPlace(.tensor(self), .tensor(other))
    }
    /// Adds the elements of one tensor times those of another; throws if their shapes do not broadcast to this one's, and
    /// for a leaf that is recorded for gradients.
    package func add(_ a: Tensor, times b: Tensor) throws(TorchError) {
        try addProductInPlace.inPlace(.tensor(self), .tensor(a), .tensor(b))
    }

    /// Sets this matrix to the product of two matrices, neither of which may be this one; throws if the
    /// shapes do not fit.
    package func assignProduct(_ a: Tensor, _ b: Tensor) throws(TorchError) {
        try productInto.inPlace(.tensor(a), .tensor(b), .tensor(self))
    }
    /// Sets this matrix to keeping * base + a b for matrices, none of which may be this one; throws if the
    /// shapes do not fit.
    package func assignSum(
        _ base: Tensor, keeping: Double, addingProduct a: Tensor, _ b: Tensor, scale: Double = 1
    ) throws(TorchError) {
        try addProductInto.inPlace(
            .tensor(base), .tensor(a), .tensor(b), .real(keeping), .real(scale), .tensor(self))
    }
}
