import Foundation
import NeuralNet
import Testing
import Torch

/// Plain networks as text.
@Suite struct NetworkSpecificationTests {
    static func read(_ layers: String, likelihood: String = "categorical") throws -> NetworkSpecification {
        try NetworkSpecification(json: Data("{\"layers\":[\(layers)],\"likelihood\":\"\(likelihood)\"}".utf8))
    }

    static let networks = [
        "{\"linear\":[8,6]},\"tanh\",{\"linear\":[6,3]}",
        "{\"conv2d\":{\"in\":1,\"out\":4,\"kernel\":3,\"stride\":1,\"padding\":1}},\"relu\",\"flatten\",{\"linear\":[144,2]}",
        "{\"conv2d\":{\"in\":1,\"out\":4,\"kernel\":[3,2],\"stride\":[2,1],\"dilation\":2,\"groups\":1,\"bias\":false}},"
            + "{\"batch_norm\":4},\"gelu\",{\"max_pool2d\":{\"kernel\":[1,2],\"stride\":1}},{\"group_norm\":[2,4]},"
            + "{\"average_pool2d\":{\"kernel\":2,\"padding\":1}},{\"adaptive_average_pool2d\":[2,1]},\"flatten\","
            + "{\"linear\":{\"in\":8,\"out\":3,\"bias\":false}},\"sigmoid\"",
        "{\"conv1d\":{\"in\":2,\"out\":4,\"kernel\":3,\"groups\":2}},{\"batch_norm\":{\"channels\":4,\"momentum\":0.2}},"
            + "{\"layer_norm\":{\"width\":5,\"epsilon\":0.01}},\"gelu_tanh\",\"flatten\",{\"linear\":[20,1]}",
        "{\"embedding\":[9,4]},{\"rotary_self_attention\":[4,2]},\"silu\",{\"lstm\":[4,6]},\"glu\",{\"layer_norm\":3},"
            + "\"flatten\"",
        "{\"embedding\":[9,4]},{\"residual\":[{\"layer_norm\":4},{\"causal_self_attention\":[4,2]},{\"dropout\":0.1}]},"
            + "{\"residual\":{\"layers\":[{\"sequential\":[{\"linear\":[4,8]},\"gelu\"]},{\"linear\":[8,4]}]}},"
            + "\"flatten\",{\"linear\":[20,2]}",
        "{\"conv2d\":{\"in\":1,\"out\":8,\"kernel\":1}},{\"pixel_shuffle\":2},\"flatten\",{\"linear\":[48,2]}",
        "{\"residual\":{\"layers\":[{\"conv2d\":{\"in\":1,\"out\":4,\"kernel\":2,\"stride\":2}}],\"shortcut\":[{\"conv2d\":"
            + "{\"in\":1,\"out\":4,\"kernel\":1,\"stride\":2}}]}},\"tokens\",{\"position_embedding\":{\"positions\":4,"
            + "\"width\":4,\"class_token\":true}},{\"self_attention\":[4,2]},\"first_position\",{\"linear\":[4,2]}",
        "{\"conv2d\":{\"in\":1,\"out\":4,\"kernel\":2}},\"tokens\",{\"position_embedding\":[9,4]},"
            + "\"mean_over_positions\"",
        "{\"graph_convolution\":{\"in\":2,\"keep_graph\":true,\"out\":3}},{\"graph_convolution\":[3,2]}",
    ]
    static let inputs = [
        [2, 8], [2, 1, 6, 6], [2, 1, 9, 8], [2, 2, 7], [2, 5], [2, 5], [2, 1, 2, 3], [2, 1, 4, 4],
        [2, 1, 4, 4], [2, 5, 7],
    ]

    /// A new layer must get its description: every layer class of the sources is registered, and every registered layer
    /// occurs in the networks of these tests.
    @Test func everyLayerIsDescribed() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/NeuralNet")
        let registry = try String(
            contentsOf: root.appending(path: "Models/LayerRegistry.swift"), encoding: .utf8)
        let files = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        var count = 0
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(
                of: /final class (\w+)[^{\n]*: [^{]*?(UnaryLayer|ConvolutionLayer)[^{]*\{/)
            {
                #expect(registry.contains("\(match.1).Description.self"), "\(match.1)")
                count += 1
            }
        }
        #expect(count >= 19)
        // Other tests register a layer of their own.
        for kind in LayerRegistry.kinds where kind != "scale" {
            #expect(Self.networks.contains { $0.contains("\"\(kind)\"") }, "\(kind)")
        }
    }

    /// The likelihood's options are kept as they were given.
    @Test(arguments: [
        ("\"gaussian\"", "gaussian"), ("{\"gaussian\":{\"variance\":0.25}}", "gaussian"),
        ("{\"two_hot\":[1,2.5]}", "two_hot"),
    ])
    func likelihoodsHaveOptions(_ json: String, _ name: String) throws {
        let found = try NetworkSpecification(
            json: Data("{\"layers\":[\"tanh\"],\"likelihood\":\(json)}".utf8))
        #expect(found.likelihood == name)
        let text = String(decoding: try JSONEncoder().encode(found), as: UTF8.self)
        #expect(text.contains("\"likelihood\":" + json))
    }

    static func input(_ shape: [Int], of specification: NetworkSpecification) throws -> Tensor {
        if specification.layers[0] is Embedding.Description {
            return Tensor((0..<shape.reduce(1, *)).map { Int64($0 % 9) }, shape: shape)
        }
        let drawn = Tensor.normal(shape, dtype: .float64, using: try RandomGenerator(seed: 4))
        // Edges have weights of at least 0.
        return specification.layers[0] is GraphConvolution.Description ? drawn.magnitude() : drawn
    }

    @Test(arguments: Array(zip(networks, inputs)))
    func aDescriptionMakesItsNetworkAndSurvivesEncoding(_ text: String, _ shape: [Int]) throws {
        let specification = try Self.read(text, likelihood: "bernoulli")
        let encoded = try JSONEncoder().encode(specification)
        let decoded = try JSONDecoder().decode(NetworkSpecification.self, from: encoded)
        #expect(decoded == specification)
        #expect(decoded.likelihood == "bernoulli")

        let network = specification.makeNetwork(dtype: .float64, using: try RandomGenerator(seed: 1))
        let input = try Self.input(shape, of: specification)
        network.setTraining(false)
        let output = network(input)
        try output.check()
        #expect(try specification.outputShape(for: shape) == output.shape)

        let copy = try decoded.makeNetwork(dtype: .float64, weights: network.weights)
        copy.setTraining(false)
        let numbers: [Double] = try output.scalars()
        #expect(try copy(input).scalars() == numbers)
    }

    @Test func weightsAreNamedByPosition() throws {
        let network = try Self.read(
            "{\"linear\":[8,6]},\"tanh\",{\"conv1d\":{\"in\":2,\"out\":4,\"kernel\":3}},{\"batch_norm\":4}"
        ).makeNetwork(using: try RandomGenerator(seed: 0))
        #expect(
            network.parameters.map { "\($0.path) \($0.parameter.wrappedValue.shape)" } == [
                "0.weight [6, 8]", "0.bias [6]", "2.weight [4, 2, 3]", "2.bias [4]", "3.weight [4]",
                "3.bias [4]", "3.runningMean [4]", "3.runningVariance [4]",
            ])
        #expect(network.captureSites.map { "\($0.path)" } == ["0", "2", "3"])
    }

    @Test func pyTorchsNamesAreUnderstood() throws {
        let specification = try Self.read("{\"lstm\":[2,3]},\"flatten\",{\"batch_norm\":6}")
        var weights: [String: Tensor] = [
            "0.weight_ih_l0": .full([12, 2], 1), "0.weight_hh_l0": .full([12, 3], 2),
            "0.bias_ih_l0": .full([12], 3), "0.bias_hh_l0": .full([12], 4), "2.weight": .full([6], 5),
            "2.bias": .full([6], 6), "2.running_mean": .full([6], 7), "2.running_var": .full([6], 8),
            "2.num_batches_tracked": Tensor([3] as [Int64], shape: []),
        ]
        let network = try specification.makeNetwork(weights: weights)
        let found = try network.parameters.map { try $0.parameter.wrappedValue.mean().item() }
        #expect(found == [1, 3, 2, 4, 5, 6, 7, 8])

        // A tensor under both names is one too many.
        weights["2.runningMean"] = .full([6], 9)
        let error = #expect(throws: WeightError.self) { try specification.makeNetwork(weights: weights) }
        #expect(error?.description.contains("2.running_mean") == true)
    }

    @Test func weightsThatDoNotFitAreNamed() throws {
        let specification = try Self.read("{\"linear\":[2,3]}")
        for (weights, expected) in [
            (["0.weight": .ones([3, 2])], "0.bias"),
            (["0.weight": .ones([2, 3]), "0.bias": .ones([3])], "0.weight"),
            (["0.weight": .ones([3, 2]), "0.bias": .ones([3]), "1.bias": .ones([1])], "1.bias"),
        ] as [([String: Tensor], String)] {
            let error = #expect(throws: WeightError.self) { try specification.makeNetwork(weights: weights) }
            #expect(error?.description.contains(expected) == true)
        }
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let layers: String
        let position: Int
        let words: [String]
        var testDescription: String { layers }

        init(_ layers: String, _ position: Int, _ words: String...) {
            self.layers = layers
            self.position = position
            self.words = words
        }
    }

    static let mistakes = [
        Mistake(
            "\"tanh\",{\"residual\":[\"tahn\"]}", 1, "residual has an error in layers[0]",
            "did you mean tanh?"),
        Mistake("{\"residual\":[]}", 0, "residual has wrong layers: there are no layers"),
        Mistake("{\"residual\":3}", 0, "residual", "must be a list of layers"),
        Mistake(
            "{\"linear\":[2,4]},{\"residual\":[{\"linear\":[4,5]}]}", 1, "adds a width of 5 to a width of 4"),
        Mistake(
            "{\"linear\":[2,4]},{\"sequential\":[\"tanh\",{\"linear\":[5,4]}]}", 1,
            "sequential has an error in layers[1]: linear takes a width of 5, but is given 4"),
        Mistake("{\"dropout\":1}", 0, "dropout", "from 0 to 0.999"),
        Mistake("{\"causal_self_attention\":[6,4]}", 0, "4 heads", "width of 6"),
        Mistake("\"relu\",\"tahn\"", 1, "tahn", "did you mean tanh?"),
        Mistake("{\"linaer\":[1,2]}", 0, "linaer", "did you mean linear?"),
        Mistake("\"transformer\"", 0, "transformer", "there are", "conv2d"),
        Mistake("\"linear\"", 0, "linear needs options"),
        Mistake("{\"tanh\":{}}", 0, "tanh has no options"),
        Mistake("3", 0, "3 is not a layer"),
        Mistake("{\"linear\":[1,2],\"relu\":1}", 0, "one key"),
        Mistake("{\"linear\":[1,2,3]}", 0, "[in, out]", "[1, 2, 3]"),
        Mistake("{\"linear\":[0,2]}", 0, "linear", "in", "not 0"),
        Mistake("{\"linear\":[2,true]}", 0, "out", "not true"),
        Mistake("{\"linear\":[2,2.5]}", 0, "out", "not 2.5"),
        Mistake("{\"linear\":[2147483647,2147483647]}", 0, "too large"),
        Mistake("{\"linear\":{\"in\":1,\"out\":2,\"bais\":false}}", 0, "bais", "did you mean bias?"),
        Mistake("{\"linear\":{\"in\":1,\"out\":2,\"bias\":0}}", 0, "bias", "true or false"),
        Mistake("\"relu\",{\"conv2d\":{\"in\":1,\"out\":2}}", 1, "conv2d lacks kernel"),
        Mistake("{\"conv2d\":{\"in\":1,\"out\":2,\"kernel\":3,\"strides\":1}}", 0, "did you mean stride?"),
        Mistake("{\"conv2d\":{\"in\":1,\"out\":2,\"kernel\":[3]}}", 0, "kernel", "list of 2"),
        Mistake("{\"conv2d\":{\"in\":1,\"out\":2,\"kernel\":3,\"padding\":-1}}", 0, "padding", "from 0"),
        Mistake("{\"conv2d\":{\"in\":1,\"out\":2,\"kernel\":3,\"stride\":0}}", 0, "stride", "from 1"),
        Mistake("{\"conv2d\":{\"in\":3,\"out\":2,\"kernel\":3,\"groups\":2}}", 0, "2 groups", "3 inputs"),
        Mistake("{\"group_norm\":[4,6]}", 0, "4 groups", "6 channels"),
        Mistake("{\"layer_norm\":{\"width\":4,\"epsilon\":-1}}", 0, "epsilon", "not -1"),
        Mistake("{\"batch_norm\":{\"channels\":4,\"momentum\":2}}", 0, "momentum", "from 0 to 1"),
        Mistake("{\"max_pool2d\":{\"kernel\":2,\"padding\":2}}", 0, "half of its window"),
        Mistake("{\"linear\":[8,6]},\"tanh\",{\"linear\":[5,3]}", 2, "width of 5", "given 6"),
        Mistake(
            "{\"conv1d\":{\"in\":1,\"out\":4,\"kernel\":3}},\"relu\",{\"batch_norm\":3}", 2, "3 channels", "4"
        ),
        Mistake("\"flatten\",{\"max_pool2d\":2}", 1, "takes 4 dimensions", "given 2"),
        Mistake(
            "{\"conv2d\":{\"in\":1,\"out\":4,\"kernel\":3}},{\"adaptive_average_pool2d\":1},{\"max_pool2d\":2}",
            2,
            "does not fit", "1"),
    ]

    @Test(arguments: mistakes)
    func aMistakeIsNamedWithItsPosition(_ mistake: Mistake) throws {
        let error = #expect(throws: NetworkSpecificationError.self) { try Self.read(mistake.layers) }
        #expect(error?.position == mistake.position)
        let text = error?.description ?? ""
        #expect(text.hasPrefix("layers[\(mistake.position)]: "))
        for word in mistake.words { #expect(text.contains(word), "\(text)") }
    }

    @Test(arguments: [
        ("{\"layers\":[\"tanh\"]}", "likelihood must be a name, such as categorical"),
        ("{\"layers\":[\"tanh\"],\"likelihood\":{\"a\":1,\"b\":2}}", "an object of one name and its options"),
        ("{\"layers\":[],\"likelihood\":\"gaussian\"}", "there are no layers"),
        ("{\"layer\":[\"tanh\"],\"likelihood\":\"gaussian\"}", "did you mean layers?"),
        ("{\"layers\":\"tanh\",\"likelihood\":\"gaussian\"}", "layers must be a list"),
        ("[]", "must be an object"),
        ("{\"layers\":[", "not valid JSON"), ("", "not valid JSON"),
        (
            "{\"layers\":[\"tanh\"],\"layers\":[\"relu\"],\"likelihood\":\"gaussian\"}",
            "occurs more than once"
        ),
        ("\u{FEFF}{\"layers\":[\"tanh\"],\"likelihood\":\"gaussian\"}", "not valid JSON"),
        ("{\"layers\":[\"tanh\",],\"likelihood\":\"gaussian\"}", "not valid JSON"),
        (String(repeating: "[", count: 100_000), "nest more than 127 deep"),
        ("{\"\(String(repeating: "x", count: 100_000))\":1}", "xxx... is no key"),
    ]) func aMistakeInTheWholeIsNamed(_ json: String, _ words: String) throws {
        let error = #expect(throws: NetworkSpecificationError.self) {
            try NetworkSpecification(json: Data(json.utf8))
        }
        #expect(error?.position == nil)
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test func aMistakeFoundWhileDecodingKeepsItsType() throws {
        #expect(throws: NetworkSpecificationError.self) {
            try JSONDecoder().decode(
                NetworkSpecification.self,
                from: Data("{\"layers\":[\"no\"],\"likelihood\":\"gaussian\"}".utf8))
        }
    }

    /// A mistake in a megabyte is named in a line.
    @Test(arguments: [
        "\"\(String(repeating: "x", count: 1_000_000))\"", "[\(String(repeating: "1,", count: 100_000))1]",
        "{\"linear\":\"\(String(repeating: "y", count: 1_000_000))\"}", "{\"linear\":[1e300,2]}",
        "{\"linear\":[2147483648,2]}",
        "{\"linear\":[-1,2]}", "{\"linear\":[1.5,2]}",
        "{\"linear\":{\"\(String(repeating: "z", count: 100_000))\":1}}",
    ])
    func aHugeMistakeIsNamedInALine(layer: String) throws {
        let json = "{\"layers\":[\(layer)],\"likelihood\":\"gaussian\"}"
        let error = #expect(throws: NetworkSpecificationError.self) {
            try NetworkSpecification(json: Data(json.utf8))
        }
        #expect(error?.position == 0)
        #expect((error?.description.count ?? 10_000) < 600, "\(error?.description.prefix(600) ?? "")")
    }

    @Test func thousandsOfLayersAreRead() throws {
        let layers = Array(repeating: "\"tanh\"", count: 10_000).joined(separator: ",")
        let found = try NetworkSpecification(
            json: Data("{\"layers\":[\(layers)],\"likelihood\":\"gaussian\"}".utf8))
        #expect(found.layers.count == 10_000)
        #expect(try found.outputShape(for: [2, 3]) == [2, 3])
    }

    @Test func anInputThatDoesNotFitIsRefusedAtItsLayer() throws {
        let specification = try Self.read(Self.networks[1])
        for (shape, position) in [([2, 1, 7, 6], 3), ([2, 3, 6, 6], 0), ([2, 36], 0), ([2], 0)] {
            let error = #expect(throws: NetworkSpecificationError.self) {
                try specification.outputShape(for: shape)
            }
            #expect(error?.position == position)
        }
        let error = #expect(throws: NetworkSpecificationError.self) { try specification.outputShape(for: []) }
        #expect(error?.position == nil)
    }

    @Test func layersAreMadeInSwiftToo() throws {
        let made = try NetworkSpecification(
            layers: [
                Linear.Description(inputs: 8, outputs: 6), Tanh.Description(),
                Linear.Description(inputs: 6, outputs: 3),
            ], likelihood: "categorical")
        #expect(made == (try Self.read(Self.networks[0])))
        let error = #expect(throws: NetworkSpecificationError.self) {
            try NetworkSpecification(
                layers: [Linear.Description(inputs: -1, outputs: 6)], likelihood: "gaussian")
        }
        #expect(error?.position == 0)
    }
}
