import Torch

/// Layers one after another in a description: those of a network, or those inside a layer.
public struct LayerList: Sendable {
    /// The layers, the one next to the input first.
    public let layers: [any LayerDescription]

    /// Lists layers.
    public init(_ layers: [any LayerDescription]) { self.layers = layers }

    /// Reads a list of layers; throws what is wrong with the first one that is not valid.
    init(_ json: JSONValue) throws(NetworkSpecificationError) {
        guard case .list(let list) = json else {
            throw NetworkSpecificationError(nil, "layers must be a list of layers")
        }
        var layers: [any LayerDescription] = []
        for (position, item) in list.enumerated() {
            layers.append(try LayerRegistry.layer(item, at: position))
        }
        self.init(layers)
    }

    /// The list as JSON.
    var value: JSONValue { .list(layers.map(\.value)) }

    /// Throws if there is no layer, and for the first one that is invalid.
    func check() throws(NetworkSpecificationError) {
        if layers.isEmpty { throw NetworkSpecificationError(nil, "there are no layers") }
        for position in layers.indices {
            try naming(position) { layer throws(LayerDescriptionError) in try layer.checkEverything() }
        }
    }

    /// The shape of the last layer's output; throws for the first layer that rejects its input.
    func outputShape(for input: TracedShape) throws(NetworkSpecificationError) -> TracedShape {
        var shape = input
        for position in layers.indices {
            shape = try naming(position) { layer throws(LayerDescriptionError) in
                try layer.outputShape(for: shape)
            }
        }
        return shape
    }

    /// Calls a function with a layer, and adds the layer's name and position to its errors.
    private func naming<Result>(
        _ position: Int, _ body: (any LayerDescription) throws(LayerDescriptionError) -> Result
    ) throws(NetworkSpecificationError) -> Result {
        do throws(LayerDescriptionError) {
            return try body(layers[position])
        } catch {
            throw NetworkSpecificationError(position, "\(type(of: layers[position]).kind) \(error.reason)")
        }
    }

    /// The shapes of all parameters by their paths in the list. A layer that does not declare its own is drawn; nil if it
    /// cannot be.
    var parameterShapes: [(name: String, shape: [Int])]? {
        var shapes: [(name: String, shape: [Int])] = []
        for (position, layer) in layers.enumerated() {
            guard let own = layer.parameterShapes ?? Self.drawnShapes(of: layer) else { return nil }
            shapes += own.map { ("\(position).\($0.name)", $0.shape) }
        }
        return shapes
    }

    private static func drawnShapes(of layer: any LayerDescription) -> [(name: String, shape: [Int])]? {
        guard let generator = try? RandomGenerator(seed: 0) else { return nil }
        return layer.makeLayer(dtype: .float32, using: generator).parameters.map {
            ("\($0.path)", $0.parameter.wrappedValue.shape)
        }
    }

    /// Draws the layers.
    func makeLayers(dtype: DType, using generator: RandomGenerator) -> Sequential {
        Sequential(layers.map { $0.makeLayer(dtype: dtype, using: generator) })
    }
}

extension LayerList: Hashable {
    /// Whether both describe the same layers.
    public static func == (a: LayerList, b: LayerList) -> Bool { a.value == b.value }

    /// Hashes the description.
    public func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

extension LayerOption {
    /// A list of layers, which must be given and hold one.
    static func layers(_ key: String, _ property: WritableKeyPath<Description, LayerList>) -> Self {
        layers(key, property, isRequired: true)
    }

    /// A list of layers, which is empty where it is not given.
    static func optionalLayers(_ key: String, _ property: WritableKeyPath<Description, LayerList>) -> Self {
        layers(key, property, isRequired: false)
    }

    private static func layers(
        _ key: String, _ property: WritableKeyPath<Description, LayerList>, isRequired: Bool
    ) -> Self {
        Self(
            key, isRequired: isRequired,
            read: { (json, description) throws(LayerDescriptionError) in
                description[keyPath: property] = try LayerList.inside {
                    () throws(NetworkSpecificationError) in try LayerList(json)
                }
            },
            check: { (description) throws(LayerDescriptionError) in
                let list = description[keyPath: property]
                if !isRequired, list.layers.isEmpty { return }
                try LayerList.inside { () throws(NetworkSpecificationError) in try list.check() }
            }, write: { $0[keyPath: property].value })
    }
}

extension LayerList {
    /// Calls a function, whose errors about inner layers become errors of the layer that holds them.
    static func inside<Result>(
        _ body: () throws(NetworkSpecificationError) -> Result
    ) throws(LayerDescriptionError) -> Result {
        do throws(NetworkSpecificationError) {
            return try body()
        } catch {
            throw LayerDescriptionError(
                error.position == nil ? "has wrong layers: \(error.reason)" : "has an error in \(error)")
        }
    }
}

extension Sequential {
    /// The description of layers one after another inside a network, in JSON: `{"sequential": [layers]}`.
    public struct Description: LayerDescription {
        public static let kind = "sequential"
        public static let shortForm = ["layers"]
        public static var options: [LayerOption<Self>] { [.layers("layers", \.list)] }
        var list: LayerList

        public init() { list = LayerList([]) }

        /// Describes layers one after another.
        public init(_ layers: [any LayerDescription]) { list = LayerList(layers) }

        /// The layers.
        public var layers: [any LayerDescription] { list.layers }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try LayerList.inside { () throws(NetworkSpecificationError) in try list.outputShape(for: input) }
        }

        public var parameterShapes: [(name: String, shape: [Int])]? { list.parameterShapes }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            list.makeLayers(dtype: dtype, using: generator)
        }
    }
}
