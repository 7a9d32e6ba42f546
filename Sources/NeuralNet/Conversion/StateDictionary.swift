import Torch

/// The names and shapes of a PyTorch `state_dict`, as the modules that they are of.
///
/// An `nn.Sequential` names its tensors by position, `0.weight`, `2.bias`; those inside others one after another, `1.0.weight`.
/// Names that all begin alike, such as `module.` or `net.`, are read without that beginning. The names of a layer that is in
/// no other module, `weight`, are read as those of a sequence of it alone.
package struct StateDictionary {
    /// A module with its own tensors' shapes, and those in it.
    package struct Node {
        package var shapes: [String: [Int]] = [:]
        package var children: [String: Node] = [:]

        /// The children's names, positions in their order.
        package var names: [String] {
            children.keys.sorted { a, b in
                (Int(a) ?? .max, a) < (Int(b) ?? .max, b)
            }
        }

        /// Whether the children are named by position.
        package var isSequence: Bool { !children.isEmpty && children.keys.allSatisfy { Int($0) != nil } }

        package subscript(path: String) -> Node? {
            var node: Node? = self
            for step in ParameterPath(path).components { node = node?.children[step] }
            return node
        }
    }

    /// The most positions that a sequence can have.
    static let longest = 100_000
    /// The file or index.
    package let path: String
    /// What all names begin with.
    package let prefix: String
    /// The whole model.
    package let root: Node
    /// Whether the file is that of one layer alone, `weight` and `bias`, which stands at position 0 here.
    package let isOneLayer: Bool

    /// Sorts the tensors of files into modules; throws `ConversionError` where there are none.
    package init(_ files: SafetensorsShards) throws(ConversionError) {
        let shapes = files.tensors.map { ($0.name, $0.shape) }
        try self.init(Dictionary(uniqueKeysWithValues: shapes), path: files.path)
    }

    package init(_ shapes: [String: [Int]], path: String) throws(ConversionError) {
        if shapes.isEmpty { throw ConversionError("\(path): it holds no tensors") }
        var names = shapes.keys.map { (ParameterPath($0).components, $0) }
        var dropped: [String] = []
        while let first = names.first?.0.first, Int(first) == nil,
            names.allSatisfy({ $0.0.count > 2 && $0.0[0] == first })
        {
            names = names.map { (Array($0.0.dropFirst()), $0.1) }
            dropped.append(first)
        }
        var root = Node()
        for (components, name) in names {
            guard let last = components.last, last != "num_batches_tracked", components.count <= 64 else {
                continue
            }
            Self.insert(shapes[name] ?? [], last, at: components.dropLast(), in: &root)
        }
        self.path = path
        prefix = dropped.map { $0 + "." }.joined()
        isOneLayer = root.children.isEmpty
        if isOneLayer {
            self.root = Node(children: ["0": root])
        } else {
            self.root = root
        }
    }

    private static func insert(
        _ shape: [Int], _ name: String, at path: ArraySlice<String>, in node: inout Node
    ) {
        guard let step = path.first else { return node.shapes[name] = shape }
        insert(shape, name, at: path.dropFirst(), in: &node.children[step, default: Node()])
    }
}

/// What a `state_dict` tells of a sequence of layers, and what it does not.
package struct SequenceProposal {
    /// The layers as far as they are known; `LayerDraft.unknown` where they are not.
    package private(set) var layers: [LayerDraft] = []
    /// What is not known, as ends of the sentence "the file does not say …".
    package private(set) var questions: [String] = []
    private var gaps: [String] = []
    private var convolutions: [String] = []

    /// Proposes the layers of a sequence.
    package init(_ state: StateDictionary) throws(ConversionError) {
        guard state.root.isSequence, state.root.shapes.isEmpty else {
            let names = state.root.names + state.root.shapes.keys.sorted()
            layers = state.root.names.map { name in
                LayerDraft(
                    Self.kind(of: state.root.children[name] ?? .init()) ?? LayerDraft.unknown, source: name)
            }
            questions = [
                "in which order its layers \(names.prefix(8).joined(separator: ", ")) come, "
                    + "which are not numbered as those of an nn.Sequential, and what is between them"
            ]
            return
        }
        layers = try propose(state.root, "", state.path)
        if !gaps.isEmpty {
            questions.insert(
                "which layers without weights are at \(Self.listed(gaps))", at: 0)
        }
        if !convolutions.isEmpty {
            questions.append(
                "the stride, padding, dilation and groups of the convolutions at "
                    + Self.listed(convolutions))
        }
    }

    /// The first places of a list for a sentence, and how many more there are.
    private static func listed(_ places: [String]) -> String {
        let shown = places.prefix(12).joined(separator: ", ")
        return places.count > 12 ? "\(shown) and \(places.count - 12) more" : shown
    }

    /// The layers with one of a name in every gap; nil where there are other questions.
    package func filled(with name: String) throws(ConversionError) -> [LayerDraft]? {
        guard questions.count == (gaps.isEmpty ? 0 : 1) else { return nil }
        guard let draft = try LayerDraft.list(text: name, place: "--activation").first else { return nil }
        func filled(_ layers: [LayerDraft]) -> [LayerDraft] {
            layers.map { layer in
                if layer.kind == LayerDraft.unknown { return draft }
                var layer = layer
                layer.inner = layer.inner.mapValues { filled($0) }
                return layer
            }
        }
        return filled(layers)
    }

    private mutating func propose(
        _ node: StateDictionary.Node, _ prefix: String, _ path: String
    ) throws(ConversionError) -> [LayerDraft] {
        let last = node.names.compactMap { Int($0) }.max() ?? 0
        guard last < StateDictionary.longest else {
            throw ConversionError("\(path): a layer at position \(last) is too far behind")
        }
        var drafts: [LayerDraft] = []
        for position in 0...last {
            let place = "\(prefix)\(position)"
            guard let child = node.children["\(position)"] else {
                gaps.append(place)
                drafts.append(LayerDraft(LayerDraft.unknown))
                continue
            }
            if child.shapes.isEmpty, child.isSequence {
                var draft = LayerDraft(Sequential.Description.kind)
                draft.inner["layers"] = try propose(child, place + ".", path)
                drafts.append(draft)
                continue
            }
            let kind = Self.kind(of: child)
            if kind == nil { questions.append("what \(place) is: " + Self.doubt(about: child)) }
            if kind == Conv1d.Description.kind || kind == Conv2d.Description.kind {
                convolutions.append(place)
            }
            drafts.append(LayerDraft(kind ?? LayerDraft.unknown))
        }
        return drafts
    }

    /// The only layer whose tensors have these names and numbers of dimensions; nil where there are several or none.
    private static func kind(of node: StateDictionary.Node) -> String? {
        let shapes = node.shapes
        guard node.children.isEmpty else { return nil }
        if shapes["running_mean"] != nil { return BatchNorm.Description.kind }
        if LSTMShapes(shapes) != nil { return LSTM.Description.kind }
        guard let weight = shapes["weight"], shapes.keys.allSatisfy({ $0 == "weight" || $0 == "bias" }) else {
            return nil
        }
        if let bias = shapes["bias"], bias != Array(weight.prefix(1)) { return nil }
        switch weight.count {
        case 2: return shapes["bias"] == nil ? nil : Linear.Description.kind
        case 3: return Conv1d.Description.kind
        case 4: return Conv2d.Description.kind
        default: return nil
        }
    }

    private static func doubt(about node: StateDictionary.Node) -> String {
        if let reason = UnknownLayer.reason(node.shapes) { return reason }
        switch (node.shapes["weight"]?.count, node.shapes["bias"] != nil, node.shapes.count) {
        case (2, false, 1): return "linear(bias=false) and embedding have the same tensor"
        case (1, true, 2): return "layer_norm and group_norm have the same tensors"
        default:
            let names = node.shapes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" } + node.names
            return "no layer is known with \(names.prefix(8).joined(separator: ", "))"
        }
    }
}
