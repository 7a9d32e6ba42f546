import Fisher
import Foundation

/// The readers of other libraries' models.
extension Fuzzed {
    /// The configuration of a GPT-2; one that is accepted is the same when it is written and read again.
    static let gpt2 = Fuzzed(
        "gpt2", weight: 40,
        tokens: [
            "\"n_ctx\": 9,", "\"n_inner\": 3,", "null", "1e999", "-1", "0", "\"gelu\"", "\"swish\"", "[]",
            "{}",
        ]
    ) { bytes in
        let found: GPT2Document
        do throws(ConversionError) { found = try GPT2Document(parsing: bytes, path: "config.json") } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 2000, "a message of \("\(error)".utf8.count) bytes")
            return false
        }
        let written = GPT2Document.json(found.configuration, dtype: .float32, base: found)
        let again = try GPT2Document(parsing: [UInt8](try JSONEncoder().encode(written)), path: "again")
        try FuzzFailure.require(
            again.configuration == found.configuration, "a GPT-2 is another one when it is read again")
        return true
    }

    /// An index of shards.
    static let shards = Fuzzed(
        "shards", weight: 40, tokens: ["\"weight_map\"", "{}", "null", "\"a\": \"b\",", "\\u0000", "[", "]"]
    ) { bytes in
        do throws(StrictJSON.Fault) { return !(try SafetensorsShards.weightMap(bytes)).isEmpty } catch {
            _ = "\(error)"
            return false
        }
    }

    /// A text of layers; one that is accepted is the same when it is written and read again.
    static let layers = Fuzzed(
        "layers", weight: 60,
        tokens: [
            "(", ")", ",", "=", ":", "linear", "conv2d", "sequential(", "residual(", "nn.", "[1, 2]",
            "kernel=3", "true",
        ]
    ) { bytes in
        let found: [LayerDraft]
        do throws(ConversionError) {
            found = try LayerDraft.list(text: String(decoding: bytes, as: UTF8.self))
        } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 4000, "a message of \("\(error)".utf8.count) bytes")
            return false
        }
        let again = try LayerDraft.list(text: found.map(\.text).joined(separator: " "))
        try FuzzFailure.require(again == found, "layers are others when they are read again")
        return true
    }

    /// The names and shapes of a state_dict, each of whose networks must be complete or refused.
    static let stateDictionary = Fuzzed(
        "state_dict", weight: 60,
        tokens: [
            "\"0.weight\": [1],", "\"99999.bias\": [2],", ".weight", ".0", "[]", "[0, 2]",
            "[9223372036854775807, 2]", "layer1.0.conv1",
        ]
    ) { bytes in
        guard let shapes = try? JSONDecoder().decode([String: [Int]].self, from: Data(bytes)),
            shapes.values.allSatisfy({ $0.allSatisfy { $0 >= 0 } })
        else { return false }
        do {
            let state = try StateDictionary(shapes, path: "f")
            _ = try ResNet(state)
            let proposal = try SequenceProposal(state)
            guard let layers = try proposal.filled(with: "relu") else { return true }
            let network = try state.network(layers, likelihood: .text("categorical"))
            try FuzzFailure.require(!network.text.isEmpty, "a network without layers")
        } catch let error as FuzzFailure { throw error } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 20_000, "a message of \("\(error)".utf8.count) bytes")
            return false
        }
        return true
    }
}
