import Torch

/// A layer of a description whose sizes may still be left to the weights: what a user says of a network whose weights
/// are there.
///
/// In JSON it is a layer of a description with fewer options, `{"conv2d": {"stride": 2}}`; as a text it is a name with
/// options in parentheses, `conv2d(stride=2)`, several one after another: `fc1:linear relu fc2:linear`. The word
/// before a colon, `from` in JSON, says where the file has the weights of the layer.
package struct LayerDraft: Hashable, Sendable {
    /// The name of the layer.
    package var kind: String
    /// Where the file has its weights; nil for the layer's position.
    package var source: String?
    /// The options that are given.
    package var options: [String: JSONValue] = [:]
    /// The lists of layers inside it, by the option's key.
    package var inner: [String: [LayerDraft]] = [:]

    /// The kind in place of a layer that is not known.
    package static let unknown = "?"

    package init(_ kind: String, source: String? = nil) { (self.kind, self.source) = (kind, source) }

    /// The options whose values are lists of layers.
    static let lists = ["layers", "shortcut"]

    /// Whether a layer is made of other layers.
    static func isContainer(_ kind: String) -> Bool {
        kind == Sequential.Description.kind || kind == Residual.Description.kind
    }
}

// As JSON.
extension LayerDraft {
    /// Reads a description whose sizes, and whose likelihood, may be left out; `path` is for the messages of
    /// `ConversionError`.
    package static func skeleton(
        _ bytes: [UInt8], path: String
    ) throws(ConversionError) -> (layers: [LayerDraft], likelihood: JSONValue?) {
        let json: JSONValue
        do throws(StrictJSON.Fault) {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw ConversionError("\(path): this is not valid JSON: \(error)")
        }
        guard case .object(let members) = json, let layers = members["layers"],
            members.keys.allSatisfy({ $0 == "layers" || $0 == "likelihood" })
        else {
            throw ConversionError("\(path): it must be an object of layers, and of a likelihood if need be")
        }
        return (try list(layers, "\(path): layers"), members["likelihood"])
    }

    /// Reads a list of layers; `place` is for the messages of `ConversionError`.
    package static func list(_ json: JSONValue, _ place: String) throws(ConversionError) -> [LayerDraft] {
        guard case .list(let items) = json else {
            throw ConversionError("\(place) must be a list of layers, not \(json.quoted)")
        }
        var drafts: [LayerDraft] = []
        for (position, item) in items.enumerated() {
            drafts.append(try LayerDraft(item, "\(place)[\(position)]"))
        }
        return drafts
    }

    private init(_ json: JSONValue, _ place: String) throws(ConversionError) {
        switch json {
        case .text(let name): self.init(try Self.known(name, place))
        case .object(let object):
            guard object.count == 1, let only = object.first else {
                throw ConversionError("\(place): \(json.quoted) must have one key, the layer's name")
            }
            self.init(try Self.known(only.key, place))
            try read(only.value, place)
        default:
            throw ConversionError("\(place): \(json.quoted) is not a layer: a name or an object is needed")
        }
    }

    private mutating func read(_ given: JSONValue, _ place: String) throws(ConversionError) {
        let keys = LayerRegistry.shortForm(of: kind) ?? []
        switch given {
        case .object(let members): options = members
        case .list(let values) where keys.count > 1 && values.count == keys.count:
            options = Dictionary(uniqueKeysWithValues: zip(keys, values))
        case let value where keys.count == 1: options = [keys[0]: value]
        default: throw ConversionError("\(place): \(kind) needs an object of options, not \(given.quoted)")
        }
        if let from = options.removeValue(forKey: "from") {
            guard case .text(let name) = from else {
                throw ConversionError("\(place): from must be a name in the file, not \(from.quoted)")
            }
            source = name
        }
        guard Self.isContainer(kind) else { return }
        for key in Self.lists {
            guard let list = options.removeValue(forKey: key) else { continue }
            inner[key] = try Self.list(list, "\(place).\(key)")
        }
    }

    /// The layer of a description, without `from`.
    var value: JSONValue {
        let members = options.merging(inner.mapValues { .list($0.map(\.value)) }) { first, _ in first }
        return members.isEmpty ? .text(kind) : .object([kind: .object(members)])
    }

    /// The name of a layer, PyTorch's accepted; throws for one that is unknown.
    fileprivate static func known(_ name: String, _ place: String) throws(ConversionError) -> String {
        let plain = name.hasPrefix("nn.") ? String(name.dropFirst(3)) : name
        let kind = classes[plain] ?? plain
        guard LayerRegistry.kinds.contains(kind) else {
            if UnknownLayer.classes.contains(plain) {
                let advice =
                    plain.hasSuffix("Softmax")
                    ? ": leave it out, since the likelihood categorical takes logits"
                    : "; there are \(LayerRegistry.kinds.sorted().joined(separator: ", "))"
                throw ConversionError("\(place): \(plain) of PyTorch is not among the layers here\(advice)")
            }
            throw ConversionError(
                "\(place): " + unknownName(name, called: "layer", among: LayerRegistry.kinds))
        }
        return kind
    }

    /// PyTorch's classes by our names.
    private static let classes = [
        "Linear": "linear", "Conv1d": "conv1d", "Conv2d": "conv2d", "Embedding": "embedding",
        "BatchNorm1d": "batch_norm", "BatchNorm2d": "batch_norm", "LayerNorm": "layer_norm",
        "GroupNorm": "group_norm", "LSTM": "lstm", "Sequential": "sequential", "MaxPool2d": "max_pool2d",
        "AvgPool2d": "average_pool2d", "AdaptiveAvgPool2d": "adaptive_average_pool2d",
        "PixelShuffle": "pixel_shuffle", "Flatten": "flatten", "Tanh": "tanh", "ReLU": "relu",
        "Sigmoid": "sigmoid", "SiLU": "silu", "GLU": "glu", "GELU": "gelu", "Dropout": "dropout",
    ]
}

// As a text.
extension LayerDraft {
    /// Reads layers one after another, divided by spaces or commas; throws `ConversionError` for what is none, in which
    /// `place` is what gave the text.
    package static func list(
        text: String, place: String = "--layers"
    ) throws(ConversionError) -> [LayerDraft] {
        var rest = Substring(text)
        let drafts = try list(&rest, depth: 0, place)
        guard rest.isEmpty else {
            throw ConversionError("\(place): a parenthesis is closed that was not opened")
        }
        guard !drafts.isEmpty else { throw ConversionError("\(place) names no layer") }
        return drafts
    }

    private static func list(
        _ rest: inout Substring, depth: Int, _ place: String
    ) throws(ConversionError) -> [LayerDraft] {
        guard depth < 32 else { throw ConversionError("\(place): layers nest more than 32 deep") }
        var drafts: [LayerDraft] = []
        while true {
            rest = rest.drop { $0.isWhitespace || $0 == "," }
            guard let next = rest.first, next != ")" else { return drafts }
            let word = rest.prefix { !$0.isWhitespace && !"(),".contains($0) }
            guard !word.isEmpty else {
                throw ConversionError("\(place): a layer's name must be before \"(\"")
            }
            rest = rest.dropFirst(word.count)
            let colon = word.lastIndex(of: ":")
            let name = colon.map { word[word.index(after: $0)...] } ?? word
            var draft = LayerDraft(
                try known(String(name), place), source: colon.map { String(word[..<$0]) })
            if rest.first == "(" {
                rest.removeFirst()
                if isContainer(draft.kind) {
                    draft.inner["layers"] = try list(&rest, depth: depth + 1, place)
                    guard rest.first == ")" else { throw unclosed(draft.kind, place) }
                    rest.removeFirst()
                } else {
                    try draft.readOptions(&rest, place)
                }
            }
            drafts.append(draft)
        }
    }

    private static func unclosed(_ kind: String, _ place: String) -> ConversionError {
        ConversionError("\(place): the parenthesis after \(kind) is not closed")
    }

    /// Reads `2, stride=[1, 2])`.
    private mutating func readOptions(_ rest: inout Substring, _ place: String) throws(ConversionError) {
        var (parts, depth) = ([""], 0)
        while true {
            guard let next = rest.popFirst() else { throw Self.unclosed(kind, place) }
            if next == ")" && depth == 0 { break }
            if next == "[" { depth += 1 }
            if next == "]" { depth -= 1 }
            if next == "," && depth == 0 { parts.append("") } else { parts[parts.count - 1].append(next) }
        }
        let short = LayerRegistry.shortForm(of: kind) ?? []
        for (position, part) in parts.enumerated() where !part.allSatisfy(\.isWhitespace) {
            let equals = part.firstIndex(of: "=")
            let value = equals.map { String(part[part.index(after: $0)...]) } ?? part
            let key = equals.map { part[..<$0].filter { !$0.isWhitespace } }
            guard let key = key ?? (position < short.count ? short[position] : nil) else {
                throw ConversionError(
                    "\(place): write the options of \(kind) with their names, as in stride=2")
            }
            guard let json = try? JSONValue(parsing: Array(value.utf8)), Self.isPlain(json) else {
                throw ConversionError(
                    "\(place): \(kind) has for \(shortened(key)) \(shortened(value)), which is no number, list, "
                        + "true or false")
            }
            options[key] = json
        }
    }

    /// Whether an option's value is one that a text can have: numbers, lists of them, true and false.
    private static func isPlain(_ json: JSONValue) -> Bool {
        switch json {
        case .boolean, .integer, .real: true
        case .list(let list): list.allSatisfy(isPlain)
        case .null, .text, .object: false
        }
    }

    /// The layer as `list(text:)` reads it.
    package var text: String {
        let label = source.map { "\($0):" } ?? ""
        let layers = inner["layers"].map { $0.map(\.text).joined(separator: " ") }
        let named = options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let inside = [layers].compactMap(\.self) + named
        return label + kind + (inside.isEmpty ? "" : "(\(inside.joined(separator: ", ")))")
    }
}
