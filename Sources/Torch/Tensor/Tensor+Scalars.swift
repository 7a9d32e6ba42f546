import CTorch

extension Tensor {
    /// An uninitialized tensor; a failed one where memory or the device is missing.
    public static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .current) -> Tensor {
        if device != .cpu {
            do { try device.requireAvailable() } catch { return Tensor(.failure(error)) }
        }
        let sizes = shape.map(Int64.init)
        let code = device.code
        guard let handle = ct_tensor_empty(sizes, Int64(sizes.count), dtype.rawValue, code.type, code.index)
        else {
            return Tensor(.failure(.kept(during: "a tensor of shape \(shape)")))
        }
        return Tensor(owning: handle)
    }

    /// Copies `scalars` into a tensor of the given shape (by default a vector). Their number must be the
    /// product of the shape.
    public convenience init<Scalar: TensorScalar>(
        _ scalars: [Scalar], shape: [Int]? = nil, device: Device = .current
    ) {
        let shape = shape ?? [scalars.count]
        guard shape.reduce(1, *) == scalars.count else {
            self.init(
                .failure(
                    TorchError(message: "\(scalars.count) numbers do not fill a tensor of shape \(shape)")))
            return
        }
        let sizes = shape.map(Int64.init)
        guard let handle = ct_tensor_empty(sizes, Int64(sizes.count), Scalar.dtype.rawValue, 0, -1) else {
            self.init(.failure(.kept(during: "a tensor of shape \(shape)")))
            return
        }
        scalars.withUnsafeBytes { source in
            guard let target = ct_tensor_data(handle), let start = source.baseAddress else { return }
            target.copyMemory(from: start, byteCount: source.count)
        }
        guard device != .cpu else {
            self.init(owning: handle)
            return
        }
        let moved = Tensor(owning: handle).to(dtype: Scalar.dtype, device: device)
        if let reason = moved.failure {
            self.init(.failure(reason))
            return
        }
        // A reference of its own, taken while the other holds the elements.
        self.init(owning: withExtendedLifetime(moved) { ct_tensor_retain(moved.handle) })
    }

    /// The elements in the order of the indices, converted to `Scalar` if they are of another type. Throws
    /// why the tensor could not be computed, if so. Copies.
    public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) throws(TorchError)
        -> [Scalar]
    {
        let source = self.detached().to(dtype: Scalar.dtype, device: .cpu).contiguous()
        try source.check()
        let count = source.count
        return [Scalar](unsafeUninitializedCapacity: count) { buffer, initialized in
            if count > 0, let data = ct_tensor_data(source.handle) {
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(start: data, count: count * Scalar.dtype.byteCount))
            }
            initialized = count
        }
    }

    /// The only element, as a double. Throws if there is not exactly one, and why the tensor could not be
    /// computed, if so. Waits for the device.
    public func item() throws(TorchError) -> Double {
        let values = try scalars(as: Double.self)
        guard values.count == 1, let value = values.first else {
            throw TorchError(message: "item() needs one element; the shape is \(shape)")
        }
        return value
    }

    /// The address of a contiguous tensor's first element on its device, for as long as the tensor lives; nil of an empty one.
    package var deviceAddress: UnsafeMutableRawPointer? {
        precondition(isContiguous, "an address is that of a contiguous tensor's elements")
        return ct_tensor_data(handle)
    }

    /// Tells recorded operations that the elements were changed by their address.
    package func noteChange() { ct_tensor_note_change(handle) }

    /// Passes the bytes of a contiguous tensor on the CPU to a function.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(isContiguous && device == .cpu, "bytes are lent by contiguous tensors on the CPU only")
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(start: ct_tensor_data(handle), count: byteCount))
    }

    /// Passes the bytes of a contiguous tensor on the CPU to a function for writing. Gradients that still
    /// need the former elements then fail.
    public func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(isContiguous && device == .cpu, "bytes are lent by contiguous tensors on the CPU only")
        defer { ct_tensor_note_change(handle) }
        return try body(UnsafeMutableRawBufferPointer(start: ct_tensor_data(handle), count: byteCount))
    }
}
