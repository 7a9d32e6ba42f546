import FisherFiles
import Foundation
import TestSupport
import Testing
import Torch

/// Several safetensors files that an index joins.
@Suite struct SafetensorsShardsTests {
    /// A folder of shards by file, and an index; the defaults are sound.
    private func withFolder(
        _ shards: [String: [String]] = ["a.safetensors": ["x", "y"], "b.safetensors": ["z"]],
        index: String? =
            #"{"metadata": {"total_size": 12}, "weight_map": {"x": "a.safetensors", "y": "a.safetensors", "z": "b.safetensors"}}"#,
        _ body: (String) throws -> Void
    ) throws {
        try TemporaryFolder.with { folder in
            for (file, names) in shards {
                let sources = names.map {
                    SafetensorsSource(
                        name: $0, dtype: .float32, shape: [1], bytes: [0, 0, UInt8($0.utf8.first ?? 0), 0x40])
                }
                try SafetensorsWriter().write(sources, to: "\(folder)/\(file)")
            }
            if let index {
                try Data(index.utf8).write(to: URL(filePath: folder + "/model.safetensors.index.json"))
            }
            try body(folder)
        }
    }

    @Test func shardsAreReadAsOne() throws {
        try withFolder { folder in
            for path in [folder, folder + "/model.safetensors.index.json"] {
                let shards = try SafetensorsShards(path: path)
                #expect(shards.tensors.map(\.name) == ["x", "y", "z"])
                #expect(shards.files.count == 2 && shards["w"] == nil && shards["z"]?.shape == [1])
                let all = try shards.allTensors().mapValues { try $0.item() }
                let alone = try SafetensorsFile(path: folder + "/b.safetensors").tensor(named: "z").item()
                #expect(all.count == 3 && all["z"] == alone)
                #expect(try shards.tensor(named: "z").item() == alone)
            }
            let single = try SafetensorsShards(path: folder + "/a.safetensors")
            #expect(single.tensors.map(\.name) == ["x", "y"])
        }
    }

    @Test(arguments: [
        (
            #"{"weight_map": {"x": "c.safetensors"}}"#,
            "the shard \"c.safetensors\", which it names, is not there"
        ),
        (
            #"{"weight_map": {"x": "../a.safetensors"}}"#,
            "the shard \"../a.safetensors\" is not the name of a file"
        ),
        (#"{"weight_map": {"x": ".."}}"#, "the shard \"..\" is not the name of a file"),
        (
            #"{"weight_map": {"x": "a.safetensors"}}"#,
            "tensor \"y\": it is in the shard \"a.safetensors\", but the index does not name it"
        ),
        (
            #"{"weight_map": {"x": "a.safetensors", "y": "b.safetensors", "z": "b.safetensors"}}"#,
            "tensor \"y\": it is in the shard \"a.safetensors\", but the index places it in \"b.safetensors\""
        ),
        (
            #"{"weight_map": {"x": "a.safetensors", "y": "a.safetensors", "w": "a.safetensors"}}"#,
            "tensor \"w\": the index places it in \"a.safetensors\", which does not hold it"
        ),
        (#"{"weight_map": {}}"#, "it is no index of shards: there is no weight_map of tensors"),
        (#"{"metadata": {}}"#, "it is no index of shards: there is no weight_map of tensors"),
        (#"{"weight_map": {"x": 3}}"#, "it is no index of shards: expected a string"),
        (#"{"weight_map": {"x": "a", "x": "b"}}"#, "the key \"x\" occurs more than once"),
    ])
    func indicesThatAreNotExactAreRefused(_ index: String, _ expected: String) throws {
        try withFolder(index: index) { folder in
            let error = #expect(throws: SafetensorsError.self) { try SafetensorsShards(path: folder) }
            #expect(error?.description.contains(expected) == true, "\(error!)")
        }
    }

    @Test func tensorsInTwoShardsAreRefused() throws {
        let index = #"{"weight_map": {"x": "a.safetensors", "z": "b.safetensors"}}"#
        try withFolder(["a.safetensors": ["x"], "b.safetensors": ["z", "x"]], index: index) { folder in
            let error = #expect(throws: SafetensorsError.self) { try SafetensorsShards(path: folder) }
            #expect(
                error?.description.hasSuffix(
                    "tensor \"x\": it is in two shards, \"a.safetensors\" and \"b.safetensors\"") == true)
        }
    }

    @Test func foldersMustSayWhichFileIsMeant() throws {
        try withFolder(["model.safetensors": ["x"]]) { folder in
            let error = #expect(throws: SafetensorsError.self) { try SafetensorsShards(path: folder) }
            #expect(error?.kind == .malformed && error?.reason.hasPrefix("it holds both") == true)
        }
        try withFolder(["other.safetensors": ["x"]], index: nil) { folder in
            let error = #expect(throws: SafetensorsError.self) { try SafetensorsShards(path: folder) }
            #expect(error?.kind == .notFound && error?.reason.hasPrefix("it holds neither") == true)
        }
    }
}
