import CTorch

/// A stream of random numbers that can be saved and restored. Nothing in the package draws from a hidden one.
public final class RandomGenerator {
    /// Where it draws. What is drawn for tensors of another device is moved there.
    public private(set) var device: Device
    private(set) var handle: ct_generator
    /// The numbers of units, of a generator that draws by unit.
    let units: UnitNumbers?

    /// Starts a stream; equal seeds give equal streams on one kind of device. Throws for a device that is not
    /// available.
    public convenience init(seed: UInt64, device: Device = .cpu) throws(TorchError) {
        try self.init(seed: seed, device: device, units: nil)
    }

    init(seed: UInt64, device: Device, units: UnitNumbers?) throws(TorchError) {
        handle = try Self.made(seed, device)
        (self.device, self.units) = (device, units)
    }

    deinit { ct_generator_release(handle) }

    private static func made(_ seed: UInt64, _ device: Device) throws(TorchError) -> ct_generator {
        try device.requireAvailable()
        let code = device.code
        guard let made = ct_generator_create(seed, code.type, code.index) else { throw .kept() }
        return made
    }

    /// Goes on with another stream on another device, from a seed that its present state determines. On its own device it
    /// stays as it is.
    public func move(to device: Device) throws(TorchError) {
        if device == self.device { return }
        let other = try Self.made(Self.seed(from: try state()), device)
        ct_generator_release(handle)
        (handle, self.device) = (other, device)
    }

    /// The complete state, which determines all further draws, as bytes (about 5 kB on the CPU, 16 on a card). Throws if
    /// the engine fails.
    public func state() throws(TorchError) -> [UInt8] {
        guard let state = ct_generator_state(handle) else { throw .kept() }
        return try Tensor(owning: state).scalars(as: UInt8.self)
    }

    /// Continues from a saved state; throws if the bytes are not one of this kind of device.
    public func restore(_ state: [UInt8]) throws(TorchError) {
        let tensor = Tensor(state, device: .cpu)
        try tensor.check()
        guard ct_generator_set_state(handle, tensor.handle) == CT_OK else { throw .kept() }
    }

    /// Continues from a state that was saved on any kind of device: where it was of another kind, with a stream that it
    /// determines. Throws if the bytes are a state of no kind.
    ///
    /// - Returns: whether the further draws are those that would have followed there.
    @discardableResult
    public func restore(fromAnyDevice saved: [UInt8]) throws(TorchError) -> Bool {
        // A state of the CPU, or the seed and the offset of a card's.
        let others = [try RandomGenerator(seed: 0).state().count, 16]
        if saved.count == (try state().count) || !others.contains(saved.count) {
            try restore(saved)
            return true
        }
        let other = try Self.made(Self.seed(from: saved), device)
        ct_generator_release(handle)
        handle = other
        return false
    }

    /// FNV-1a of a state.
    private static func seed(from state: [UInt8]) -> UInt64 {
        state.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
