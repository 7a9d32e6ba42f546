import ArgumentParser
import FisherTraining
import Foundation
import TOMLKit

/// Where a configuration comes from: a preset, a file, and single values on top.
struct ConfigurationArguments: ParsableArguments {
    @Option(help: "A TOML file.")
    var config: String?
    @Option(help: "A named set of values to start from.")
    var preset: String?
    @Option(
        name: .customLong("set"), parsing: .singleValue, help: "key=value, repeatable; lists with commas.")
    var settings: [SettingArgument] = []
    @Flag(help: "Print the configuration, with where each value came from, and end.")
    var printConfig = false

    /// The layers in the order in which they apply.
    func layers<Value: RunConfiguration>(
        of type: Value.Type, after first: [ConfigurationLayer] = []
    ) throws -> [ConfigurationLayer] {
        var layers = first
        if let preset { layers.append(try ResolvedConfiguration<Value>.preset(preset)) }
        if let config { layers.append(try ConfigurationLayer(tomlFile: config)) }
        let lists = Set(Value.options.filter(\.isList).map(\.key))
        layers.append(
            ConfigurationLayer(
                .commandLine,
                settings.map { setting in
                    let pieces = setting.value.split(separator: ",").map(String.init)
                    return (setting.name, lists.contains(setting.name) ? pieces : [setting.value])
                }))
        return layers
    }
}

extension ConfigurationLayer {
    /// Reads a TOML file; tables become dotted keys.
    init(tomlFile path: String) throws {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw StorageError(.notFound, path: path, reason: "cannot be read")
        }
        let table: TOMLTable
        do {
            table = try TOMLTable(string: String(decoding: data, as: UTF8.self))
        } catch let error as TOMLParseError {
            throw ConfigurationError(
                "\(path), line \(error.source.begin.line): \(error.description.split(separator: "\n").first ?? "")"
            )
        }
        var values: [(key: String, pieces: [String])] = []
        try ConfigurationLayer.collect(table, under: "", from: path, into: &values)
        self.init(.file(path), values)
    }

    private static func collect(
        _ table: TOMLTable, under prefix: String, from path: String,
        into values: inout [(key: String, pieces: [String])]
    ) throws {
        for key in table.keys.sorted() {
            guard let value = table[key] else { continue }
            if let inner = value.table {
                try collect(inner, under: prefix + key + ".", from: path, into: &values)
            } else if let array = value.array {
                values.append(
                    (prefix + key, try array.map { try text(of: $0, key: prefix + key, from: path) }))
            } else {
                values.append((prefix + key, [try text(of: value, key: prefix + key, from: path)]))
            }
        }
    }

    private static func text(
        of value: any TOMLValueConvertible, key: String, from path: String
    ) throws -> String {
        if let text = value.string { return text }
        if let flag = value.bool { return "\(flag)" }
        if let whole = value.int { return "\(whole)" }
        if let number = value.double { return "\(number)" }
        throw ConfigurationError("\(key) (\(path)) is neither a number, a text nor a truth value")
    }
}
