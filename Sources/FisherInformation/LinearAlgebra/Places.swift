import Torch

extension Tensor {
    /// The places of the elements of a vector that are not zero, in order. Waits for the device.
    var nonZeroIndices: Tensor {
        let isZero = equals(0)
        guard let zeros = try? isZero.sum().item() else { return isZero }
        return isZero.argsort().narrowed(0, from: 0, length: count - Int(zeros))
    }

    /// A draw for the elements that a mask leaves out, in its shape, with `mark` where it holds. The function draws for
    /// the flat places that it is given, or for all where it is given none, so that the generator serves nothing but
    /// what is observed: the same observations have the same draws, padded or packed.
    static func drawn(
        outside masked: Tensor, marking mark: Double, _ draw: (_ places: Tensor?) -> Tensor
    ) -> Tensor {
        if let failure = masked.failure { return Tensor(failed: failure) }
        guard let count = try? masked.sum().item(), count > 0 else { return draw(nil).reshaped(masked.shape) }
        let places = masked.flattened().equals(0).nonZeroIndices
        let found = draw(places)
        return Tensor.zeros([masked.count], dtype: found.dtype, device: masked.device)
            .masked(masked.flattened(), with: mark).addingRows(found, at: places).reshaped(masked.shape)
    }
}
