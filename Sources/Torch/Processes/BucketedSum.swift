/// The sums over all processes of tensors that become known one after another, as gradients do in a backward pass.
///
/// Each is copied into its place in a bucket, and a bucket whose tensors are all there is sent while the others are
/// computed. Which tensor lies where follows from their order alone, and buckets are sent in that order, so that
/// processes need no message to agree, and a repetition adds in the same order.
package final class BucketedSum {
    private struct Place {
        let bucket: Int
        let start: Int
        let count: Int
        let shape: [Int]
        var isFilled = false
    }

    private struct Bucket {
        let dtype: DType
        var count = 0
        /// The tensors that are not there yet.
        var missing = 0
        /// Nothing before the first tensor comes.
        var elements: Tensor?
    }

    /// The processes.
    package let group: ProcessGroup
    private let operation: String
    private var places: [Place?]
    private var buckets: [Bucket] = []
    private var exchanges: [Exchange] = []

    /// Plans the sums of tensors like these, on the CPU.
    ///
    /// - Parameters:
    ///   - tensors: of the shapes and types of what will come; the same in all processes.
    ///   - order: their positions in the order in which they probably come.
    ///   - bucketByteCount: the bytes of a bucket, if not chosen by those of all tensors.
    ///   - group: the processes.
    ///   - operation: what it is, for errors.
    package init(
        like tensors: [Tensor], order: [Int], bucketByteCount: Int? = nil, over group: ProcessGroup,
        as operation: String
    ) {
        (self.group, self.operation) = (group, operation)
        places = tensors.map { _ in nil }
        let most = bucketByteCount ?? Self.bucketByteCount(for: tensors.reduce(0) { $0 + $1.byteCount })
        var open: [DType: Int] = [:]
        for position in order {
            let dtype = tensors[position].dtype
            // Places begin at the bounds of cache lines; what lies between is never read.
            let line = max(1, 64 / dtype.byteCount)
            let count = (tensors[position].count + line - 1) / line * line
            let number: Int
            if let known = open[dtype], (buckets[known].count + count) * dtype.byteCount <= most {
                number = known
            } else {
                number = buckets.count
                buckets.append(Bucket(dtype: dtype))
                open[dtype] = number
            }
            places[position] = Place(
                bucket: number, start: buckets[number].count, count: tensors[position].count,
                shape: tensors[position].shape)
            buckets[number].count += count
            buckets[number].missing += 1
        }
    }

    /// Large enough that an exchange is not all latency; small enough that the last one, which nothing overlaps, is short.
    static func bucketByteCount(for total: Int) -> Int { min(25 << 20, max(1 << 20, total / 8)) }

    /// Puts a tensor into its place, once, and sends the buckets that are full.
    ///
    /// - Returns: the place, which has this process's numbers, and later the sums.
    package func put(_ tensor: Tensor, at position: Int) throws -> Tensor {
        guard var place = places[position], !place.isFilled else {
            preconditionFailure("there is one place for a tensor")
        }
        let elements = try elements(of: place.bucket)
            .narrowed(0, from: place.start, length: place.count).reshaped(place.shape)
        try withoutGradients { try elements.assign(tensor.detached()) }
        place.isFilled = true
        places[position] = place
        buckets[place.bucket].missing -= 1
        try sendFull()
        return elements
    }

    /// Sends what is left; tensors that have not come are zero. Every process calls it, also where it could not compute
    /// them: the others wait for its buckets.
    package func finish() throws {
        for place in places {
            guard let place, !place.isFilled else { continue }
            try withoutGradients {
                let elements = try elements(of: place.bucket)
                try elements.narrowed(0, from: place.start, length: place.count).fill(0)
            }
            buckets[place.bucket].missing -= 1
        }
        try sendFull()
    }

    /// The tensors, in their places; they are the sums after ``wait()``. All have been sent.
    var tensors: [Tensor] {
        places.map { place in
            guard let place, let elements = buckets[place.bucket].elements else {
                preconditionFailure("all buckets have been sent")
            }
            return elements.narrowed(0, from: place.start, length: place.count).reshaped(place.shape)
        }
    }

    /// Waits until all processes have the sums.
    func wait() throws {
        for exchange in exchanges { try exchange.wait() }
        exchanges = []
    }

    private var sentCount = 0

    private func sendFull() throws {
        while sentCount < buckets.count, buckets[sentCount].missing == 0 {
            let elements = try elements(of: sentCount)
            sentCount += 1
            if elements.count > 0 { exchanges.append(try group.beginAllReduce(elements, as: operation)) }
        }
    }

    private func elements(of number: Int) throws(TorchError) -> Tensor {
        if let elements = buckets[number].elements { return elements }
        let made = Tensor.uninitialized([buckets[number].count], dtype: buckets[number].dtype)
        try made.check()
        buckets[number].elements = made
        return made
    }
}
