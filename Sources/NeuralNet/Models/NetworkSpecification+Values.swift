// Layers from JSON values and back.

extension NetworkSpecification.Layer {
    /// Reads a layer: a name, or an object with a name and the layer's options.
    init(_ value: SpecificationValue, at position: Int) throws(NetworkSpecificationError) {
        switch value {
        case .text(let name):
            if let layer = Self.plain[name] {
                self = layer
                return
            }
            guard !Self.configured.contains(name) else {
                throw NetworkSpecificationError(position, "\(name) needs options: {\"\(name)\": ...}")
            }
            throw NetworkSpecificationError(
                position, unknown: name, called: "layer", among: Self.plain.keys + Self.configured)
        case .object(let object):
            guard object.count == 1, let (name, options) = object.first else {
                throw NetworkSpecificationError(position, "\(value) must have one key, the layer's name")
            }
            guard Self.plain[name] == nil else {
                throw NetworkSpecificationError(position, "\(name) has no options: write \"\(name)\"")
            }
            self = try Self.read(name, options, at: position)
        default:
            throw NetworkSpecificationError(position, "\(value) is no layer: a name or an object is needed")
        }
    }

    private static func read(_ name: String, _ value: SpecificationValue, at position: Int)
        throws(NetworkSpecificationError) -> Self
    {
        func options(_ keys: [String], short: [String] = []) throws(NetworkSpecificationError) -> LayerOptions
        {
            try LayerOptions(name, value, position: position, keys: keys, short: short)
        }
        switch name {
        case "linear":
            let given = try options(["in", "out", "bias"], short: ["in", "out"])
            return .linear(
                inputs: try given.size("in"), outputs: try given.size("out"),
                bias: try given.flag("bias", default: true))
        case "conv1d", "conv2d":
            return try convolution(
                name == "conv1d" ? 1 : 2,
                try options(["in", "out", "kernel", "stride", "padding", "dilation", "groups", "bias"]))
        case "embedding":
            let given = try options(["entries", "width"], short: ["entries", "width"])
            return .embedding(entries: try given.size("entries"), width: try given.size("width"))
        case "layer_norm":
            let given = try options(["width", "epsilon"], short: ["width"])
            return .layerNorm(
                width: try given.size("width"), epsilon: try given.number("epsilon", default: 1e-5))
        case "group_norm":
            let given = try options(["groups", "channels", "epsilon"], short: ["groups", "channels"])
            return .groupNorm(
                groups: try given.size("groups"), channels: try given.size("channels"),
                epsilon: try given.number("epsilon", default: 1e-5))
        case "batch_norm":
            let given = try options(["channels", "epsilon", "momentum"], short: ["channels"])
            return .batchNorm(
                channels: try given.size("channels"), epsilon: try given.number("epsilon", default: 1e-5),
                momentum: try given.number("momentum", default: 0.1))
        case "lstm":
            let given = try options(["in", "width"], short: ["in", "width"])
            return .lstm(inputs: try given.size("in"), width: try given.size("width"))
        case "max_pool2d":
            let given = try options(["kernel", "stride", "padding", "dilation"], short: ["kernel"])
            return .maxPool2d(
                kernel: try given.size2d("kernel"), stride: try given.optionalSize2d("stride"),
                padding: try given.size2d("padding", atLeast: 0, default: 0),
                dilation: try given.size2d("dilation", default: 1))
        case "average_pool2d":
            let given = try options(["kernel", "stride", "padding"], short: ["kernel"])
            return .averagePool2d(
                kernel: try given.size2d("kernel"), stride: try given.optionalSize2d("stride"),
                padding: try given.size2d("padding", atLeast: 0, default: 0))
        case "adaptive_average_pool2d":
            return .adaptiveAveragePool2d(size: try options(["size"], short: ["size"]).size2d("size"))
        default:
            throw NetworkSpecificationError(
                position, unknown: name, called: "layer", among: Self.plain.keys + Self.configured)
        }
    }

    private static func convolution(_ rank: Int, _ given: LayerOptions) throws(NetworkSpecificationError)
        -> Self
    {
        let ones = Array(repeating: 1, count: rank)
        let (inputs, outputs) = (try given.size("in"), try given.size("out"))
        let geometry = ConvolutionGeometry(
            kernel: try given.sizes("kernel", rank), stride: try given.sizes("stride", rank, default: ones),
            padding: try given.sizes("padding", rank, atLeast: 0, default: ones.map { _ in 0 }),
            dilation: try given.sizes("dilation", rank, default: ones),
            groups: try given.size("groups", default: 1))
        let bias = try given.flag("bias", default: true)
        return rank == 1
            ? .conv1d(inputs: inputs, outputs: outputs, geometry: geometry, bias: bias)
            : .conv2d(inputs: inputs, outputs: outputs, geometry: geometry, bias: bias)
    }

    /// The layer as `init(_:at:)` reads it, in its shortest form.
    var value: SpecificationValue {
        func object(_ options: [(String, SpecificationValue?)]) -> SpecificationValue {
            .object([
                name: .object(
                    Dictionary(
                        uniqueKeysWithValues: options.compactMap { key, value in
                            value.map { (key, $0) }
                        }))
            ])
        }
        func number(_ value: Double, unless standard: Double) -> SpecificationValue? {
            value == standard ? nil : .real(value)
        }
        func sizes(_ value: [Int], unless standard: Int) -> SpecificationValue? {
            value.allSatisfy { $0 == standard } ? nil : SpecificationValue(sizes: value)
        }
        switch self {
        case .linear(let inputs, let outputs, true), .embedding(let inputs, let outputs),
            .lstm(let inputs, let outputs):
            return .object([name: .list([.integer(inputs), .integer(outputs)])])
        case .linear(let inputs, let outputs, false):
            return object([("in", .integer(inputs)), ("out", .integer(outputs)), ("bias", .boolean(false))])
        case .conv1d(let inputs, let outputs, let geometry, let bias),
            .conv2d(let inputs, let outputs, let geometry, let bias):
            return object([
                ("in", .integer(inputs)), ("out", .integer(outputs)),
                ("kernel", SpecificationValue(sizes: geometry.kernel)),
                ("stride", sizes(geometry.stride, unless: 1)),
                ("padding", sizes(geometry.padding, unless: 0)),
                ("dilation", sizes(geometry.dilation, unless: 1)),
                ("groups", sizes([geometry.groups], unless: 1)), ("bias", bias ? nil : .boolean(false)),
            ])
        case .layerNorm(let width, let epsilon):
            return object([("width", .integer(width)), ("epsilon", number(epsilon, unless: 1e-5))])
        case .groupNorm(let groups, let channels, let epsilon):
            return object([
                ("groups", .integer(groups)), ("channels", .integer(channels)),
                ("epsilon", number(epsilon, unless: 1e-5)),
            ])
        case .batchNorm(let channels, let epsilon, let momentum):
            return object([
                ("channels", .integer(channels)), ("epsilon", number(epsilon, unless: 1e-5)),
                ("momentum", number(momentum, unless: 0.1)),
            ])
        case .maxPool2d(let kernel, let stride, let padding, let dilation):
            return object([
                ("kernel", SpecificationValue(sizes: kernel.sizes)),
                ("stride", stride.map { SpecificationValue(sizes: $0.sizes) }),
                ("padding", sizes(padding.sizes, unless: 0)), ("dilation", sizes(dilation.sizes, unless: 1)),
            ])
        case .averagePool2d(let kernel, let stride, let padding):
            return object([
                ("kernel", SpecificationValue(sizes: kernel.sizes)),
                ("stride", stride.map { SpecificationValue(sizes: $0.sizes) }),
                ("padding", sizes(padding.sizes, unless: 0)),
            ])
        case .adaptiveAveragePool2d(let size):
            return object([("size", SpecificationValue(sizes: size.sizes))])
        case .flatten, .tanh, .relu, .sigmoid, .gelu, .geluTanh: return .text(name)
        }
    }
}

extension LayerOptions {
    fileprivate func size2d(_ key: String, atLeast minimum: Int = 1, default standard: Size2d? = nil)
        throws(NetworkSpecificationError) -> Size2d
    {
        let sizes = try sizes(key, 2, atLeast: minimum, default: standard?.sizes)
        return Size2d(sizes[0], sizes[1])
    }

    fileprivate func optionalSize2d(_ key: String) throws(NetworkSpecificationError) -> Size2d? {
        has(key) ? try size2d(key) : nil
    }
}
