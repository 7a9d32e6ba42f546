// Views, copies and conversions.

private let viewedAs = Operation("view.dtype")
private let reshapeTo = Operation("reshape")
private let flattenTo = Operation("flatten.using_ints")
private let unflattenTo = Operation("unflatten.int")
private let transposeOf = Operation("transpose.int")
private let narrowTo = Operation("narrow")
private let selectAt = Operation("select.int")
private let splitBySize = Operation("split.Tensor")
private let concatenate = Operation("cat")
private let stackAlong = Operation("stack")
private let unsqueezeAt = Operation("unsqueeze")
private let indexSelect = Operation("index_select")
private let expandTo = Operation("expand")
private let flipAlong = Operation("flip")
private let indexAddTo = Operation("index_add")
private let shufflePixels = Operation("pixel_shuffle")
private let makeContiguous = Operation("contiguous")
private let detach = Operation("detach")
private let cloneOf = Operation("clone")
private let convertType = Operation("to.dtype")
private let convertDevice = Operation("to.device")

extension Tensor {
    /// The elements repeated along dimensions of size one, without copying; -1 keeps a dimension.
    public func expanded(_ shape: [Int]) -> Tensor { expandTo(.tensor(self), .integers(shape)) }
    /// This tensor with the rows of `source` added to those of its rows that `indices` name, along a dimension.
    public func addingRows(_ source: Tensor, at indices: Tensor, along dimension: Int = 0) -> Tensor {
        indexAddTo(.tensor(self), .integer(dimension), .tensor(indices), .tensor(source))
    }
    /// The same elements in another shape; one dimension may be -1 and is inferred.
    public func reshaped(_ shape: [Int]) -> Tensor { reshapeTo(.tensor(self), .integers(shape)) }
    /// The dimensions from `first` to `last` joined into one.
    public func flattened(from first: Int = 0, to last: Int = -1) -> Tensor {
        flattenTo(.tensor(self), .integer(first), .integer(last))
    }
    /// One dimension split into several; one of them may be -1.
    public func unflattened(_ dimension: Int, into sizes: [Int]) -> Tensor {
        unflattenTo(.tensor(self), .integer(dimension), .integers(sizes))
    }
    /// Two dimensions exchanged.
    public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        transposeOf(.tensor(self), .integer(a), .integer(b))
    }
    /// `length` slices along a dimension, from `start`.
    public func narrowed(_ dimension: Int, from start: Int, length: Int) -> Tensor {
        narrowTo(.tensor(self), .integer(dimension), .integer(start), .integer(length))
    }
    /// One slice along a dimension, without that dimension.
    public func selecting(_ dimension: Int, _ index: Int) -> Tensor {
        selectAt(.tensor(self), .integer(dimension), .integer(index))
    }
    /// `count` equal pieces along a dimension, whose size must be a multiple of it.
    public func split(into count: Int, along dimension: Int) -> [Tensor] {
        if let failure { return (0..<count).map { _ in Tensor(.failure(failure)) } }
        let size = shape[dimension < 0 ? dimension + rank : dimension]
        guard size % count == 0, size > 0 else {
            let error = TorchError(message: "split: \(size) slices do not make \(count) equal pieces")
            return (0..<count).map { _ in Tensor(.failure(error)) }
        }
        return splitBySize.many(count, .tensor(self), .integer(size / count), .integer(dimension))
    }
    /// The slices along a dimension in the opposite order; copies.
    public func reversed(along dimension: Int) -> Tensor { flipAlong(.tensor(self), .integers([dimension])) }
    /// A further dimension of size one.
    public func unsqueezed(_ dimension: Int) -> Tensor { unsqueezeAt(.tensor(self), .integer(dimension)) }
    /// The slices along a dimension whose numbers are in `indices`.
    public func gathering(_ indices: Tensor, along dimension: Int) -> Tensor {
        indexSelect(.tensor(self), .integer(dimension), .tensor(indices))
    }

    /// Images [..., channels * factor^2, height, width] with the channels of a pixel laid out as a square of factor by
    /// factor pixels: [..., channels, height * factor, width * factor].
    public func pixelsShuffled(_ factor: Int) -> Tensor { shufflePixels(.tensor(self), .integer(factor)) }

    /// The tensors one after another along a dimension.
    public static func concatenated(_ tensors: [Tensor], along dimension: Int = 0) -> Tensor {
        concatenate(.tensors(tensors), .integer(dimension))
    }
    /// The tensors side by side along a new dimension.
    public static func stacked(_ tensors: [Tensor], along dimension: Int = 0) -> Tensor {
        stackAlong(.tensors(tensors), .integer(dimension))
    }

    /// The tensor itself if it is contiguous, otherwise a contiguous copy.
    public func contiguous() -> Tensor { makeContiguous(.tensor(self)) }
    /// The memory of a contiguous tensor's elements, as bytes on its device: not a copy.
    package var bytes: Tensor { viewedAs(.tensor(flattened()), .dtype(.uint8)) }
    /// The same elements without the record of how they were computed.
    public func detached() -> Tensor { detach(.tensor(self)) }
    /// A copy that shares no elements with this tensor.
    public func copy() -> Tensor { cloneOf(.tensor(self)) }
    /// The tensor in another element type; itself if it already has that type.
    public func to(dtype: DType) -> Tensor { convertType(.tensor(self), .dtype(dtype)) }
    /// The tensor in another element type on another device.
    public func to(dtype: DType, device: Device) -> Tensor {
        if device != .cpu {
            do { try device.requireAvailable() } catch { return Tensor(.failure(error)) }
        }
        return convertDevice(.tensor(self), .device(device), .dtype(dtype))
    }
    /// The tensor on another device; itself if it is already there.
    public func to(device: Device) -> Tensor {
        failure == nil && self.device != device ? to(dtype: dtype, device: device) : self
    }
}
