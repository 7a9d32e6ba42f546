import Foundation

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
