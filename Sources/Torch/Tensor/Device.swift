import CTorch

/// Where a tensor's elements lie.
///
/// What is made without naming a device lies on the current one, which is the CPU unless it is inside of
/// ``withDevice(_:_:)``: data, networks, batches, states of optimizers.
public enum Device: Hashable, Sendable, CustomStringConvertible {
    /// The machine's own memory.
    case cpu
    /// A CUDA device by its number.
    case cuda(Int)
    /// A device by its number of the backend that a library has registered in libtorch, as its `PrivateUse1`.
    case registered(Int)

    /// Where tensors lie that are made without naming a device.
    @TaskLocal public static var current = Device.cpu

    /// A device by its name: `cpu`, `cuda` and `cuda:0` for the first card, `cuda:1`, `registered:0`; nil for another text.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let number =
            parts.count == 1 ? 0 : Int(parts[1]).flatMap { "\($0)" == parts[1] && $0 >= 0 ? $0 : nil }
        guard let number else { return nil }
        switch parts[0] {
        case "cpu" where parts.count == 1: self = .cpu
        case "cuda": self = .cuda(number)
        case "registered": self = .registered(number)
        default: return nil
        }
    }

    /// The number of CUDA devices that the engine can use here.
    public static var cudaCount: Int { Int(ct_cuda_device_count()) }

    /// The devices that the engine can use here, the CPU first.
    public static var available: [Device] {
        [.cpu] + (0..<cudaCount).map { .cuda($0) }
            + (0..<Int(ct_registered_device_count())).map { .registered($0) }
    }

    /// Throws, in one sentence, if the engine cannot use this device.
    public func requireAvailable() throws(TorchError) {
        let reason: String
        switch self {
        case .cpu: return
        case .cuda(let number):
            let count = Device.cudaCount
            if number >= 0, number < count { return }
            reason =
                Device.cudaObstacle
                ?? "there \(count == 1 ? "is 1 card" : "are \(count) cards"), from cuda:0 on"
        case .registered(let number):
            if number >= 0, number < Int(ct_registered_device_count()) { return }
            reason = "no library has registered such a backend"
        }
        throw TorchError(kind: .deviceUnavailable, message: "device \(self) is not available: \(reason)")
    }

    /// Why there is no CUDA device; nil where there is one.
    package static var cudaObstacle: String? {
        if cudaCount > 0 { return nil }
        guard ct_engine_has_cuda() else {
            return
                "libtorch \(Engine.version) in \(Engine.folder ?? "an unknown folder") is built without CUDA: "
                + "Scripts/prepare-engine --cuda installs a build with it"
        }
        if let reason = ct_cuda_obstacle() {
            return "libtorch's CUDA library cannot be loaded: \(String(cString: reason))"
        }
        return ct_driver_card_count() == 0
            ? "NVIDIA's driver finds no card"
            : "libtorch \(Engine.version) can use none of the cards of this machine"
    }

    /// Where the library of fused steps for cards, and of NCCL, is looked for: `FISHER_CUDA_KERNELS`, or beside libtorch's own.
    package static var kernelLibrary: String { String(cString: ct_cuda_kernels_path()) }

    /// What the device is called by its maker, with its memory and, of a card, its compute capability; nil if unknown.
    public var hardwareName: String? {
        guard case .cuda(let number) = self else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { name in
            var (bytes, major, minor) = (Int64(0), Int32(0), Int32(0))
            guard let start = name.baseAddress,
                ct_cuda_card(Int32(clamping: number), start, 256, &bytes, &major, &minor)
            else { return nil }
            return "\(String(cString: start)), \(bytes >> 20) MiB, compute capability \(major).\(minor)"
        }
    }

    /// Waits until the device has done all that it was given; the CPU always has.
    public func synchronize() throws(TorchError) {
        if self == .cpu { return }
        guard ct_device_synchronize(code.type, code.index) == CT_OK else { throw .kept() }
    }

    /// `cpu`, or the kind and the number: `cuda:0`.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let number): "cuda:\(number)"
        case .registered(let number): "registered:\(number)"
        }
    }

    var code: (type: Int32, index: Int32) {
        switch self {
        case .cpu: (0, -1)
        case .cuda(let number): (1, Int32(clamping: number))
        case .registered(let number): (20, Int32(clamping: number))
        }
    }

    init(type: Int32, index: Int) {
        self = type == 0 ? .cpu : type == 1 ? .cuda(index) : .registered(index)
    }
}

/// Runs `body` with another current device, and throws what it throws: what `body` makes without naming a device lies there.
///
///     try withDevice(.cuda(0)) {
///         let model = GPT(configuration, using: generator)
///         let batch = Tensor(tokens, shape: [8, 128])
///         print(model(batch).device)  // cuda:0
///     }
///
/// Throws `TorchError` of kind `deviceUnavailable` for a device that the engine cannot use. Equal seeds of generators of the
/// CPU give equal first weights on every device: they are drawn on the CPU and moved.
public func withDevice<Result>(_ device: Device, _ body: () throws -> Result) throws -> Result {
    try device.requireAvailable()
    return try Device.$current.withValue(device, operation: body)
}
