import Torch

/// torchvision's names of a residual network's tensors beside those of ``ResNet``'s layers.
extension ResNet {
    /// The network of a `state_dict` with torchvision's names; nil for other names.
    ///
    /// Throws `ConversionError` for names of a residual network that this package does not have. What names and shapes
    /// do not tell are torchvision's strides: 2 in the first block of the last three stages, in the 3 x 3 convolution.
    package init?(_ state: StateDictionary) throws(ConversionError) {
        let root = state.root
        guard let stem = root["conv1"]?.shapes["weight"], root["bn1"]?.shapes["running_mean"] != nil,
            root["layer1.0.conv1"] != nil, let head = root["fc"]?.shapes["weight"]
        else { return nil }
        let stages = (1...4).map { root["layer\($0)"]?.children.count ?? 0 }
        let isDeep = root["layer1.0.conv3"] != nil
        guard let depth = Depth.allCases.first(where: { $0.blocks == stages && $0.isDeep == isDeep }) else {
            throw ConversionError(
                "\(state.path): it looks like a residual network of torchvision, but with stages of \(stages) "
                    + "blocks, which none of those here has")
        }
        guard stem.count == 4, stem[2] == stem[3], [3, 7].contains(stem[2]), head.count == 2 else {
            throw ConversionError(
                "\(state.path): it looks like a residual network of torchvision, but its first convolution is "
                    + "\(stem), not of 3 by 3 or 7 by 7")
        }
        self.init(
            depth: depth, stem: stem[2] == 7 ? .imageNet : .cifar, width: stem[0], channels: stem[1],
            classes: head[0])
    }

    /// The network that a description's layers are; nil for another one, or one without batch normalization.
    package init?(_ specification: NetworkSpecification) {
        guard let first = specification.layers.first as? Conv2d.Description,
            let last = specification.layers.last as? Linear.Description
        else { return nil }
        for depth in Depth.allCases {
            for stem in Stem.allCases {
                let made = ResNet(
                    depth: depth, stem: stem, width: first.outputs, channels: first.inputs,
                    classes: last.outputs)
                if LayerList(made.layers) == LayerList(specification.layers) {
                    self = made
                    return
                }
            }
        }
        return nil
    }

    /// The network of a `state_dict` with torchvision's names, for a likelihood, categorical where none is given; nil for
    /// other names. Throws as `init(_:)`.
    package static func converted(
        _ state: StateDictionary, likelihood: JSONValue?
    ) throws -> ConvertedNetwork? {
        guard let network = try ResNet(state) else { return nil }
        var notes = ["the strides are torchvision's, which names and shapes do not tell"]
        if likelihood == nil { notes.append("the likelihood is taken to be categorical") }
        return ConvertedNetwork(
            specification: try NetworkSpecification(
                .object([
                    "layers": LayerList(network.layers).value,
                    "likelihood": likelihood ?? .text("categorical"),
                ])), names: try network.names(prefix: state.prefix), notes: notes, text: network.text)
    }

    /// The network in words.
    package var text: String {
        "resnet\(depth.rawValue), \(stem.rawValue) stem, width \(width), \(classes) classes"
    }

    /// torchvision's names beside those of the layers' parameters.
    package func names(prefix: String = "") throws -> TensorNames {
        var modules: [String: String] = ["0": "conv1", "1": "bn1"]
        var position = stem == .cifar ? 3 : 4
        for (stage, count) in depth.blocks.enumerated() {
            for block in 0..<count {
                let theirs = "layer\(stage + 1).\(block)"
                let convolutions = depth.isDeep ? 3 : 2
                for index in 0..<convolutions {
                    modules["\(position).\(3 * index)"] = "\(theirs).conv\(index + 1)"
                    modules["\(position).\(3 * index + 1)"] = "\(theirs).bn\(index + 1)"
                }
                // The shortcut follows the block's layers, the last of which has no rectifier.
                modules["\(position).\(3 * convolutions - 1)"] = "\(theirs).downsample.0"
                modules["\(position).\(3 * convolutions)"] = "\(theirs).downsample.1"
                position += 2
            }
        }
        modules["\(position + 2)"] = "fc"
        let specification = try NetworkSpecification(layers: layers, likelihood: "categorical")
        return TensorNames(
            try TensorNames.shapes(of: specification).map { path, shape in
                let place = ParameterPath(path)
                guard let module = modules["\(place.parent)"], let last = place.components.last else {
                    preconditionFailure("\(path) is none of a residual network's parameters")
                }
                return TensorNames.Entry(
                    path, PyTorchNames.theirs(of: "\(prefix)\(module).\(last)"), shape: shape)
            })
    }
}
