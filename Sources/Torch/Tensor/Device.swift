import CTorch

/// Where a tensor's elements lie.
public enum Device: Hashable, Sendable, CustomStringConvertible {
    /// The machine's own memory.
    case cpu
    /// A CUDA device by its number.
    case cuda(Int)

    /// The number of CUDA devices that the engine can use here.
    public static var cudaCount: Int { Int(ct_cuda_device_count()) }

    /// Throws if the engine cannot use this device.
    public func requireAvailable() throws(TorchError) {
        guard case .cuda(let number) = self else { return }
        let count = Device.cudaCount
        guard number >= 0, number < count else {
            let found = count == 0 ? "no CUDA device" : "\(count) CUDA device\(count == 1 ? "" : "s")"
            throw TorchError(
                kind: .deviceUnavailable,
                message: "device \(self) is not available: libtorch \(Engine.version) finds \(found) here")
        }
    }

    /// `cpu`, or `cuda:` and the number.
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let number): "cuda:\(number)"
        }
    }

    var code: (type: Int32, index: Int32) {
        switch self {
        case .cpu: (0, -1)
        case .cuda(let number): (1, Int32(clamping: number))
        }
    }
}
