import CTorch

/// A stream of random numbers that can be saved and restored. Nothing in the package draws from a hidden one.
public final class RandomGenerator {
    let handle: ct_generator

    /// Starts a stream; equal seeds give equal streams on one device. Throws for a device that is not
    /// available.
    public init(seed: UInt64, device: Device = .cpu) throws(TorchError) {
        try device.requireAvailable()
        let code = device.code
        guard let made = ct_generator_create(seed, code.type, code.index) else { throw .kept() }
        handle = made
    }

    deinit { ct_generator_release(handle) }

    /// The complete state, which determines all further draws, as bytes (about 5 kB on the CPU). Throws if
    /// the engine fails.
    public func state() throws(TorchError) -> [UInt8] {
        guard let state = ct_generator_state(handle) else { throw .kept() }
        return try Tensor(owning: state).scalars(as: UInt8.self)
    }

    /// Continues from a saved state; throws if the bytes are not one.
    public func restore(_ state: [UInt8]) throws(TorchError) {
        let tensor = Tensor(state)
        try tensor.check()
        guard ct_generator_set_state(handle, tensor.handle) == CT_OK else { throw .kept() }
    }
}
