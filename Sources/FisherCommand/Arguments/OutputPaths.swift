import FisherFiles
import FisherTraining
import Foundation

/// What a command writes for readers, by how its files begin.
enum WrittenDocument: String {
    case page = "<!DOCTYPE html"
    case table = "\\begin{tabular}"

    /// Throws `StorageError` for a path where nothing can be written, and `UsageError` for one where something else is, such
    /// as the log of a run: a page replaces pages only, a table tables.
    func check(_ path: String, option: String) throws {
        try FileWriter.check(path)
        guard try DurableStorage.kind(of: path, followingLinks: true) == .file else { return }
        let file = try FileReader(path)
        let start = try file.bytes(at: 0, count: min(file.byteCount, rawValue.utf8.count))
        guard start.isEmpty || start.elementsEqual(rawValue.utf8) else {
            throw UsageError(
                description:
                    "\(option) would overwrite \(path), which is no \(self) of this program: name another file"
            )
        }
    }
}

/// Throws `UsageError` if two outputs are one file, or an output is an input that it does not replace. Paths are compared
/// as they are once links and dots are resolved.
///
/// - Parameters:
///   - outputs: the paths by option; those that are not given are nil.
///   - inputs: likewise.
///   - lists: the paths of options that take several.
///   - replaceable: the options of inputs that an output's option may replace.
func requireApart(
    _ outputs: [String: String?], from inputs: [String: String?], lists: [String: [String]] = [:],
    replacing replaceable: [String: Set<String>] = [:]
) throws(UsageError) {
    func resolved(_ path: String) -> String {
        URL(filePath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }
    let named = inputs.compactMapValues(\.self).mapValues { [$0] }.merging(lists) { $0 + $1 }
    var taken: [String: String] = [:]
    for (option, path) in outputs.compactMapValues(\.self).sorted(by: { $0.key < $1.key }) {
        let place = resolved(path)
        if let other = taken.updateValue(option, forKey: place) {
            throw UsageError(description: "\(other) and \(option) are both \(path): name two files")
        }
        for (input, paths) in named.sorted(by: { $0.key < $1.key })
        where replaceable[option]?.contains(input) != true && paths.contains(where: { resolved($0) == place })
        {
            throw UsageError(
                description: "\(option) would overwrite \(path), which \(input) reads: name another file")
        }
    }
}
