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
        outside masked: Tensor, marking mark: Double, using generator: RandomGenerator,
        _ draw: (_ places: Tensor?) -> Tensor
    ) -> Tensor {
        if let failure = masked.failure { return Tensor(failed: failure) }
        guard let count = try? masked.sum().item(), count > 0 else { return draw(nil).reshaped(masked.shape) }
        let places = masked.flattened().equals(0).nonZeroIndices
        let found: Tensor
        do {
            found = try generator.drawing(forUnits: { try owners(of: places, of: masked.count, units: $0) }) {
                draw(places)
            }
        } catch let error as TorchError { return Tensor(failed: error) } catch {
            preconditionFailure("only tensors fail here")
        }
        return Tensor.zeros([masked.count], dtype: found.dtype, device: masked.device)
            .masked(masked.flattened(), with: mark).addingRows(found, at: places).reshaped(masked.shape)
    }

    /// The unit of each of some places among those of all units, which have equally many.
    private static func owners(of places: Tensor, of count: Int, units: Int) throws -> [Int]? {
        guard units > 0, count % units == 0 else { return nil }
        return try places.scalars(as: Int64.self).map { Int($0) / (count / units) }
    }
}
