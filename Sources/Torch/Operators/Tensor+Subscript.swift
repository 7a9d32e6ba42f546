// Parts of a tensor by positions, ranges, masks and tensors of positions.

private let indexTensors = Operation("index.Tensor")
private let putTensors = Operation("index_put_")

/// What a subscript takes of one dimension of a tensor, or of several (a mask).
public enum TensorIndex {
    /// One slice, whose dimension goes away; negative positions count from the end.
    case position(Int)
    /// The slices from a first to before a last one; negative positions count from the end, nil means the end itself.
    case range(from: Int, to: Int?)
    /// The slices where a mask of truth values holds, or those whose numbers are in a tensor of int32 or int64.
    case elements(Tensor)
}

/// A value that can stand in a tensor's subscript: an integer, a range, a mask or a tensor of positions.
public protocol TensorIndexing {
    /// What it takes.
    var tensorIndex: TensorIndex { get }
}

extension Int: TensorIndexing {
    /// One slice; negative positions count from the end.
    public var tensorIndex: TensorIndex { .position(self) }
}
extension Range<Int>: TensorIndexing {
    /// The slices of the range; negative bounds count from the end.
    public var tensorIndex: TensorIndex { .range(from: lowerBound, to: upperBound) }
}
extension ClosedRange<Int>: TensorIndexing {
    /// The slices of the range, its upper bound among them; negative bounds count from the end.
    public var tensorIndex: TensorIndex {
        .range(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1)
    }
}
extension PartialRangeFrom<Int>: TensorIndexing {
    /// All slices from one on; a negative bound counts from the end.
    public var tensorIndex: TensorIndex { .range(from: lowerBound, to: nil) }
}
extension PartialRangeUpTo<Int>: TensorIndexing {
    /// All slices before one; a negative bound counts from the end.
    public var tensorIndex: TensorIndex { .range(from: 0, to: upperBound) }
}
extension PartialRangeThrough<Int>: TensorIndexing {
    /// All slices through one; a negative bound counts from the end.
    public var tensorIndex: TensorIndex { .range(from: 0, to: upperBound == -1 ? nil : upperBound + 1) }
}
extension Tensor: TensorIndexing {
    /// The slices where a mask holds, or those whose numbers are in the tensor.
    public var tensorIndex: TensorIndex { .elements(self) }
}

extension Tensor {
    /// A part of the tensor: an index for each dimension, from the first on; further dimensions stay whole.
    ///
    ///     x[0]             // the first row
    ///     x[-1, 2]         // the third element of the last row
    ///     x[1..<3, 0...]   // two rows
    ///     x[..., -1]       // the last column, whatever the dimensions before
    ///     x[x .> 0]        // the positive elements, a vector
    ///     x[Tensor([2, 0] as [Int64])]   // the third row and the first
    ///
    /// Integers and ranges alone give a view, which shares its elements with this tensor; masks and tensors of positions
    /// copy. Several tensors of positions are broadcast against each other and stand where the first one stands, as in
    /// NumPy. A position, or a bound of a range, that is outside gives a failed tensor. There is no assignment
    /// through a subscript, since it could not throw: use ``assign(_:at:)-(Tensor,_)``.
    public subscript(_ indices: any TensorIndexing...) -> Tensor { part(indices, after: nil) }

    /// A part of the tensor, as the subscript without `...` gives it, with the indices for its last dimensions: `x[..., 0]`.
    public subscript(_ whole: UnboundedRange, _ indices: any TensorIndexing...) -> Tensor {
        part(indices, after: 0)
    }

    /// A part of the tensor, as the subscript without `...` gives it, with one index for the first dimension and the others
    /// for the last ones: `x[0, ..., 1]`.
    public subscript(_ first: any TensorIndexing, _ whole: UnboundedRange, _ indices: any TensorIndexing...)
        -> Tensor
    {
        part([first] + indices, after: 1)
    }

    /// Copies the elements of another tensor, converted to this one's type, to a part of this one: what the subscript of the
    /// same indices gives. Throws if the part does not exist, for a value whose shape does not broadcast to the part's,
    /// and for a leaf that is recorded for gradients; nothing is changed then.
    public func assign(_ value: Tensor, at indices: any TensorIndexing...) throws(TorchError) {
        try put(value, at: indices)
    }

    /// Sets the elements of a part of this tensor to a number; throws as for a tensor.
    public func assign(_ value: Double, at indices: any TensorIndexing...) throws(TorchError) {
        try put(
            .full(
                [], value, dtype: failure == nil ? dtype : .float32, device: failure == nil ? device : .cpu),
            at: indices)
    }

    private func put(_ value: Tensor, at indices: [any TensorIndexing]) throws(TorchError) {
        try check()
        try value.check()
        let (view, elements) = try parts(indices, after: nil)
        guard let elements else { return try view.assign(value) }
        try putTensors.inPlace(
            .tensor(view), .optionalTensors(elements), .tensor(value.to(dtype: dtype, device: device)))
    }

    /// The part that indices take, of which those from position `split` on belong to the last dimensions, if it is given.
    private func part(_ indices: [any TensorIndexing], after split: Int?) -> Tensor {
        do throws(TorchError) {
            let (view, elements) = try parts(indices, after: split)
            return elements.map { indexTensors(.tensor(view), .optionalTensors($0)) } ?? view
        } catch {
            return Tensor(failed: error)
        }
    }

    /// The view that positions and ranges leave, and what masks and tensors of positions take of its dimensions.
    private func parts(
        _ indices: [any TensorIndexing], after split: Int?
    ) throws(TorchError) -> (view: Tensor, elements: [Tensor?]?) {
        try check()
        let found = indices.map(\.tensorIndex)
        func extent(_ index: TensorIndex) throws(TorchError) -> Int {
            guard case .elements(let tensor) = index else { return 1 }
            try tensor.check()
            switch tensor.dtype {
            case .bool: return tensor.rank
            case .int32, .int64: return 1
            default:
                throw TorchError(
                    message: "a tensor is indexed by truth values, int32 or int64, not by \(tensor.dtype)")
            }
        }
        var taken = 0
        for index in found { taken += try extent(index) }
        if taken > rank {
            throw TorchError(message: "a tensor of shape \(shape) has no \(taken) dimensions to index")
        }
        var view = self
        var elements: [Tensor?] = []
        var dimension = 0
        for (number, index) in found.enumerated() {
            if number == split {
                let skipped = rank - taken
                dimension += skipped
                elements += Array(repeating: nil, count: skipped)
            }
            switch index {
            case .position(let position):
                let place = try view.bound(position, below: view.shape[dimension], dimension, as: "position")
                view = view.selecting(dimension, place)
            case .range(let from, let to):
                let size = view.shape[dimension]
                let first = try view.bound(from, below: size + 1, counting: size, dimension, as: "bound")
                let last =
                    try to.map { (bound) throws(TorchError) in
                        try view.bound(bound, below: size + 1, counting: size, dimension, as: "bound")
                    } ?? size
                guard first <= last else {
                    throw TorchError(
                        message: "a range from \(first) to \(last) of dimension \(dimension) runs backwards")
                }
                view = view.narrowed(dimension, from: first, length: last - first)
                elements.append(nil)
                dimension += 1
            case .elements(let tensor):
                elements.append(tensor.to(device: device))
                dimension += tensor.dtype == .bool ? tensor.rank : 1
            }
            try view.check()
        }
        return (view, elements.contains { $0 != nil } ? elements : nil)
    }

    /// A position or a bound counted from the start.
    private func bound(
        _ given: Int, below limit: Int, counting size: Int? = nil, _ dimension: Int, as what: String
    ) throws(TorchError) -> Int {
        let place = given < 0 ? given + (size ?? limit) : given
        guard 0..<limit ~= place else {
            throw TorchError(
                message:
                    "the \(what) \(given) lies outside of dimension \(dimension) of a tensor of shape \(shape)"
            )
        }
        return place
    }
}
