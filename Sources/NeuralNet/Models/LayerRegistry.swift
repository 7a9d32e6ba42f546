import Torch

/// The layers that a network's description can name.
///
///     LayerRegistry.register(Scale.Description.self)  // from now on {"scale": 8} is a layer
public enum LayerRegistry {
    // A new layer of this package adds one line here.
    private static let own: [any LayerDescription.Type] = [
        Linear.Description.self,
        Conv1d.Description.self,
        Conv2d.Description.self,
        Embedding.Description.self,
        LayerNorm.Description.self,
        GroupNorm.Description.self,
        BatchNorm.Description.self,
        LSTM.Description.self,
        GraphConvolution.Description.self,
        CausalSelfAttention.Description.self,
        RotarySelfAttention.Description.self,
        SelfAttention.Description.self,
        PositionEmbedding.Description.self,
        Residual.Description.self,
        Sequential.Description.self,
        MaxPool2d.Description.self,
        AveragePool2d.Description.self,
        AdaptiveAveragePool2d.Description.self,
        PixelShuffle.Description.self,
        Flatten.Description.self,
        Tokens.Description.self,
        MeanOverPositions.Description.self,
        FirstPosition.Description.self,
        Tanh.Description.self,
        ReLU.Description.self,
        Sigmoid.Description.self,
        SiLU.Description.self,
        GLU.Description.self,
        GELU.Description.self,
        GELU.TanhDescription.self,
        Dropout.Description.self,
    ]

    private static let registry = NameRegistry(own, name: { $0.kind }, type: { ObjectIdentifier($0) })

    /// Registers a layer under its `kind`; call it before descriptions are read.
    ///
    /// Registering a type twice changes nothing; it traps if another type has the same kind.
    public static func register<Description: LayerDescription>(_ description: Description.Type) {
        registry.register(description, named: description.kind, type: ObjectIdentifier(description))
    }

    /// The names of all layers.
    public static var kinds: [String] { registry.names }

    /// The keys of a layer whose values may be given without them; nil for a name that is unknown.
    static func shortForm(of kind: String) -> [String]? { registry[kind]?.shortForm }

    /// Reads a layer: its name, or an object with its name and its options.
    static func layer(_ value: JSONValue, at position: Int) throws(NetworkSpecificationError)
        -> any LayerDescription
    {
        func failing(_ reason: String) -> NetworkSpecificationError {
            NetworkSpecificationError(position, reason)
        }
        let (name, options): (String, JSONValue?)
        switch value {
        case .text(let text): (name, options) = (text, nil)
        case .object(let object):
            guard object.count == 1, let only = object.first else {
                throw failing("\(value.quoted) must have one key, the layer's name")
            }
            (name, options) = (only.key, only.value)
        default: throw failing("\(value.quoted) is not a layer: a name or an object is needed")
        }
        guard let type = registry[name] else {
            throw failing(unknownName(name, called: "layer", among: kinds))
        }
        func read<Description: LayerDescription>(
            _ type: Description.Type
        ) throws(LayerDescriptionError) -> any LayerDescription {
            try Description(given: options)
        }
        do throws(LayerDescriptionError) {
            return try read(type)
        } catch {
            throw failing("\(name) \(error.reason)")
        }
    }
}
