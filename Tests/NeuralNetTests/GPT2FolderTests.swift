import FisherFiles
import Foundation
import TestSupport
import Testing
import Torch

@testable import NeuralNet

/// GPT-2 folders against the transformers library, whose answers Reference/gpt2_folders.py wrote.
@Suite struct GPT2FolderTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/gpt2").path

    private func logits(of model: GPT, _ name: String) throws -> (ours: Tensor, theirs: Tensor) {
        let answers = try SafetensorsFile(path: "\(Self.fixtures)/\(name).safetensors")
        model.setTraining(false)
        let dtype = model.tokenEmbedding.weight.dtype
        return (
            model(try answers.tensor(named: "tokens")),
            try answers.tensor(named: dtype == .float64 ? "logits64" : "logits32")
        )
    }

    /// One file and tied; shards, untied, every option changed; no prefix, bfloat16, masks of early versions.
    @Test(arguments: ["plain", "sharded", "base"], [DType.float32, .float64])
    func logitsAreThoseOfTransformers(_ name: String, _ dtype: DType) throws {
        let folder = try GPT2Folder(path: "\(Self.fixtures)/\(name)")
        #expect(folder.notes.isEmpty)
        let model = try folder.makeModel(dtype: dtype, using: try RandomGenerator(seed: 0))
        let (ours, theirs) = try logits(of: model, name)
        #expect(try GPTParityTests.error(ours, theirs) < (dtype == .float64 ? 1e-10 : 1e-5))
    }

    @Test func optionsAreRead() throws {
        let plain = try GPT2Folder(path: "\(Self.fixtures)/plain").configuration
        var expected = GPT.Configuration(
            vocabulary: 37, context: 9, width: 12, layers: 2, heads: 3, dropout: 0.1, tiesHead: true)
        expected.attentionDropout = 0.1
        #expect(plain == expected)
        let sharded = try GPT2Folder(path: "\(Self.fixtures)/sharded").configuration
        expected = GPT.Configuration(
            vocabulary: 37, context: 9, width: 12, layers: 2, heads: 3, dropout: 0, tiesHead: false)
        (expected.attentionDropout, expected.embeddingDropout) = (0.5, 0.25)
        (expected.epsilon, expected.innerWidth, expected.activation) = (1e-3, 20, .gelu)
        expected.scalesAttentionByLayer = true
        #expect(sharded == expected)
    }

    /// Names, shapes, layouts and values of a folder that is written are those of the one that was read.
    @Test(arguments: ["plain", "sharded"]) func writtenFoldersAreTheSame(_ name: String) throws {
        let source = try GPT2Folder(path: "\(Self.fixtures)/\(name)")
        let model = try source.makeModel(using: try RandomGenerator(seed: 0))
        try TemporaryFolder.with { folder in
            let path = "\(folder)/written"
            try source.write(model, to: path)
            let (a, b) = (
                try SafetensorsShards(path: source.path), try SafetensorsShards(path: path)
            )
            #expect(Set(a.tensors.map(\.name)) == Set(b.tensors.map(\.name)))
            for entry in a.tensors {
                #expect(b[entry.name]?.shape == entry.shape && b[entry.name]?.dtype == entry.dtype)
                let (x, y) = (try a.tensor(named: entry.name), try b.tensor(named: entry.name))
                #expect(try x.scalars(as: Float.self) == y.scalars(as: Float.self), "\(entry.name)")
            }
            #expect(b.files[0].metadata == ["format": "pt"])
            func members(_ path: String) throws -> JSONValue {
                try JSONValue(parsing: [UInt8](Data(contentsOf: URL(filePath: path + "/config.json"))))
            }
            #expect(try members(path) == members(source.path))
            #expect(try GPT2Folder(path: path).configuration == source.configuration)
            let error = #expect(throws: StorageError.self) { try source.write(model, to: path) }
            #expect(error?.kind == .cannotCreate && "\(error!)".hasSuffix("is already there"))
            try source.write(model, to: path, replacing: true)
        }
    }

    /// A model of ours has no other folder's keys.
    @Test func modelsOfOursAreWritten() throws {
        let model = GPT(
            GPT.Configuration(context: 4, width: 4, layers: 1, heads: 2),
            using: try RandomGenerator(seed: 0))
        try TemporaryFolder.with { folder in
            try GPT2Folder.write(model, to: folder + "/new")
            let read = try GPT2Folder(path: folder + "/new")
            #expect(read.configuration == model.configuration && read.notes.isEmpty)
            let again = try read.makeModel(using: try RandomGenerator(seed: 1))
            let tokens = Tensor([1, 2, 3] as [Int64], shape: [1, 3])
            #expect(
                try again(tokens).scalars(as: Float.self) == model(tokens).scalars(as: Float.self))
        }
    }

    private func configuration(_ changes: [String: JSONValue?]) throws -> [UInt8] {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(Self.fixtures)/plain/config.json")))
        guard case .object(var members) = try JSONValue(parsing: bytes) else { return [] }
        for (key, value) in changes { members[key] = value }
        return [UInt8](try JSONEncoder().encode(JSONValue.object(members)))
    }

    @Test(
        arguments: [
            (
                ["model_type": .text("llama")],
                "model_type is \"llama\"; only models of type \"gpt2\" can be read"
            ),
            (["model_type": nil], "model_type is not there; only models of type \"gpt2\" can be read"),
            (["add_cross_attention": .boolean(true)], "add_cross_attention is true: a decoder that attends"),
            (["quantization_config": .object(["bits": .integer(4)])], "quantized weights cannot be read"),
            (
                ["activation_function": .text("gelu_neu")],
                "the activation_function gelu_neu is no function that is known; did you mean gelu_new?"
            ),
            (["n_ctx": .integer(8)], "n_positions is 9, but n_ctx is 8"),
            (["n_embd": .real(1.5)], "n_embd must be a whole number of at least 1, not 1.5"),
            (["n_head": .integer(5)], "5 heads do not divide the width 12"),
            (["tie_word_embeddings": .text("yes")], "tie_word_embeddings must be true or false, not \"yes\""),
            (["attn_pdrop": .integer(1)], "attention dropout 1.0 must lie in [0, 1)"),
            (["layer_norm_epsilon": .text("small")], "layer_norm_epsilon must be a number, not \"small\""),
        ] as [([String: JSONValue?], String)])
    func unsupportedConfigurationsAreNamed(_ changes: [String: JSONValue?], _ expected: String) throws {
        let bytes = try configuration(changes)
        let error = #expect(throws: ConversionError.self) {
            try GPT2Document(parsing: bytes, path: "config.json")
        }
        #expect(error?.description.hasPrefix("config.json: ") == true)
        #expect(error?.description.contains(expected) == true, "\(error!)")
    }

    @Test func unknownKeysAreTold() throws {
        let bytes = try configuration(["rope_theta": .integer(3), "alibi": .boolean(true)])
        #expect(try GPT2Document(parsing: bytes, path: "c").unknownKeys == ["alibi", "rope_theta"])
    }

    /// Changes to a folder's tensors and what is said of them.
    @Test(arguments: [
        ("missing", "the tensor transformer.h.1.mlp.c_fc.weight is missing"),
        (
            "shape",
            "the tensor transformer.h.1.mlp.c_fc.weight has shape [48, 12], where [12, 48] is expected"
        ),
        ("type", "the tensor transformer.ln_f.bias is of type I64, which no weight can have here"),
        ("extra", "the tensor transformer.ln_g.bias is none that this model has"),
        ("head", "lm_head.weight is not transformer.wte.weight, although config.json ties them"),
        ("nan", "the weight finalNorm.bias holds NaN at element 0"),
        ("few", "it holds 3 tensors, too few for the 2 blocks of config.json"),
    ])
    func changedTensorsAreNamed(_ change: String, _ expected: String) throws {
        var tensors = try SafetensorsShards(path: "\(Self.fixtures)/plain").allTensors()
        let (map, bias) = ("transformer.h.1.mlp.c_fc.weight", "transformer.ln_f.bias")
        switch change {
        case "missing": tensors[map] = nil
        case "shape": tensors[map] = tensors[map]?.transposed()
        case "type": tensors[bias] = tensors[bias]?.to(dtype: .int64)
        case "extra": tensors["transformer.ln_g.bias"] = .zeros([2])
        case "head": tensors["lm_head.weight"] = (tensors["transformer.wte.weight"] ?? .zeros([1])) + 1
        case "nan": tensors[bias] = .full([12], .nan)
        default: tensors = tensors.filter { $0.key.contains("wte") || $0.key.contains("ln_f") }
        }
        try TemporaryFolder.with { folder in
            try SafetensorsWriter().write(
                tensors.map { try SafetensorsSource(name: $0.key, tensor: $0.value) },
                to: folder + "/model.safetensors")
            try Data(configuration([:])).write(to: URL(filePath: folder + "/config.json"))
            var found = ""
            do {
                _ = try GPT2Folder(path: folder).makeModel(using: try RandomGenerator(seed: 0))
            } catch { found = "\(error)" }
            #expect(found.contains(expected), "\(found)")
        }
    }

    /// A head that is there and is the embedding is what early versions of the library wrote.
    @Test func aTiedHeadMayBeInTheFile() throws {
        var tensors = try SafetensorsShards(path: "\(Self.fixtures)/plain").allTensors()
        tensors["lm_head.weight"] = tensors["transformer.wte.weight"]
        try TemporaryFolder.with { folder in
            try SafetensorsWriter().write(
                tensors.map { try SafetensorsSource(name: $0.key, tensor: $0.value) },
                to: folder + "/model.safetensors")
            try Data(configuration([:])).write(to: URL(filePath: folder + "/config.json"))
            let model = try GPT2Folder(path: folder).makeModel(using: try RandomGenerator(seed: 0))
            let (ours, theirs) = try logits(of: model, "plain")
            #expect(try GPTParityTests.error(ours, theirs) < 1e-5)
        }
    }

    /// The configuration's JSON: files of earlier versions are read, and those of their models stay as they were.
    @Test func configurationsOfEarlierVersionsAreRead() throws {
        let old =
            #"{"context":8,"dropout":0.25,"heads":2,"layers":3,"tiesHead":true,"vocabulary":11,"width":6}"#
        let read = try JSONDecoder().decode(GPT.Configuration.self, from: Data(old.utf8))
        let expected = GPT.Configuration(
            vocabulary: 11, context: 8, width: 6, layers: 3, heads: 2, dropout: 0.25, tiesHead: true)
        #expect(read == expected)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(expected), as: UTF8.self) == old)
        let changed = try GPT2Folder(path: "\(Self.fixtures)/sharded").configuration
        let again = try JSONDecoder().decode(GPT.Configuration.self, from: encoder.encode(changed))
        #expect(again == changed)
        let made = GPT(changed, using: try RandomGenerator(seed: 0))
        #expect(Double(made.parameterCount) == changed.parameterCount)
    }

    /// Dropout of attention: no effect in evaluation, and in training the undropped output in the mean.
    @Test func attentionIsDroppedInTraining() throws {
        let generator = try RandomGenerator(seed: 3)
        let normal = Initializer.normal(standardDeviation: 0.5)
        let layer = CausalSelfAttention(
            4, heads: 2, weight: normal, outputWeight: normal, dtype: .float64, scale: 1, dropout: 0.3,
            using: generator)
        let copies = 4000
        let input = Tensor.normal([1, 3, 4], dtype: .float64, using: generator).expanded([copies, 3, 4])
        layer.setTraining(false)
        let plain = layer(input)
        layer.setTraining(true)
        let dropped = layer(input)
        let deviation = dropped - plain
        let mean = deviation.mean(along: 0)
        let spread = (deviation.squared().mean(along: 0) / Double(copies)).squareRoot()
        let ratios = (mean / (spread + 1e-12)).magnitude()
        #expect(try deviation.magnitude().max().item() > 0.01)
        #expect(try ratios.max().item() < 5)
    }
}
