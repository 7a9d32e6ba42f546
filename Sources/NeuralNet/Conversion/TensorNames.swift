import Torch

/// The names and layouts of a model's tensors in another library beside ours: one table, read in both directions.
package struct TensorNames {
    /// A tensor of both.
    package struct Entry {
        /// Our path of the parameter.
        package let ours: String
        /// The other library's name.
        package let theirs: String
        /// Our shape.
        package let shape: [Int]
        /// Whether the other library keeps the transpose of our matrix.
        package let isTransposed: Bool

        package init(_ ours: String, _ theirs: String, shape: [Int], isTransposed: Bool = false) {
            (self.ours, self.theirs, self.shape, self.isTransposed) = (ours, theirs, shape, isTransposed)
        }

        /// The other library's shape.
        package var theirShape: [Int] { isTransposed ? shape.reversed() : shape }
    }

    /// The tensors, in our order.
    package let entries: [Entry]

    package init(_ entries: [Entry]) { self.entries = entries }

    /// Our tensors, converted to a floating-point type, from files of the other library.
    ///
    /// Every tensor of the table must be there in its shape, and nothing else but what `isIgnored` says; the headers are
    /// checked before a tensor is read. Throws `ConversionError` for what does not fit and `SafetensorsError` for what
    /// cannot be read.
    package func tensors(
        from files: SafetensorsShards, dtype: DType, isIgnored: (String) -> Bool = { _ in false }
    ) throws -> [String: Tensor] {
        func failing(_ name: String, _ reason: String) -> ConversionError {
            ConversionError("\(files.path): the tensor \(name) \(reason)")
        }
        let known = Set(entries.map(\.theirs))
        for entry in entries {
            guard let stored = files[entry.theirs] else { throw failing(entry.theirs, "is missing") }
            guard stored.shape == entry.theirShape else {
                throw failing(
                    entry.theirs, "has shape \(stored.shape), where \(entry.theirShape) is expected")
            }
            guard [.float64, .float32, .float16, .bfloat16].contains(stored.dtype) else {
                throw failing(
                    entry.theirs, "is of type \(stored.dtype.rawValue), which no weight can have here")
            }
        }
        let extra = files.tensors.map(\.name).filter { !known.contains($0) && !isIgnored($0) }.min()
        if let extra { throw failing(extra, "is none that this model has") }
        var found: [String: Tensor] = [:]
        for entry in entries {
            let tensor = try files.tensor(named: entry.theirs).to(dtype: dtype)
            found[entry.ours] = entry.isTransposed ? tensor.transposed() : tensor
        }
        return found
    }

    /// The other library's tensors from ours, for a file.
    package func sources(from ours: [String: Tensor]) throws -> [SafetensorsSource] {
        try entries.map { entry in
            guard let tensor = ours[entry.ours] else {
                throw ConversionError("the model has no parameter \(entry.ours)")
            }
            return try SafetensorsSource(
                name: entry.theirs, tensor: entry.isTransposed ? tensor.transposed() : tensor)
        }
    }
}
