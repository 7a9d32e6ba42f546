/// The shapes of PyTorch's LSTM: four tensors for each of its layers, `weight_ih_l0` and so on.
struct LSTMShapes {
    /// The inputs of the first layer.
    let inputs: Int
    /// The width of the hidden states.
    let width: Int
    /// The number of layers.
    let levels: Int
    private let shapes: [String: [Int]]

    /// Sees whether the tensors of a module are those of an LSTM in one direction; nil for others, GRU among them.
    init?(_ shapes: [String: [Int]]) {
        guard let input = shapes["weight_ih_l0"], let hidden = shapes["weight_hh_l0"], input.count == 2,
            hidden.count == 2, hidden[0] == 4 * hidden[1], input[0] == hidden[0], shapes.count % 4 == 0
        else { return nil }
        (inputs, width, levels, self.shapes) = (input[1], hidden[1], shapes.count / 4, shapes)
        for level in 0..<levels {
            let wanted = [input[0], level == 0 ? inputs : width]
            guard shapes["weight_ih_l\(level)"] == wanted, shapes["weight_hh_l\(level)"] == hidden,
                shapes["bias_ih_l\(level)"] == [input[0]], shapes["bias_hh_l\(level)"] == [input[0]]
            else { return nil }
        }
    }

    /// The LSTM that a layer's draft means; nil where it means another layer or the file has none there.
    init?(of draft: LayerDraft, at path: String, in state: StateDictionary) {
        guard draft.kind == LSTM.Description.kind, let node = state.root[path] else { return nil }
        self.init(node.shapes)
    }

    /// The tensors of one layer, named as those of the first.
    subscript(level: Int) -> [String: [Int]] {
        let names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        return Dictionary(
            uniqueKeysWithValues: names.map { ("\($0)_l0", shapes["\($0)_l\(level)"] ?? []) })
    }
}

/// Layers of PyTorch that this package does not have, by their tensors and by their names.
enum UnknownLayer {
    /// What the tensors of a module are, in words; nil where they may be those of a layer that there is.
    static func reason(_ shapes: [String: [Int]]) -> String? {
        if shapes.keys.contains(where: { $0.hasSuffix("_reverse") }) {
            return
                "its tensors are those of a recurrent layer in both directions, which is not among the layers here"
        }
        if shapes.keys.contains(where: { $0.hasPrefix("weight_hr_") }) {
            return "its tensors are those of an LSTM with projections, which is not among the layers here"
        }
        if let hidden = shapes["weight_hh_l0"], hidden.count == 2 {
            if hidden[0] == 3 * hidden[1] {
                return "its tensors are those of a GRU, which is not among the layers here"
            }
            if hidden[0] == hidden[1] {
                return "its tensors are those of an RNN, which is not among the layers here"
            }
            if shapes["bias_ih_l0"] == nil {
                return "its tensors are those of an LSTM without biases, which has them here"
            }
        }
        if shapes["in_proj_weight"] != nil {
            return "its tensors are those of a MultiheadAttention, which is not among the layers here"
        }
        if let weight = shapes["weight"], (3...5).contains(weight.count), shapes.count == 2,
            let bias = shapes["bias"], bias != [weight[0]], bias.count == 1, bias[0] % max(weight[1], 1) == 0
        {
            return "its tensors are those of a transposed convolution, which is not among the layers here"
        }
        if let weight = shapes["weight"], weight.count == 5 {
            return
                "its tensors are those of a convolution in three dimensions, which is not among the layers here"
        }
        return nil
    }

    /// PyTorch's classes that have no counterpart.
    static let classes: Set<String> = [
        "AvgPool1d", "Bilinear", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
        "Dropout2d",
        "ELU", "EmbeddingBag", "GRU", "Hardswish", "Identity", "InstanceNorm1d", "InstanceNorm2d",
        "LeakyReLU",
        "LogSoftmax", "MaxPool1d", "MultiheadAttention", "PReLU", "ReLU6", "RMSNorm", "RNN", "SELU",
        "Softmax",
        "Softplus", "TransformerEncoder", "TransformerEncoderLayer", "Unflatten", "Upsample", "ZeroPad2d",
    ]
}
