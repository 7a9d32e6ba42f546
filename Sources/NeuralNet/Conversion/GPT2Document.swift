import Torch

/// The `config.json` of a GPT-2 as the transformers library writes it.
///
/// Keys without an effect on what the model computes are kept and written again. A key that asks for something that
/// `GPT` does not compute is an error; a key that is unknown is told of (`unknownKeys`).
package struct GPT2Document {
    /// The model.
    package let configuration: GPT.Configuration
    /// The keys that are neither used here nor known to have no effect on what the model computes, sorted.
    package let unknownKeys: [String]
    /// All keys as they were read.
    private let members: [String: JSONValue]

    /// Reads a configuration; `path` is for the messages of `ConversionError`.
    package init(parsing bytes: [UInt8], path: String) throws(ConversionError) {
        let value: JSONValue
        do throws(StrictJSON.Fault) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw ConversionError("\(path): this is not valid JSON: \(error)")
        }
        guard case .object(let members) = value else {
            throw ConversionError("\(path): it must be an object of the model's sizes")
        }
        let keys = GPT2Keys(path: path, members: members)
        guard members["model_type"] == .text("gpt2") else {
            let given = members["model_type"].map { "is \($0.quoted)" } ?? "is not there"
            throw ConversionError("\(path): model_type \(given); only models of type \"gpt2\" can be read")
        }
        for (key, reason) in Self.unsupported {
            if try keys.flag(key, false) { throw ConversionError("\(path): \(key) is true: \(reason)") }
        }
        if let value = members["quantization_config"], value != .null {
            throw ConversionError("\(path): quantization_config: quantized weights cannot be read")
        }
        var made = GPT.Configuration(
            vocabulary: try keys.size("vocab_size", 50257), context: try keys.context(),
            width: try keys.size("n_embd", 768), layers: try keys.size("n_layer", 12),
            heads: try keys.size("n_head", 12), dropout: try keys.number("resid_pdrop", 0.1),
            tiesHead: try keys.flag("tie_word_embeddings", true))
        let embedding = try keys.number("embd_pdrop", 0.1)
        made.embeddingDropout = embedding == made.dropout ? nil : embedding
        made.attentionDropout = try keys.number("attn_pdrop", 0.1)
        made.epsilon = try keys.number("layer_norm_epsilon", 1e-5)
        if members["n_inner"] ?? .null != .null { made.innerWidth = try keys.size("n_inner", 0) }
        made.activation = try keys.activation()
        made.scalesAttention = try keys.flag("scale_attn_weights", true)
        made.scalesAttentionByLayer = try keys.flag("scale_attn_by_inverse_layer_idx", false)
        if let complaint = made.complaint { throw ConversionError("\(path): \(complaint)") }
        configuration = made
        unknownKeys = members.keys.filter { !Self.used.contains($0) && !Self.harmless.contains($0) }.sorted()
        self.members = members
    }

    /// The keys of a configuration as the library reads them, those of `base` that it does not use kept.
    package static func json(
        _ configuration: GPT.Configuration, dtype: DType, base: GPT2Document?
    ) -> JSONValue {
        let c = configuration
        var members =
            base?.members ?? [
                "architectures": .list([.text("GPT2LMHeadModel")]), "initializer_range": .real(0.02),
                // A model over other tokens has none of GPT-2's special ones.
                "bos_token_id": c.vocabulary == 50257 ? .integer(50256) : .null,
                "eos_token_id": c.vocabulary == 50257 ? .integer(50256) : .null,
            ]
        members["model_type"] = .text("gpt2")
        // Two names of one key; the later version of the library reads both.
        members["torch_dtype"] = nil
        members["dtype"] = .text("\(dtype)")
        if members["n_ctx"] != nil { members["n_ctx"] = .integer(c.context) }
        members["vocab_size"] = .integer(c.vocabulary)
        members["n_positions"] = .integer(c.context)
        members["n_embd"] = .integer(c.width)
        members["n_layer"] = .integer(c.layers)
        members["n_head"] = .integer(c.heads)
        members["n_inner"] = c.innerWidth.map { .integer($0) } ?? .null
        members["resid_pdrop"] = .real(c.dropout)
        members["embd_pdrop"] = .real(c.embeddingDropout ?? c.dropout)
        members["attn_pdrop"] = .real(c.attentionDropout)
        members["layer_norm_epsilon"] = .real(c.epsilon)
        members["tie_word_embeddings"] = .boolean(c.tiesHead)
        members["scale_attn_weights"] = .boolean(c.scalesAttention)
        members["scale_attn_by_inverse_layer_idx"] = .boolean(c.scalesAttentionByLayer)
        let name = members["activation_function"].flatMap { value -> String? in
            if case .text(let name) = value, GPT2Keys.activations[name] == c.activation { name } else { nil }
        }
        members["activation_function"] = .text(name ?? GPT2Keys.name(of: c.activation))
        return .object(members)
    }

    private static let unsupported = [
        ("add_cross_attention", "a decoder that attends to an encoder cannot be read"),
        ("is_encoder_decoder", "a decoder that attends to an encoder cannot be read"),
    ]

    private static let used: Set<String> = [
        "model_type", "vocab_size", "n_positions", "n_ctx", "n_embd", "n_layer", "n_head", "n_inner",
        "resid_pdrop", "embd_pdrop", "attn_pdrop", "layer_norm_epsilon", "activation_function",
        "tie_word_embeddings", "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "add_cross_attention",
        "is_encoder_decoder", "quantization_config",
    ]

    /// The keys that change no logit: those of other heads, of generation, of training's start and of bookkeeping.
    /// `reorder_and_upcast_attn` computes the same scores in another order, in float32 at least.
    private static let harmless: Set<String> = [
        "architectures", "initializer_range", "bos_token_id", "eos_token_id", "pad_token_id", "dtype",
        "torch_dtype", "transformers_version", "use_cache", "summary_type", "summary_use_proj",
        "summary_activation", "summary_proj_to_labels", "summary_first_dropout", "task_specific_params",
        "_name_or_path", "output_attentions", "output_hidden_states", "return_dict",
        "return_dict_in_generate",
        "id2label", "label2id", "num_labels", "problem_type", "chunk_size_feed_forward",
        "reorder_and_upcast_attn", "is_decoder", "gradient_checkpointing", "predict_special_tokens",
        "_num_labels", "finetuning_task", "prefix", "_attn_implementation_autoset", "sep_token_id",
        "decoder_start_token_id", "do_sample", "max_length", "temperature", "top_k", "top_p",
        "keys_to_ignore_at_inference", "attn_implementation", "_attn_implementation",
    ]
}

/// The values of a configuration, with the library's defaults for what is not there.
private struct GPT2Keys {
    let path: String
    let members: [String: JSONValue]

    static let activations: [String: GPT.Configuration.Activation] = [
        // Three spellings of the same approximation.
        "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_fast": .geluTanh, "gelu": .gelu,
        "gelu_python": .gelu, "relu": .relu, "silu": .silu, "swish": .silu, "tanh": .tanh,
    ]

    static func name(of activation: GPT.Configuration.Activation) -> String {
        activation == .geluTanh ? "gelu_new" : activation.rawValue
    }

    private func invalid(_ key: String, _ wanted: String) -> ConversionError {
        ConversionError("\(path): \(key) must be \(wanted), not \((members[key] ?? .null).quoted)")
    }

    func size(_ key: String, _ standard: Int) throws(ConversionError) -> Int {
        guard let value = members[key] else { return standard }
        guard let size = value.integer, size > 0 else { throw invalid(key, "a whole number of at least 1") }
        return size
    }

    func number(_ key: String, _ standard: Double) throws(ConversionError) -> Double {
        guard let value = members[key] else { return standard }
        guard let number = value.number, number.isFinite else { throw invalid(key, "a number") }
        return number
    }

    func flag(_ key: String, _ standard: Bool) throws(ConversionError) -> Bool {
        guard let value = members[key] else { return standard }
        guard case .boolean(let flag) = value else { throw invalid(key, "true or false") }
        return flag
    }

    /// The longest sequence: `n_positions`, which earlier versions of the library wrote as `n_ctx` besides.
    func context() throws(ConversionError) -> Int {
        let context = try size("n_positions", try size("n_ctx", 1024))
        let other = try size("n_ctx", context)
        guard other == context else {
            throw ConversionError("\(path): n_positions is \(context), but n_ctx is \(other)")
        }
        return context
    }

    func activation() throws(ConversionError) -> GPT.Configuration.Activation {
        guard let value = members["activation_function"] else { return .geluTanh }
        guard case .text(let name) = value else { throw invalid("activation_function", "a name") }
        guard let found = Self.activations[name] else {
            throw ConversionError(
                "\(path): the activation_function "
                    + unknownName(
                        name, called: "function that is known", among: Self.activations.keys.sorted())
            )
        }
        return found
    }
}
