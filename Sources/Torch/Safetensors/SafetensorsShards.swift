import FisherFiles
import Foundation

/// The tensors of one safetensors file, or of several that an index joins, read as one.
///
/// Hugging Face libraries write a large model as shards `model-00001-of-00002.safetensors` … with an index
/// `model.safetensors.index.json`, whose `weight_map` names the file of each tensor. The index must be exact: every
/// shard that it names must be there, hold the tensors that it says, and no others.
public struct SafetensorsShards: Sendable {
    /// The file, or the index, that was read.
    public let path: String
    /// The files, sorted by name.
    public let files: [SafetensorsFile]
    private let places: [String: Int]

    /// The name of the one file of a folder.
    public static let fileName = "model.safetensors"
    /// The name of the index of a folder's shards.
    public static let indexName = "model.safetensors.index.json"

    /// Opens a safetensors file, an index (`….index.json`), or a folder that holds `model.safetensors` or its index. The
    /// headers are read, the tensors on demand.
    ///
    /// Throws `notFound` for what is not there, a shard included, `malformed` for an index that is not exact, and what
    /// `SafetensorsFile.init(path:)` throws. A folder with both is `malformed`: which is meant cannot be known.
    public init(path: String) throws(SafetensorsError) {
        let kind = try SafetensorsError.wrapping { () throws(StorageError) in
            try DurableStorage.kind(of: path, followingLinks: true)
        }
        guard kind == .folder else {
            if path.hasSuffix(".json") { try self.init(index: path) } else { try self.init(file: path) }
            return
        }
        let (file, index) = ("\(path)/\(Self.fileName)", "\(path)/\(Self.indexName)")
        func isThere(_ path: String) throws(SafetensorsError) -> Bool {
            try SafetensorsError.wrapping { () throws(StorageError) in
                try DurableStorage.kind(of: path, followingLinks: true) != nil
            }
        }
        switch (try isThere(file), try isThere(index)) {
        case (true, true):
            throw SafetensorsError(
                .malformed, path: path,
                reason:
                    "it holds both \(Self.fileName) and \(Self.indexName): remove the one that is outdated"
            )
        case (true, false): try self.init(file: file)
        case (false, true): try self.init(index: index)
        case (false, false):
            throw SafetensorsError(
                .notFound, path: path,
                reason: "it holds neither \(Self.fileName) nor \(Self.indexName)")
        }
    }

    private init(file path: String) throws(SafetensorsError) {
        let file = try SafetensorsFile(path: path)
        (self.path, files) = (path, [file])
        places = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, 0) })
    }

    private init(index path: String) throws(SafetensorsError) {
        let bytes = try SafetensorsError.wrapping { () throws(StorageError) in
            try FileReader(path).contents(limit: DurableStorage.documentLimit)
        }
        let map: [String: String]
        do throws(StrictJSON.Fault) {
            map = try Self.weightMap(bytes)
        } catch {
            throw SafetensorsError(.malformed, path: path, reason: "it is no index of shards: \(error)")
        }
        let folder = DurableStorage.folder(of: path)
        var (files, places) = ([SafetensorsFile](), [String: Int]())
        for name in Set(map.values).sorted() {
            // A name with a slash would lead out of the folder.
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")), name != "..", name != "." else {
                throw SafetensorsError(
                    .malformed, path: path, reason: "the shard \(name.quoted()) is not the name of a file")
            }
            let file: SafetensorsFile
            do {
                file = try SafetensorsFile(path: "\(folder)/\(name)")
            } catch {
                guard error.kind == .notFound else { throw error }
                throw SafetensorsError(
                    .notFound, path: path, reason: "the shard \(name.quoted()), which it names, is not there")
            }
            for entry in file.tensors {
                if let first = places.updateValue(files.count, forKey: entry.name) {
                    let other = DurableStorage.name(of: files[first].path)
                    throw SafetensorsError(
                        .malformed, path: path, tensor: entry.name,
                        reason: "it is in two shards, \(other.quoted()) and \(name.quoted())")
                }
                guard map[entry.name] == name else {
                    let place = map[entry.name].map { "places it in \($0.quoted())" } ?? "does not name it"
                    throw SafetensorsError(
                        .malformed, path: path, tensor: entry.name,
                        reason: "it is in the shard \(name.quoted()), but the index \(place)")
                }
            }
            files.append(file)
        }
        if let missing = map.keys.filter({ places[$0] == nil }).min() {
            throw SafetensorsError(
                .missingTensor, path: path, tensor: missing,
                reason: "the index places it in \((map[missing] ?? "").quoted()), which does not hold it")
        }
        (self.path, self.files, self.places) = (path, files, places)
    }

    /// The member `weight_map` of an index, the file by the name of the tensor.
    package static func weightMap(_ bytes: [UInt8]) throws(StrictJSON.Fault) -> [String: String] {
        var json = StrictJSON(bytes)
        var map: [String: String]?
        var keys: Set<String> = []
        try json.enterObject()
        while let key = try json.nextKey() {
            try json.note(key, among: &keys)
            guard key == "weight_map" else {
                try json.skipValue()
                continue
            }
            var (found, names) = ([String: String](), Set<String>())
            try json.enterObject()
            while let name = try json.nextKey() {
                try json.note(name, among: &names)
                found[name] = try json.string()
            }
            map = found
        }
        try json.finish()
        guard let map, !map.isEmpty else { throw json.fault("there is no weight_map of tensors") }
        return map
    }

    /// The tensors of all files.
    public var tensors: [SafetensorsEntry] { files.flatMap(\.tensors) }

    /// The tensor with a name; nil if there is none.
    public subscript(name: String) -> SafetensorsEntry? { places[name].flatMap { files[$0][name] } }

    /// Reads one tensor, in the type in which it is stored; throws as `SafetensorsFile.tensor(named:)`.
    public func tensor(named name: String) throws(SafetensorsError) -> Tensor {
        guard let place = places[name] else {
            throw SafetensorsError(.missingTensor, path: path, tensor: name, reason: "it is not in the file")
        }
        return try files[place].tensor(named: name)
    }

    /// Reads all tensors; throws as for one.
    public func allTensors() throws(SafetensorsError) -> [String: Tensor] {
        var all: [String: Tensor] = [:]
        for file in files { all.merge(try file.allTensors()) { first, _ in first } }
        return all
    }
}
