import Torch

/// Why a tensor does not have the shape of another, or could not be computed; nil if it has and could.
func shapeFailure(_ what: String, _ tensor: Tensor, like other: Tensor) -> TorchError? {
    if let failure = other.failure ?? tensor.failure { return failure }
    if tensor.shape == other.shape { return nil }
    return TorchError(message: "\(what) of shape \(tensor.shape) cannot go with the shape \(other.shape)")
}

/// Outputs, failed if they have no last axis to hold the parameters of an observation or if its size is not a
/// multiple of `parts`; inside `withAutocast` in float32, so that everything that a likelihood computes is.
func checkedOutputs(_ outputs: Tensor, named name: String, parts: Int = 1) -> Tensor {
    if outputs.failure != nil { return outputs }
    guard let size = outputs.shape.last, size > 0, size % parts == 0, outputs.dtype.isFloatingPoint else {
        let need = parts == 1 ? "one element or more" : "a multiple of \(parts) elements"
        return Tensor(
            failed: TorchError(
                message:
                    "\(name) must be floating point with \(need) in the last axis; they are \(outputs.summary)"
            ))
    }
    return outputs.widenedInAutocast
}

/// Why the elements of a tensor are not all between two bounds; nil if they are. Reads two numbers.
func rangeFailure(_ what: String, _ tensor: Tensor, in range: ClosedRange<Double>) -> TorchError? {
    if let failure = tensor.failure { return failure }
    if tensor.count == 0 { return nil }
    do {
        let (smallest, largest) = (try tensor.min().item(), try tensor.max().item())
        // A NaN is in no range.
        if range.contains(smallest), range.contains(largest) { return nil }
        return TorchError(
            message: "\(what) must lie in [\(range.lowerBound), \(range.upperBound)]; "
                + "the smallest is \(smallest), the largest \(largest)")
    } catch {
        return error
    }
}

extension Tensor {
    /// The size of the last axis; 1 if there is none, or if the tensor is failed.
    var lastAxis: Int { failure == nil ? shape.last ?? 1 : 1 }

    /// Booleans along the last axis: true at one index.
    func isAlongLastAxis(_ index: Int) -> Tensor {
        Tensor.indices(lastAxis, device: device).equals(Double(index))
    }
}
