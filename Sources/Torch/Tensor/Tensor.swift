import CTorch

/// An array of numbers with a shape, on a device, with a record of how it was computed.
///
/// Operations do not throw, so that models stay readable. An operation that fails (shapes that do not fit,
/// exhausted memory) returns a tensor that holds the reason instead of numbers, and every result computed
/// from it holds the same reason. `item()`, `scalars()`, `gradients(of:)`, in-place operations and `check()`
/// throw it; reading the shape of such a tensor is a programming error and traps with the same message.
///
/// A tensor may share its elements with others (views do); it belongs to one thread at a time.
public final class Tensor {
    enum Storage {
        case handle(ct_tensor)
        case failure(TorchError)
    }

    let storage: Storage

    init(_ storage: Storage) { self.storage = storage }

    /// Takes over a handle from the C interface.
    init(owning handle: ct_tensor) { storage = .handle(handle) }

    /// A tensor that could not be computed, for the reason given.
    public convenience init(failed reason: TorchError) { self.init(.failure(reason)) }

    deinit {
        if case .handle(let handle) = storage { ct_tensor_release(handle) }
    }

    /// Why this tensor could not be computed; nil if it could.
    public var failure: TorchError? {
        if case .failure(let reason) = storage { reason } else { nil }
    }

    /// Throws why this tensor could not be computed, if so.
    public func check() throws(TorchError) {
        if let failure { throw failure }
    }

    /// The handle of a valid tensor; a failed one traps with its reason.
    var handle: ct_tensor {
        switch storage {
        case .handle(let handle): return handle
        case .failure(let reason):
            if reason.kind == .outOfMemory { ct_memory_ran_out() }
            fatalError("a tensor that could not be computed was used: \(reason)")
        }
    }

    /// The number of elements along each dimension, outermost first; empty for a scalar.
    public var shape: [Int] {
        let rank = Int(ct_tensor_rank(handle))
        let sizes = [Int64](unsafeUninitializedCapacity: rank) { buffer, count in
            ct_tensor_sizes(handle, buffer.baseAddress)
            count = rank
        }
        return sizes.map(Int.init)
    }

    /// Whether another tensor has the same shape; allocates no memory, unlike comparing `shape`.
    package func hasShape(of other: Tensor) -> Bool {
        let rank = self.rank
        guard other.rank == rank else { return false }
        return withUnsafeTemporaryAllocation(of: Int64.self, capacity: 2 * rank) { sizes in
            guard let first = sizes.baseAddress else { return true }
            ct_tensor_sizes(handle, first)
            ct_tensor_sizes(other.handle, first + rank)
            return (0..<rank).allSatisfy { first[$0] == first[rank + $0] }
        }
    }

    /// The number of dimensions.
    public var rank: Int { Int(ct_tensor_rank(handle)) }

    /// The number of elements.
    public var count: Int { Int(ct_tensor_count(handle)) }

    /// The type of the elements.
    public var dtype: DType {
        let code = ct_tensor_type(handle)
        guard let dtype = DType(rawValue: code) else {
            preconditionFailure("libtorch's element type \(code) has no counterpart in DType")
        }
        return dtype
    }

    /// Where the elements lie.
    public var device: Device {
        Device(type: ct_tensor_device(handle), index: Int(ct_tensor_device_index(handle)))
    }

    /// Bytes that the elements take.
    public var byteCount: Int { count * dtype.byteCount }

    /// How often the elements have been changed in place, by this tensor or a view of it; nil where nobody counts.
    package var version: Int? {
        let version = ct_tensor_version(handle)
        return version < 0 ? nil : Int(version)
    }

    /// Whether the elements lie in memory one after another in the order of the indices.
    public var isContiguous: Bool { ct_tensor_is_contiguous(handle) }
}
