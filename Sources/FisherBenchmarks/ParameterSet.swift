/// The shapes of a real model's parameters, for measurements without the model.
public enum ParameterSet: String, CaseIterable, Sendable {
    /// A byte-level GPT of width 128 with 4 blocks, 0.9 million: it fits the caches.
    case gpt1M = "1M"
    /// The same of width 256, 3.3 million.
    case gpt3M = "3M"
    /// GPT-2 small with a tied head, 124 million.
    case gpt2 = "124M"
    /// ResNet-50, 26 million in 161 tensors.
    case resNet50 = "resnet50"
    /// A Conformer of width 320 with 16 blocks, 31 million in many small tensors.
    case conformer

    /// The shapes, in the order of the model.
    public var shapes: [[Int]] {
        switch self {
        case .gpt1M: Self.gpt(vocabulary: 256, context: 128, width: 128, blocks: 4, untied: true)
        case .gpt3M: Self.gpt(vocabulary: 256, context: 256, width: 256, blocks: 4, untied: true)
        case .gpt2: Self.gpt(vocabulary: 50257, context: 1024, width: 768, blocks: 12, untied: false)
        case .resNet50: Self.resNet([3, 4, 6, 3])
        case .conformer: Self.conformer(width: 320, blocks: 16, kernel: 31, vocabulary: 1024)
        }
    }

    /// The number of parameters.
    public var count: Int { shapes.reduce(0) { $0 + $1.reduce(1, *) } }

    private static func gpt(
        vocabulary: Int, context: Int, width: Int, blocks: Int, untied: Bool
    ) -> [[Int]] {
        let block = [
            [width], [width], [3 * width, width], [3 * width], [width, width], [width], [width], [width],
            [4 * width, width], [4 * width], [width, 4 * width], [width],
        ]
        return [[vocabulary, width], [context, width]] + (0..<blocks).flatMap { _ in block }
            + [[width], [width]] + (untied ? [[vocabulary, width]] : [])
    }

    private static func resNet(_ stages: [Int]) -> [[Int]] {
        var shapes = [[64, 3, 7, 7], [64], [64]]
        var inputs = 64
        for (stage, blocks) in stages.enumerated() {
            let width = 64 << stage
            for block in 0..<blocks {
                shapes += [[width, inputs, 1, 1], [width], [width], [width, width, 3, 3], [width], [width]]
                shapes += [[4 * width, width, 1, 1], [4 * width], [4 * width]]
                if block == 0 { shapes += [[4 * width, inputs, 1, 1], [4 * width], [4 * width]] }
                inputs = 4 * width
            }
        }
        return shapes + [[1000, inputs], [1000]]
    }

    private static func conformer(width: Int, blocks: Int, kernel: Int, vocabulary: Int) -> [[Int]] {
        let feedForward = [[width], [width], [4 * width, width], [4 * width], [width, 4 * width], [width]]
        let attention =
            [[width], [width]] + (0..<4).flatMap { _ in [[width, width], [width]] } + [[width, width]]
        let convolution = [
            [width], [width], [2 * width, width, 1], [2 * width], [width, 1, kernel], [width], [width],
            [width],
            [width, width, 1], [width],
        ]
        let block = feedForward + attention + convolution + feedForward + [[width], [width]]
        return [[width, 80, 3, 3], [width], [vocabulary, width], [vocabulary]]
            + (0..<blocks).flatMap { _ in block }
    }
}
