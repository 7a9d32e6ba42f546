// Tensors to and from safetensors files.

extension DType {
    /// The type that a safetensors file spells so, where this package has it.
    init?(_ stored: SafetensorsDType) {
        guard let found = DType.allCases.first(where: { $0.stored == stored }) else { return nil }
        self = found
    }

    /// The spelling in safetensors files.
    var stored: SafetensorsDType {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .int32: .int32
        case .int64: .int64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        }
    }
}

extension SafetensorsFile {
    /// Reads one tensor, in the type in which it is stored, onto the current device, whichever it was written from. Throws `missingTensor`, `inputOutput`, and `malformed`
    /// for a type that this package does not compute with.
    public func tensor(named name: String) throws(SafetensorsError) -> Tensor {
        try tensor(entry(named: name))
    }

    /// Reads all tensors; throws as for one.
    public func allTensors() throws(SafetensorsError) -> [String: Tensor] {
        var all: [String: Tensor] = [:]
        for entry in tensors { all[entry.name] = try tensor(entry) }
        return all
    }

    private func tensor(_ entry: SafetensorsEntry) throws(SafetensorsError) -> Tensor {
        guard let dtype = DType(entry.dtype) else {
            throw malformed(
                entry, "its type \(entry.dtype.rawValue) is not one that this package computes with")
        }
        let made = Tensor.empty(entry.shape, dtype: dtype, device: .cpu)
        if let failure = made.failure { throw malformed(entry, "\(failure)") }
        try made.withUnsafeMutableBytes { (bytes) throws(SafetensorsError) in try read(entry, into: bytes) }
        let placed = made.to(device: .current)
        if let failure = placed.failure { throw malformed(entry, "\(failure)") }
        return placed
    }

    private func malformed(_ entry: SafetensorsEntry, _ reason: String) -> SafetensorsError {
        SafetensorsError(.malformed, path: path, tensor: entry.name, reason: reason)
    }
}

extension SafetensorsSource {
    /// A tensor to write, under a name; one that is not contiguous or not on the CPU is copied when it is
    /// written. A failed tensor throws when it is written.
    public init(name: String, tensor: Tensor) throws(TorchError) {
        try tensor.check()
        self.init(name: name, dtype: tensor.dtype.stored, shape: tensor.shape, byteCount: tensor.byteCount) {
            consume in
            let plain = tensor.detached().to(device: .cpu).contiguous()
            try plain.check()
            try plain.withUnsafeBytes { bytes in try consume(bytes) }
        }
    }
}
