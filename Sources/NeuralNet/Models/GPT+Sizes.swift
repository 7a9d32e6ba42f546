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
        if let innerWidth, !(1...1 << 22).contains(innerWidth) {
            return "inner width \(innerWidth) must lie between 1 and \(1 << 22)"
        }
        let shares = [
            ("dropout", dropout), ("attention dropout", attentionDropout),
            ("embedding dropout", embeddingDropout ?? 0),
        ]
        for (name, value) in shares where !(0..<1).contains(value) {
            return "\(name) \(value) must lie in [0, 1)"
        }
        if !(0...1).contains(epsilon) { return "epsilon \(epsilon) must lie in [0, 1]" }
        return nil
    }

    /// The width inside the feed-forward layers.
    var feedForwardWidth: Int { innerWidth ?? 4 * width }

    /// The number of elements of all parameters; it may be beyond any integer.
    package var parameterCount: Double {
        let (width, layers, inner) = (Double(width), Double(layers), innerWidth.map(Double.init))
        let (inside, attention) = (inner ?? 4 * width, 4 * width * width + 4 * width)
        let block = attention + 2 * width * inside + inside + 5 * width
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

/// As JSON: the sizes always, what its layers compute where it differs from the default, so that files stay as they were
/// and those of earlier versions are read.
extension GPT.Configuration: Codable {
    private enum Key: String, CodingKey {
        case vocabulary, context, width, layers, heads, dropout, tiesHead
        case activation, epsilon, innerWidth, embeddingDropout, attentionDropout, scalesAttention
        case scalesAttentionByLayer
    }

    /// Reads a configuration; throws `DecodingError` for one that lacks a size.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        self.init(
            vocabulary: try values.decode(Int.self, forKey: .vocabulary),
            context: try values.decode(Int.self, forKey: .context),
            width: try values.decode(Int.self, forKey: .width),
            layers: try values.decode(Int.self, forKey: .layers),
            heads: try values.decode(Int.self, forKey: .heads),
            dropout: try values.decode(Double.self, forKey: .dropout),
            tiesHead: try values.decode(Bool.self, forKey: .tiesHead))
        func read<Value: Decodable>(_ key: Key, _ property: WritableKeyPath<Self, Value>) throws {
            if let value = try values.decodeIfPresent(Value.self, forKey: key) {
                self[keyPath: property] = value
            }
        }
        try read(.activation, \.activation)
        try read(.epsilon, \.epsilon)
        innerWidth = try values.decodeIfPresent(Int.self, forKey: .innerWidth)
        embeddingDropout = try values.decodeIfPresent(Double.self, forKey: .embeddingDropout)
        try read(.attentionDropout, \.attentionDropout)
        try read(.scalesAttention, \.scalesAttention)
        try read(.scalesAttentionByLayer, \.scalesAttentionByLayer)
    }

    /// Writes the configuration.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(vocabulary, forKey: .vocabulary)
        try values.encode(context, forKey: .context)
        try values.encode(width, forKey: .width)
        try values.encode(layers, forKey: .layers)
        try values.encode(heads, forKey: .heads)
        try values.encode(dropout, forKey: .dropout)
        try values.encode(tiesHead, forKey: .tiesHead)
        let standard = Self(context: context, width: width, layers: layers, heads: heads)
        func write<Value: Encodable & Equatable>(_ key: Key, _ property: KeyPath<Self, Value>) throws {
            let value = self[keyPath: property]
            if value != standard[keyPath: property] { try values.encode(value, forKey: key) }
        }
        try write(.activation, \.activation)
        try write(.epsilon, \.epsilon)
        try values.encodeIfPresent(innerWidth, forKey: .innerWidth)
        try values.encodeIfPresent(embeddingDropout, forKey: .embeddingDropout)
        try write(.attentionDropout, \.attentionDropout)
        try write(.scalesAttention, \.scalesAttention)
        try write(.scalesAttentionByLayer, \.scalesAttentionByLayer)
    }
}
