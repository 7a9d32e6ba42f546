import FisherFiles
import Foundation
import TestSupport
import Testing
import Torch

@testable import NeuralNet

/// Networks of PyTorch's `state_dict`s and back, against Reference/pytorch_networks.py.
@Suite struct ConversionTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/convert").path
    /// What a user says of each network; nothing of a residual one.
    static let layers: [String: String] = [
        "mlp": "linear relu linear relu linear",
        "cnn": "Conv2d(padding=1) BatchNorm2d nn.ReLU MaxPool2d(2) conv2d(stride=[1, 2], groups=2) "
            + "group_norm(groups=3) silu flatten linear",
        "nested": "sequential(linear tanh), layer_norm, sequential(linear)",
        "named": "embed:embedding flatten last:linear first:linear",
    ]
    static let residual = ["resnet18", "resnet34", "resnet50"]

    private func files(_ name: String) throws -> SafetensorsShards {
        try SafetensorsShards(path: "\(Self.fixtures)/\(name)/state.safetensors")
    }

    private func converted(_ name: String) throws -> ConvertedNetwork {
        let state = try StateDictionary(try files(name))
        guard let text = Self.layers[name] else {
            return try #require(try ResNet.converted(state, likelihood: nil))
        }
        #expect(try ResNet(state) == nil)
        return try state.network(try LayerDraft.list(text: text), likelihood: .text("categorical"))
    }

    private func loaded(_ name: String, dtype: DType = .float32) throws -> Sequential {
        let network = try converted(name)
        let weights = try network.names.tensors(from: try files(name), dtype: dtype) {
            $0.hasSuffix("num_batches_tracked")
        }
        return try network.specification.makeNetwork(dtype: dtype, weights: weights)
    }

    @Test(arguments: Array(layers.keys.sorted()) + residual)
    func outputsAreThoseOfPyTorch(_ name: String) throws {
        let network = try loaded(name)
        network.setTraining(false)
        let answers = try SafetensorsFile(path: "\(Self.fixtures)/\(name)/answers.safetensors")
        let outputs = network(try answers.tensor(named: "inputs"))
        #expect(try GPTParityTests.error(outputs, try answers.tensor(named: "outputs")) < 1e-5)
    }

    /// The way back gives the names, layouts and values of the file, counters of batches at zero.
    @Test(arguments: ["cnn", "mlp", "nested"] + residual)
    func theWayBackIsTheSameFile(_ name: String) throws {
        let specification = try converted(name).specification
        let network = try loaded(name)
        let names = try ResNet(specification)?.names() ?? .sequential(specification)
        #expect((ResNet(specification) != nil) == Self.residual.contains(name))
        let source = try files(name)
        try TemporaryFolder.with { folder in
            try SafetensorsWriter().write(
                names.sources(from: network.weights) + names.batchCounters(), to: folder + "/back")
            let back = try SafetensorsFile(path: folder + "/back")
            #expect(Set(back.tensors.map(\.name)) == Set(source.tensors.map(\.name)))
            for entry in source.tensors {
                #expect(back[entry.name]?.shape == entry.shape && back[entry.name]?.dtype == entry.dtype)
                guard entry.dtype == .float32 else { continue }
                let (a, b) = (try source.tensor(named: entry.name), try back.tensor(named: entry.name))
                #expect(try a.scalars(as: Float.self) == b.scalars(as: Float.self), "\(entry.name)")
            }
        }
    }

    /// What the files tell, and what they do not.
    @Test(arguments: [
        (
            "mlp", "linear ? ? ? linear",
            ["2 is: linear(bias=false) and embedding", "without weights are at 1, 3"]
        ),
        (
            "cnn", "conv2d batch_norm ? ? conv2d ? ? ? linear",
            ["without weights are at 2, 3, 6, 7", "5 is: layer_norm and group_norm", "convolutions at 0, 4"]
        ),
        ("nested", "sequential(linear) ? sequential(linear)", ["1 is: layer_norm and group_norm"]),
        ("named", "embed:? first:linear last:linear", ["in which order its layers embed, first, last come"]),
    ])
    func proposals(_ name: String, _ text: String, _ questions: [String]) throws {
        let proposal = try SequenceProposal(try StateDictionary(try files(name)))
        #expect(proposal.layers.map(\.text).joined(separator: " ") == text)
        for question in questions {
            #expect(proposal.questions.contains { $0.contains(question) }, "\(proposal.questions)")
        }
        #expect(proposal.questions.count == questions.count)
        #expect(try proposal.filled(with: "relu") == nil)
    }

    @Test func gapsAreFilledWithAnActivation() throws {
        let shapes = ["net.0.weight": [3, 2], "net.0.bias": [3], "net.2.weight": [1, 3], "net.2.bias": [1]]
        let state = try StateDictionary(shapes, path: "f")
        let layers = try #require(try SequenceProposal(state).filled(with: "tanh"))
        let network = try state.network(layers, likelihood: .text("gaussian"))
        #expect(
            network.text == "linear(in=2, out=3) tanh linear(in=3, out=1)")
        #expect(
            network.names.entries.map(\.theirs) == [
                "net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias",
            ])
        #expect(network.names.entries.map(\.ours) == ["0.weight", "0.bias", "2.weight", "2.bias"])
    }

    @Test func defaultsThatWereTakenAreTold() throws {
        let notes = try converted("cnn").notes.joined(separator: "\n")
        #expect(notes.contains("epsilon is PyTorch's default, 1e-05, in the normalizations at 1, 5"))
        #expect(notes.contains("convolutions at 0, 4 is PyTorch's default: stride 1, padding 0"))
        #expect(try converted("mlp").notes.isEmpty)
    }

    @Test(arguments: [
        ("linear relu linear", "the tensor 4.bias is none that this model has"),
        ("linear linear linear", "it has no weights at 1 for the layer linear at 1, but at 0, 2, 4"),
        ("linear relu conv2d", "the tensors at 2 (weight [6, 7]) are not those of a layer conv2d"),
        ("linear relu 7:linear", "it has no weights at 7 for the layer linear at 2"),
        (
            "linear(in=4) relu linear relu linear",
            "the tensor 0.weight has shape [7, 5], where [7, 4] is expected"
        ),
    ])
    func layersThatDoNotFitAreNamed(_ text: String, _ expected: String) throws {
        var found = ""
        do {
            let source = try files("mlp")
            let network = try StateDictionary(source).network(
                try LayerDraft.list(text: text), likelihood: .text("categorical"))
            _ = try network.names.tensors(from: source, dtype: .float32)
        } catch { found = "\(error)" }
        #expect(found.contains(expected), "\(found)")
    }

    @Test(arguments: [
        ("linear(", "the parenthesis after linear is not closed"),
        ("linear)", "a parenthesis is closed that was not opened"),
        ("(linear)", "a layer's name must be before \"(\""),
        ("liner", "liner is no layer; did you mean linear?"),
        ("conv2d(2)", "write the options of conv2d with their names, as in stride=2"),
        ("conv2d(padding=same)", "conv2d has for padding same, which is no number, list, true or false"),
        ("", "--layers names no layer"),
        (String(repeating: "sequential(", count: 40), "layers nest more than 32 deep"),
    ])
    func textsThatAreNoLayersAreNamed(_ text: String, _ expected: String) throws {
        let error = #expect(throws: ConversionError.self) { try LayerDraft.list(text: text) }
        #expect(error?.description.contains(expected) == true, "\(error!)")
    }

    /// A skeleton in JSON says the same as the text.
    @Test func skeletonsAreRead() throws {
        let json = #"""
            {"layers": [{"conv2d": {"padding": 1}}, "batch_norm", "relu", {"max_pool2d": 2},
             {"conv2d": {"stride": [1, 2], "groups": 2}}, {"group_norm": {"groups": 3}}, "silu", "flatten", "linear"]}
            """#
        let (layers, likelihood) = try LayerDraft.skeleton(Array(json.utf8), path: "s")
        #expect(layers == (try LayerDraft.list(text: try #require(Self.layers["cnn"]))))
        #expect(likelihood == nil)
        let named = #"{"layers": [{"linear": {"from": "fc1"}}], "likelihood": "gaussian"}"#
        #expect(
            try LayerDraft.skeleton(Array(named.utf8), path: "s").layers
                == LayerDraft.list(text: "fc1:linear"))
        for (wrong, expected) in [
            ("[]", "s: it must be an object of layers"), ("{", "s: this is not valid JSON"),
            (#"{"layers": ["liner"]}"#, "s: layers[0]: liner is no layer; did you mean linear?"),
            (#"{"layers": [{"linear": {"from": 3}}]}"#, "from must be a name in the file, not 3"),
        ] {
            let error = #expect(throws: ConversionError.self) {
                try LayerDraft.skeleton(Array(wrong.utf8), path: "s")
            }
            #expect(error?.description.contains(expected) == true, "\(error!)")
        }
    }

    /// An LSTM has four tensors under PyTorch's names.
    @Test func recurrentLayersHavePyTorchsNames() throws {
        let shapes = [
            "0.weight_ih_l0": [8, 3], "0.weight_hh_l0": [8, 2], "0.bias_ih_l0": [8], "0.bias_hh_l0": [8],
        ]
        let state = try StateDictionary(shapes, path: "f")
        let network = try state.network(try SequenceProposal(state).layers, likelihood: .text("gaussian"))
        #expect(Set(network.names.entries.map(\.theirs)) == Set(shapes.keys))
        #expect(
            Set(try TensorNames.sequential(network.specification).entries.map(\.theirs)) == Set(shapes.keys))
        let two = shapes.merging(["0.weight_ih_l1": [8, 2]]) { a, _ in a }
        #expect(try SequenceProposal(try StateDictionary(two, path: "f")).layers.map(\.kind) == ["?"])
        let error = #expect(throws: ConversionError.self) {
            try StateDictionary(two, path: "f").network([LayerDraft("lstm")], likelihood: .text("gaussian"))
        }
        #expect(error?.description.contains("are not those of a layer lstm") == true)
    }

    /// An LSTM of two layers is two of one layer, which read their tensors where PyTorch has them.
    @Test func layersOfAnLSTMFollowEachOther() throws {
        var shapes = ["head.weight": [1, 2], "head.bias": [1]]
        for (level, inputs) in [(0, 3), (1, 2)] {
            for (name, shape) in [
                ("weight_ih", [8, inputs]), ("weight_hh", [8, 2]), ("bias_ih", [8]), ("bias_hh", [8]),
            ] {
                shapes["rnn.\(name)_l\(level)"] = shape
            }
        }
        let state = try StateDictionary(shapes, path: "f")
        let network = try state.network(
            try LayerDraft.list(text: "rnn:lstm head:linear"), likelihood: .text("gaussian"))
        #expect(network.text == "lstm(in=3, width=2) lstm(in=2, width=2) linear(in=2, out=1)")
        #expect(Set(network.names.entries.map(\.theirs)) == Set(shapes.keys))
        let names = Dictionary(uniqueKeysWithValues: network.names.entries.map { ($0.ours, $0.theirs) })
        #expect(names["1.recurrentMap.weight"] == "rnn.weight_hh_l1" && names["2.bias"] == "head.bias")
        #expect(network.notes == ["the dropout between the layers of the LSTM at 0 is taken to be 0"])
    }

    /// The file of one layer alone names its tensors without a position.
    @Test func oneLayerAloneIsASequence() throws {
        let state = try StateDictionary(["weight": [2, 3], "bias": [2]], path: "f")
        let proposal = try SequenceProposal(state)
        #expect(proposal.questions.isEmpty)
        let network = try state.network(proposal.layers, likelihood: .text("categorical"))
        #expect(network.text == "linear(in=3, out=2)")
        #expect(network.names.entries.map(\.ours) == ["0.weight", "0.bias"])
        #expect(network.names.entries.map(\.theirs) == ["weight", "bias"])
    }

    /// Layers that only PyTorch has are named as such, by their tensors and by their names.
    @Test(arguments: [
        (["0.weight": [4, 2, 3, 3], "0.bias": [2]], "those of a transposed convolution"),
        (["0.weight": [4, 2, 3, 3, 3], "0.bias": [4]], "those of a convolution in three dimensions"),
        (
            ["0.weight_ih_l0": [6, 3], "0.weight_hh_l0": [6, 2], "0.bias_ih_l0": [6], "0.bias_hh_l0": [6]],
            "those of a GRU"
        ),
        (["0.weight_ih_l0": [2, 3], "0.weight_hh_l0": [2, 2]], "those of an RNN"),
        (["0.in_proj_weight": [12, 4]], "those of a MultiheadAttention"),
    ])
    func layersThatOnlyPyTorchHasAreNamed(_ shapes: [String: [Int]], _ expected: String) throws {
        let proposal = try SequenceProposal(try StateDictionary(shapes, path: "f"))
        #expect(proposal.questions.first?.contains(expected) == true, "\(proposal.questions)")
    }

    @Test(arguments: [
        ("nn.ConvTranspose2d", "ConvTranspose2d of PyTorch is not among the layers here; there are "),
        ("linear LogSoftmax", "leave it out, since the likelihood categorical takes logits"),
    ])
    func classesThatOnlyPyTorchHasAreNamed(_ text: String, _ expected: String) {
        let error = #expect(throws: ConversionError.self) { try LayerDraft.list(text: text, place: "here") }
        #expect(
            error?.description.hasPrefix("here: ") == true && error?.description.contains(expected) == true)
    }

    @Test func residualNetworksThatAreNotHereAreNamed() throws {
        let entries = try files("resnet18").tensors.map { ($0.name, $0.shape) }
        let shapes = Dictionary(uniqueKeysWithValues: entries)
        let short = shapes.filter { !$0.key.hasPrefix("layer3.1.") }
        var error = #expect(throws: ConversionError.self) {
            try ResNet(try StateDictionary(short, path: "f"))
        }
        #expect(error?.description.contains("stages of [2, 2, 1, 2] blocks") == true)
        let wide = shapes.merging(["conv1.weight": [2, 3, 5, 5]]) { _, b in b }
        error = #expect(throws: ConversionError.self) { try ResNet(try StateDictionary(wide, path: "f")) }
        #expect(error?.description.contains("first convolution is [2, 3, 5, 5]") == true)
        let prefixed = Dictionary(uniqueKeysWithValues: entries.map { ("module." + $0.0, $0.1) })
        let network = try ResNet.converted(try StateDictionary(prefixed, path: "f"), likelihood: nil)
        #expect(network?.names.entries.first?.theirs == "module.conv1.weight")
    }
}
