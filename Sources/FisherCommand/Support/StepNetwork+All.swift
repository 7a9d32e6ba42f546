import FisherBenchmarks
import FisherTasks

// The networks of `fisher bench step`.

extension StepNetwork {
    // A new network adds its name here, and its peer in PyTorch a file in Benchmarks/twins.
    static let all: [StepNetwork] =
        [.mlp, .cnn, .gpt, .conformer, .resnet18, .vectorQuantized] + LanguageTask.Size.allCases.map(language)

    /// The byte-level GPT of `train language` on noise: its speed does not depend on the text.
    static func language(_ size: LanguageTask.Size) -> StepNetwork {
        let sizes = size.configuration
        return StepNetwork(
            size.rawValue,
            "the GPT of train language: width \(sizes.width), \(sizes.layers) blocks, \(sizes.context) positions",
            unit: "window", usualBatch: 16, tokensPerUnit: sizes.context
        ) { try LanguageTask(sizes, corpus: .noise(byteCount: 1 << 20), batch: $0) }
    }

    /// All networks with their architectures.
    static var help: String { all.map { "\($0.name) (\($0.architecture))" }.joined(separator: "; ") }

    /// Their usual batches.
    static var usualBatches: String {
        Dictionary(grouping: all) { "\($0.usualBatch) \($0.unit)s" }.sorted { $0.key < $1.key }
            .map { "\($0.key) for \($0.value.map(\.name).joined(separator: ", "))" }.joined(separator: "; ")
    }
}
