import Torch

/// GPT-2's names in the transformers library beside those of `GPT`.
///
/// Its `Conv1D` keeps a matrix as [inputs, outputs], the transpose of a linear map's. `wte` and the others have
/// `transformer.` in front where the model with its head was saved, `lm_head` never.
extension TensorNames {
    package static func gpt2(_ configuration: GPT.Configuration, prefix: String) -> TensorNames {
        let (width, inner) = (configuration.width, configuration.feedForwardWidth)
        var entries: [Entry] = []
        func add(_ ours: String, _ theirs: String, _ shape: [Int]) {
            entries.append(Entry(ours, prefix + theirs, shape: shape))
        }
        func addNorm(_ ours: String, _ theirs: String) {
            add("\(ours).weight", "\(theirs).weight", [width])
            add("\(ours).bias", "\(theirs).bias", [width])
        }
        func addMap(_ ours: String, _ theirs: String, _ inputs: Int, _ outputs: Int) {
            entries.append(
                Entry(
                    "\(ours).weight", "\(prefix)\(theirs).weight", shape: [outputs, inputs],
                    isTransposed: true))
            add("\(ours).bias", "\(theirs).bias", [outputs])
        }
        add("tokenEmbedding.weight", "wte.weight", [configuration.vocabulary, width])
        add("positionEmbedding.weight", "wpe.weight", [configuration.context, width])
        for block in 0..<configuration.layers {
            let (ours, theirs) = ("blocks.\(block)", "h.\(block)")
            addNorm("\(ours).attentionNorm", "\(theirs).ln_1")
            addMap("\(ours).attention.queryKeyValue", "\(theirs).attn.c_attn", width, 3 * width)
            addMap("\(ours).attention.output", "\(theirs).attn.c_proj", width, width)
            addNorm("\(ours).feedForwardNorm", "\(theirs).ln_2")
            addMap("\(ours).feedForward.expand", "\(theirs).mlp.c_fc", width, inner)
            addMap("\(ours).feedForward.contract", "\(theirs).mlp.c_proj", inner, width)
        }
        addNorm("finalNorm", "ln_f")
        if !configuration.tiesHead {
            entries.append(
                Entry("head.weight", gpt2Head, shape: [configuration.vocabulary, width]))
        }
        return TensorNames(entries)
    }

    /// The name of the head's matrix, which a file of a tied model may hold besides.
    static let gpt2Head = "lm_head.weight"

    /// Whether a tensor is a mask that early versions of the library saved: `h.0.attn.bias`, `h.0.attn.masked_bias`.
    static func isMaskOfGPT2(_ name: String) -> Bool {
        let parts = name.split(separator: ".").suffix(4).map(String.init)
        guard parts.count == 4, parts[0] == "h", Int(parts[1]) != nil, parts[2] == "attn" else {
            return false
        }
        return parts[3] == "bias" || parts[3] == "masked_bias"
    }
}
