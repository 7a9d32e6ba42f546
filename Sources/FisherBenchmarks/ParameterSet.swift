import Fisher
import FisherTraining

/// The shapes of a real model's parameters, for measurements without the model.
public struct ParameterSet: Sendable {
    /// The name on the command line.
    public let name: String
    private let architecture: Architecture

    private enum Architecture: Sendable {
        case gpt(GPT.Configuration)
        case resNet([Int])
        case conformer(width: Int, blocks: Int, kernel: Int, vocabulary: Int)
    }

    /// A byte-level GPT of width 128 with 4 blocks, 0.9 million: it fits the caches.
    public static let gpt1M = ParameterSet("1M", .gpt(.init(context: 128, width: 128, layers: 4, heads: 1)))
    /// The same of width 256, 3.3 million.
    public static let gpt3M = ParameterSet("3M", .gpt(.init(context: 256, width: 256, layers: 4, heads: 1)))
    /// GPT-2 small with a tied head, 124 million.
    public static let gpt2 = ParameterSet(
        "124M",
        .gpt(.init(vocabulary: 50257, context: 1024, width: 768, layers: 12, heads: 12, tiesHead: true)))
    /// ResNet-50, 26 million in 161 tensors.
    public static let resNet50 = ParameterSet("resnet50", .resNet([3, 4, 6, 3]))
    /// A Conformer of width 320 with 16 blocks, 31 million in many small tensors.
    public static let conformer = ParameterSet(
        "conformer", .conformer(width: 320, blocks: 16, kernel: 31, vocabulary: 1024))
    /// The sets that have a name of their own.
    public static let all = [gpt1M, gpt3M, gpt2, resNet50, conformer]

    private init(_ name: String, _ architecture: Architecture) {
        (self.name, self.architecture) = (name, architecture)
    }

    /// A set by its name: that of one in ``all``, or the sizes of a GPT with an untied head, such as
    /// `gpt:width=512,layers=8` or `gpt:width=512,layers=8,vocabulary=50257,context=1024`. Without them the vocabulary is
    /// 256 and the context 128.
    ///
    /// - Throws: `ConfigurationError` that says, as the end of a sentence that begins with the name, what is wrong with it.
    public init(named name: String) throws(ConfigurationError) {
        if let known = Self.all.first(where: { $0.name == name }) {
            self = known
            return
        }
        guard name.hasPrefix("gpt:") else {
            let names = Self.all.map(\.name).joined(separator: ", ")
            throw ConfigurationError("is not one of \(names), nor of the form \(Self.form)")
        }
        var sizes: [String: Int] = [:]
        for piece in name.dropFirst(4).split(separator: ",", omittingEmptySubsequences: false) {
            guard let (key, text) = keyAndValue(piece), let value = Int(text) else {
                throw ConfigurationError("is not of the form \(Self.form)")
            }
            guard ["vocabulary", "context", "width", "layers"].contains(key) else {
                throw ConfigurationError("sets \(key): a GPT has width, layers, vocabulary and context")
            }
            guard sizes.updateValue(value, forKey: key) == nil else {
                throw ConfigurationError("sets \(key) twice")
            }
        }
        guard let width = sizes["width"], let layers = sizes["layers"] else {
            let missing = sizes["width"] == nil ? "width" : "layers"
            throw ConfigurationError("lacks \(missing): write \(Self.form)")
        }
        // The heads share the same matrices.
        let configuration = GPT.Configuration(
            vocabulary: sizes["vocabulary"] ?? 256, context: sizes["context"] ?? 128, width: width,
            layers: layers, heads: 1)
        if let complaint = configuration.complaint { throw ConfigurationError("cannot be: \(complaint)") }
        self.init(name, .gpt(configuration))
    }

    private static let form = "gpt:width=512,layers=8"

    /// The shapes, in the order of the model.
    public var shapes: [[Int]] {
        switch architecture {
        case .gpt(let configuration): Self.gpt(configuration)
        case .resNet(let stages): Self.resNet(stages)
        case .conformer(let width, let blocks, let kernel, let vocabulary):
            Self.conformer(width: width, blocks: blocks, kernel: kernel, vocabulary: vocabulary)
        }
    }

    /// The number of parameters.
    public var count: Int { shapes.reduce(0) { $0 + $1.reduce(1, *) } }

    /// Throws `TorchError` of kind `outOfMemory` if parameters and gradients do not fit into the memory there is. To be asked
    /// before the shapes of sizes from outside are.
    func requireRoom() throws {
        guard case .gpt(let configuration) = architecture else { return }
        // The shape of a tensor takes as much as a few parameters.
        try requireMemory(
            8 * configuration.parameterCount + 1024 * Double(configuration.layers),
            for: "parameters of \(name) with their gradients")
    }

    private static func gpt(_ sizes: GPT.Configuration) -> [[Int]] {
        let width = sizes.width
        let block = [
            [width], [width], [3 * width, width], [3 * width], [width, width], [width], [width], [width],
            [4 * width, width], [4 * width], [width, 4 * width], [width],
        ]
        return [[sizes.vocabulary, width], [sizes.context, width]]
            + (0..<sizes.layers).flatMap { _ in block } + [[width], [width]]
            + (sizes.tiesHead ? [] : [[sizes.vocabulary, width]])
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
