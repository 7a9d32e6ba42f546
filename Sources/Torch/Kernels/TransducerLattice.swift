import CKernels

/// The labels and frames of a batch whose transducer loss is computed by the fused loops, an utterance a piece of work.
struct TransducerLattice: Sendable {
    /// [utterances, frames, positions, classes].
    let shape: [Int]
    let labels: [[Int64]]
    let frameCounts: [Int]
    let isDouble: Bool
    let set: InstructionSet

    init(
        of logits: Tensor, labels: [[Int]], frameCounts: [Int], with set: InstructionSet = .fastest
    ) {
        shape = logits.shape
        self.labels = labels.map { $0.map(Int64.init) }
        self.frameCounts = frameCounts
        isDouble = logits.dtype == .float64
        self.set = set
    }

    /// -log p of each utterance, and the logarithms of the softmax's divisors of all nodes, both in float64.
    func losses(_ logits: Tensor) throws(TorchError) -> (losses: Tensor, normalizers: Tensor) {
        let losses = Tensor.uninitialized([shape[0]], dtype: .float64)
        let normalizers = Tensor.uninitialized(Array(shape.dropLast()), dtype: .float64)
        try losses.check()
        try normalizers.check()
        let found = losses.place
        forEachUtterance(logits.place, normalizers.place) { number, job, scratch in
            let own = UnsafeMutablePointer<Double>(bitPattern: found)! + number
            guard let job else {
                own.pointee = labels[number].isEmpty ? 0 : .infinity
                return
            }
            own.pointee = set.latticeLoops(float64: isDouble).pointee.loss(job, scratch)
        }
        withExtendedLifetime((logits, losses, normalizers)) {}
        return (losses, normalizers)
    }

    /// Writes the gradient of the weighted sum of the losses into a tensor, which may be the logits.
    func writeGradient(
        of logits: Tensor, _ normalizers: Tensor, weights: [Double], into gradient: Tensor
    ) {
        let first = gradient.place
        let stride = shape.dropFirst().reduce(isDouble ? 8 : 4, *)
        forEachUtterance(logits.place, normalizers.place) { number, job, scratch in
            let own = UnsafeMutableRawPointer(bitPattern: first)! + number * stride
            guard let job else {
                own.initializeMemory(as: UInt8.self, repeating: 0, count: stride)
                return
            }
            set.latticeLoops(float64: isDouble).pointee.gradient(job, weights[number], own, scratch)
        }
        withExtendedLifetime((logits, normalizers, gradient)) {}
    }

    /// Runs `body` for every utterance with its lattice, nil if it has no frames, and memory to work in.
    private func forEachUtterance(
        _ logits: UInt, _ normalizers: UInt,
        _ body: @Sendable (Int, UnsafePointer<ck_lattice>?, UnsafeMutablePointer<Double>?) -> Void
    ) {
        let nodes = shape[1] * shape[2]
        let stride = nodes * shape[3] * (isDouble ? 8 : 4)
        Engine.parallelFor(count: shape[0], grain: 1) { range, _ in
            for number in range {
                guard frameCounts[number] > 0 else {
                    body(number, nil, nil)
                    continue
                }
                labels[number].withUnsafeBufferPointer { symbols in
                    var job = ck_lattice(
                        logits: UnsafeRawPointer(bitPattern: logits)! + number * stride,
                        frames: Int64(frameCounts[number]), labels: Int64(symbols.count),
                        all_frames: Int64(shape[1]), positions: Int64(shape[2]), classes: Int64(shape[3]),
                        symbols: symbols.baseAddress,
                        normalizers: UnsafeMutablePointer(bitPattern: normalizers)! + number * nodes)
                    let scratch = UnsafeMutablePointer<Double>.allocate(
                        capacity: Int(ck_lattice_scratch(&job)))
                    defer { scratch.deallocate() }
                    body(number, &job, scratch)
                }
            }
        }
    }
}

extension Tensor {
    /// The address of a contiguous tensor's first element, for as long as the tensor lives.
    fileprivate var place: UInt {
        withUnsafeBytes { $0.baseAddress.map { UInt(bitPattern: $0) } } ?? 64
    }
}
