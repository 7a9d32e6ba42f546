import Fisher
import FisherOptions
import FisherTraining

/// The options of fine-tuning, which configurations leave out where a model is trained from its first weights.
public struct FineTuningOptions: ConfigurableOptions {
    /// The run, checkpoint, file of weights or folder of transformers to start from; empty to draw the first weights.
    @Configurable("finetune.from", "run, checkpoint, weights or Hugging Face folder to start from")
    public var from = ""
    /// The rank of low-rank updates; 0 to train all weights.
    @Configurable(
        "finetune.lora_rank", .between(0, 1 << 16), "rank of low-rank updates (LoRA); 0: all weights")
    public var loraRank = 0
    /// The factor of the updates, which is divided by the rank; 0 for the rank.
    @Configurable("finetune.lora_alpha", .nonNegative, "factor of the updates over the rank; 0: the rank")
    public var loraAlpha = 0.0
    /// Which linear layers get updates.
    @Configurable(
        "finetune.lora_targets",
        "regular expression in the paths, or transformers' names, of layers with updates")
    public var loraTargets = LowRankPlan.attention
    /// The strength of the penalty that protects what the old text taught; 0 for none.
    @Configurable("finetune.ewc_strength", .nonNegative, "strength of elastic weight consolidation; 0: none")
    public var ewcStrength = 0.0
    /// The old text: files or folders.
    @Configurable("finetune.ewc_text", "the old text, files or folders, whose loss is reported too")
    public var ewcText: [String] = []
    /// The labels of the information of the old text.
    @Configurable("finetune.ewc_source", "labels of the information: exact, sampled, empirical")
    public var ewcSource = ConsolidationSource.sampled
    /// Batches of the old text from which the information is estimated.
    @Configurable("finetune.ewc_batches", .between(1, 1 << 20), "batches of the old text for the information")
    public var ewcBatches = 16

    /// The defaults.
    public init() {}

    public static var isWrittenWhenSet: Bool { true }

    public var inconsistency: OptionError? {
        let standard = Self()
        func refused(_ name: String, _ value: String, _ reason: String) -> OptionError {
            OptionError(option: name, value: value, reason: reason)
        }
        if from.isEmpty {
            let set = zip(options, Self.options).first { $0.pieces != $1.pieces }?.0
            return set.map {
                refused(
                    $0.name, $0.text, "is for fine-tuning: name the weights to start from with finetune.from")
            }
        }
        if loraRank == 0 {
            if loraAlpha != standard.loraAlpha {
                return refused(
                    "finetune.lora_alpha", "\(loraAlpha)", "needs finetune.lora_rank of at least 1")
            }
            if loraTargets != standard.loraTargets {
                return refused("finetune.lora_targets", loraTargets, "needs finetune.lora_rank of at least 1")
            }
        }
        if ewcStrength > 0, ewcText.isEmpty {
            return refused(
                "finetune.ewc_strength", "\(ewcStrength)",
                "needs the text that is not to be forgotten: name it with finetune.ewc_text")
        }
        if ewcStrength == 0 {
            if ewcSource != standard.ewcSource {
                return refused(
                    "finetune.ewc_source", ewcSource.rawValue, "needs finetune.ewc_strength of more than 0")
            }
            if ewcBatches != standard.ewcBatches {
                return refused(
                    "finetune.ewc_batches", "\(ewcBatches)", "needs finetune.ewc_strength of more than 0")
            }
        }
        return nil
    }

    /// The low-rank updates that are asked for.
    var lowRank: LowRankPlan? {
        loraRank == 0
            ? nil
            : LowRankPlan(
                rank: loraRank, alpha: loraAlpha == 0 ? Double(loraRank) : loraAlpha, targets: loraTargets)
    }
}

/// The labels at which the information of the old text is taken.
public enum ConsolidationSource: String, CaseIterable, OptionValue {
    /// Every label, weighted by the model's own probabilities: a backward pass for each token of a window and each token of
    /// the vocabulary, which is for small models.
    case exact
    /// One label drawn from the model for each token.
    case sampled
    /// The labels of the text.
    case empirical

    /// The source of the estimate.
    var curvature: CurvatureSource {
        switch self {
        case .exact: .exact
        case .sampled: .sampled(1)
        case .empirical: .empirical
        }
    }
}
