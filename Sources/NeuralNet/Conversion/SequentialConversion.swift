import Torch

/// A network of a PyTorch `state_dict`: its description, and which tensor is which.
package struct ConvertedNetwork {
    /// The description.
    package let specification: NetworkSpecification
    /// PyTorch's names beside ours.
    package let names: TensorNames
    /// What was taken to be PyTorch's default, a sentence each.
    package let notes: [String]
    /// The layers in words.
    package let text: String
}

extension StateDictionary {
    /// The network of layers whose sizes this file has; throws `ConversionError` for layers that it does not have, and
    /// `NetworkSpecificationError` for those that do not fit each other.
    package func network(_ drafts: [LayerDraft], likelihood: JSONValue) throws -> ConvertedNetwork {
        var filling = Filling(state: self)
        let layers = try filling.complete(drafts, ours: "", theirs: "")
        let specification = try NetworkSpecification(
            .object(["layers": .list(layers.map(\.value)), "likelihood": likelihood]))
        let sources = filling.sources
        let entries = try TensorNames.shapes(of: specification).map { path, shape in
            let source = sources.filter { path.hasPrefix($0.ours + ".") }.max {
                $0.ours.count < $1.ours.count
            }
            let placed = source.map { $0.theirs + path.dropFirst($0.ours.count) } ?? path
            var name = PyTorchNames.theirs(of: placed)
            if let level = source?.level, level > 0, name.hasSuffix("_l0") {
                name = "\(name.dropLast())\(level)"
            }
            if isOneLayer { name = String(name.dropFirst("0.".count)) }
            return TensorNames.Entry(path, prefix + name, shape: shape)
        }
        var notes: [String] = []
        if !filling.epsilons.isEmpty {
            notes.append(
                "epsilon is PyTorch's default, 1e-05, in the normalizations at "
                    + filling.epsilons.joined(separator: ", "))
        }
        if !filling.convolutions.isEmpty {
            notes.append(
                "what is not given of the convolutions at \(filling.convolutions.joined(separator: ", ")) is "
                    + "PyTorch's default: stride 1, padding 0, dilation 1, one group")
        }
        if !filling.stacks.isEmpty {
            notes.append(
                "the dropout between the layers of the LSTM at \(filling.stacks.joined(separator: ", ")) is taken to be 0"
            )
        }
        return ConvertedNetwork(
            specification: specification, names: TensorNames(entries), notes: notes,
            text: layers.map(\.text).joined(separator: " "))
    }
}

/// Completes layers with the sizes that a file has.
private struct Filling {
    let state: StateDictionary
    /// The paths of layers that the file has elsewhere.
    var sources: [(ours: String, theirs: String, level: Int)] = []
    /// The normalizations whose epsilon nobody gave.
    var epsilons: [String] = []
    /// The convolutions of whose options some were not given.
    var convolutions: [String] = []
    /// The LSTM that have several layers.
    var stacks: [String] = []

    /// Completes layers one after another, the first of which has a number here and a number in the file.
    mutating func complete(
        _ drafts: [LayerDraft], ours: String, theirs: String, first: (ours: Int, theirs: Int) = (0, 0)
    ) throws(ConversionError) -> [LayerDraft] {
        var complete: [LayerDraft] = []
        for (position, draft) in drafts.enumerated() {
            let place = "\(theirs)\(first.theirs + position)"
            // PyTorch's LSTM of several layers is one of one layer after another here.
            let levels = LSTMShapes(of: draft, at: path(of: draft, place), in: state)?.levels ?? 1
            if levels > 1 { stacks.append(place) }
            for level in 0..<levels {
                complete.append(
                    try self.complete(
                        draft, ours: "\(ours)\(first.ours + complete.count)", theirs: place, level: level))
            }
        }
        return complete
    }

    /// Where the file has a layer.
    private func path(of draft: LayerDraft, _ standard: String) -> String {
        guard let source = draft.source else { return standard }
        return source.hasPrefix(state.prefix) ? String(source.dropFirst(state.prefix.count)) : source
    }

    private mutating func complete(
        _ draft: LayerDraft, ours: String, theirs standard: String, level: Int = 0
    ) throws(ConversionError) -> LayerDraft {
        var draft = draft
        let theirs = path(of: draft, standard)
        if draft.source != nil || ours != standard || level > 0 { sources.append((ours, theirs, level)) }
        if LayerDraft.isContainer(draft.kind) {
            // The layers of a shortcut are numbered after the others.
            var count = (ours: 0, theirs: 0)
            for key in LayerDraft.lists {
                guard let inner = draft.inner[key] else { continue }
                let complete = try self.complete(inner, ours: "\(ours).", theirs: "\(theirs).", first: count)
                count = (count.ours + complete.count, count.theirs + inner.count)
                draft.inner[key] = complete
            }
            return draft
        }
        guard let rule = Self.rules[draft.kind] else { return draft }
        guard let node = state.root[theirs], !node.shapes.isEmpty else {
            let names = state.root.names.prefix(12).joined(separator: ", ")
            throw ConversionError(
                "\(state.path): it has no weights at \(theirs) for the layer \(draft.kind) at \(ours), but at "
                    + "\(names): put a layer in every place, or the name before the layer, as in "
                    + "\(state.root.names.last ?? "0"):\(draft.kind)")
        }
        var shapes = node.shapes
        if draft.kind == LSTM.Description.kind, let stack = LSTMShapes(shapes) { shapes = stack[level] }
        guard let sizes = rule(shapes, draft.options) else {
            if let reason = UnknownLayer.reason(shapes) {
                throw ConversionError("\(state.path): \(theirs) is no layer \(draft.kind): \(reason)")
            }
            let found = node.shapes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            throw ConversionError(
                "\(state.path): the tensors at \(theirs) (\(found.prefix(8).joined(separator: ", "))) are not "
                    + "those of a layer \(draft.kind)")
        }
        draft.source = nil
        let isConvolution = draft.kind == Conv1d.Description.kind || draft.kind == Conv2d.Description.kind
        if isConvolution, draft.options.keys.filter(Self.untold.contains).count < Self.untold.count {
            convolutions.append(ours)
        }
        draft.options.merge(sizes) { given, _ in given }
        if draft.kind.hasSuffix("norm"), draft.options["epsilon"] == nil { epsilons.append(ours) }
        return draft
    }

    /// The options of a convolution that no tensor tells.
    static let untold: Set<String> = ["stride", "padding", "dilation", "groups"]

    /// The options of a layer that its tensors' shapes tell, or nil for shapes that it cannot have.
    typealias Rule =
        @Sendable (_ shapes: [String: [Int]], _ given: [String: JSONValue]) -> [String: JSONValue]?

    static let rules: [String: Rule] = [
        Linear.Description.kind: { shapes, _ in
            guard let weight = shapes["weight"], weight.count == 2, fits(shapes, weight[0]) else {
                return nil
            }
            return bias(shapes).merging(["in": .integer(weight[1]), "out": .integer(weight[0])]) { a, _ in a }
        },
        Conv1d.Description.kind: { convolution($0, $1, rank: 1) },
        Conv2d.Description.kind: { convolution($0, $1, rank: 2) },
        Embedding.Description.kind: { shapes, _ in
            guard let weight = shapes["weight"], weight.count == 2, shapes.count == 1 else { return nil }
            return ["entries": .integer(weight[0]), "width": .integer(weight[1])]
        },
        LayerNorm.Description.kind: { shapes, _ in vector(shapes).map { ["width": $0] } },
        GroupNorm.Description.kind: { shapes, _ in vector(shapes).map { ["channels": $0] } },
        BatchNorm.Description.kind: { shapes, _ in
            guard shapes["running_mean"] != nil, shapes["running_var"] != nil else { return nil }
            return vector(shapes).map { ["channels": $0] }
        },
        LSTM.Description.kind: { shapes, _ in
            guard shapes.count == 4, let first = LSTMShapes(shapes), first.levels == 1 else { return nil }
            return ["in": .integer(first.inputs), "width": .integer(first.width)]
        },
    ]

    /// The option of a layer without a bias; a layer has one by default.
    private static func bias(_ shapes: [String: [Int]]) -> [String: JSONValue] {
        shapes["bias"] == nil ? ["bias": .boolean(false)] : [:]
    }

    /// Whether the tensors are a weight with a bias of a size, if there is one.
    private static func fits(_ shapes: [String: [Int]], _ outputs: Int) -> Bool {
        shapes.count == (shapes["bias"] == nil ? 1 : 2) && shapes["bias"].map { $0 == [outputs] } ?? true
    }

    private static func vector(_ shapes: [String: [Int]]) -> JSONValue? {
        guard let weight = shapes["weight"], weight.count == 1, shapes["bias"] == weight else { return nil }
        return .integer(weight[0])
    }

    private static func convolution(
        _ shapes: [String: [Int]], _ given: [String: JSONValue], rank: Int
    ) -> [String: JSONValue]? {
        guard let weight = shapes["weight"], weight.count == rank + 2, fits(shapes, weight[0]) else {
            return nil
        }
        let groups = given["groups"]?.integer ?? 1
        let (inputs, overflows) = weight[1].multipliedReportingOverflow(by: groups)
        guard !overflows else { return nil }
        let kernel = weight.dropFirst(2).map { JSONValue.integer($0) }
        let sizes: [String: JSONValue] = [
            "in": .integer(inputs), "out": .integer(weight[0]),
            "kernel": Set(kernel).count == 1 ? kernel[0] : .list(kernel),
        ]
        return bias(shapes).merging(sizes) { a, _ in a }
    }
}

extension TensorNames {
    /// The names that PyTorch has for the tensors of a plain network: those of an `nn.Sequential`.
    package static func sequential(_ specification: NetworkSpecification) throws -> TensorNames {
        TensorNames(
            try shapes(of: specification).map { path, shape in
                Entry(path, PyTorchNames.theirs(of: path), shape: shape)
            })
    }

    /// The shapes of a network's parameters and buffers by path.
    static func shapes(of specification: NetworkSpecification) throws -> [(String, [Int])] {
        guard let shapes = LayerList(specification.layers).parameterShapes else {
            throw ConversionError("a layer does not say which parameters it has")
        }
        return shapes.map { ($0.name, $0.shape) }
    }

    /// The counters of batches that PyTorch keeps in a normalization, at zero: they have no effect where its momentum is
    /// a number, and nobody counted.
    package func batchCounters() throws -> [SafetensorsSource] {
        try entries.map(\.theirs).filter { $0.hasSuffix(".running_mean") }.map { name in
            try SafetensorsSource(
                name: name.dropLast("running_mean".count) + "num_batches_tracked",
                tensor: .zeros([], dtype: .int64))
        }
    }
}

extension NetworkSpecification {
    /// The layers as `fisher convert` takes them, `linear(in=4, out=2) relu`.
    package var layersText: String {
        let drafts = (try? LayerDraft.list(LayerList(layers).value, "layers")) ?? []
        return drafts.map(\.text).joined(separator: " ")
    }

    /// The layers that PyTorch's `nn.Sequential` cannot hold, by position and name: layers of this package only, and those
    /// whose output there is not a tensor.
    package var layersWithoutCounterpart: [String] {
        let known: Set<String> = [
            "linear", "conv1d", "conv2d", "embedding", "layer_norm", "group_norm", "batch_norm", "sequential",
            "max_pool2d", "average_pool2d", "adaptive_average_pool2d", "pixel_shuffle", "flatten", "tanh",
            "relu", "sigmoid", "silu", "glu", "gelu", "gelu_tanh", "dropout",
        ]
        return layers.enumerated().compactMap { position, layer in
            let kind = type(of: layer).kind
            return known.contains(kind) ? nil : "\(kind) at \(position)"
        }
    }
}
