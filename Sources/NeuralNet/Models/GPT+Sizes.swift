import Torch

extension GPT.Configuration {
    /// Why no model can have these sizes; nil if one can. To be asked before a model of sizes from outside is made,
    /// whose initializer takes sizes that do not fit for a mistake of the program.
    package var complaint: String? {
        let sizes = [
            ("vocabulary", vocabulary), ("context", context), ("width", width), ("layers", layers),
            ("heads", heads),
        ]
        for (name, value) in sizes where !(1...1 << 20).contains(value) {
            return "\(name) \(value) must lie between 1 and \(1 << 20)"
        }
        if width % heads != 0 { return "\(heads) heads do not divide the width \(width)" }
        if !(0..<1).contains(dropout) { return "dropout \(dropout) must lie in [0, 1)" }
        return nil
    }

    /// The number of elements of all parameters; it may be beyond any integer.
    package var parameterCount: Double {
        let (width, layers) = (Double(width), Double(layers))
        let block = 12 * width * width + 13 * width
        let embeddings = (Double(vocabulary) * (tiesHead ? 1 : 2) + Double(context)) * width
        return layers * block + embeddings + 2 * width
    }

    /// Throws `TorchError` of kind `outOfMemory` if the weights with their gradients, or the tokens and logits of a
    /// batch with the logits' gradients, do not fit into the memory there is.
    package func requireMemory(batch: Int, dtype: DType = .float32) throws(TorchError) {
        let element = Double(dtype.byteCount)
        try Torch.requireMemory(
            2 * parameterCount * element,
            for: "a GPT of width \(width) and \(layers) layers with its gradients")
        let positions = Double(batch) * Double(context)
        try Torch.requireMemory(
            positions * (16 + 2 * Double(vocabulary) * element),
            for: "a batch of \(batch) sequences of \(context)")
    }
}
