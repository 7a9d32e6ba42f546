/// What calls of the C loops share.
enum LoopSupport {
    /// The number of multiplications below which another thread does not pay off.
    static let leastWork = 1 << 17

    /// Why one of some tensors could not be made: memory is missing.
    static func firstFailure(_ tensors: [Tensor?]) -> TorchError? {
        tensors.lazy.compactMap { $0?.failure }.first
    }

    /// Runs `body` with memory of its own, aligned to cache lines.
    static func withScratch(_ size: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        defer { scratch.deallocate() }
        body(scratch)
    }
}

extension Tensor {
    /// The address of a tensor's first element, for as long as the tensor lives.
    var address: UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(mutating: withUnsafeBytes { $0.baseAddress })
            ?? UnsafeMutableRawPointer(bitPattern: 64)!
    }
}
