import FisherOptions
import FisherStudies
import Foundation
internal import TOMLKit

/// A key or a value of a configuration that cannot be used.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence that names the key and where it was set.
    public let description: String

    /// Describes a mistake.
    public init(_ description: String) { self.description = description }
}

/// Where a value of a configuration came from.
public enum ConfigurationOrigin: Hashable, Sendable, CustomStringConvertible {
    /// The option's own default.
    case standard
    /// A preset of this name.
    case preset(String)
    /// A file.
    case file(String)
    /// The command line.
    case commandLine

    /// Where the value came from, in a few words.
    public var description: String {
        switch self {
        case .standard: "default"
        case .preset(let name): "preset \(name)"
        case .file(let path): path
        case .commandLine: "command line"
        }
    }
}

/// Values from one origin. A later layer overrides an earlier one.
public struct ConfigurationLayer: Sendable {
    /// Where they come from.
    public let origin: ConfigurationOrigin
    /// The values by key: one piece of text, or those of a list.
    public let values: [(key: String, pieces: [String])]

    /// Gathers values of one origin.
    public init(_ origin: ConfigurationOrigin, _ values: [(key: String, pieces: [String])]) {
        self.origin = origin
        self.values = values
    }

    /// Reads a TOML file; tables become dotted keys.
    ///
    /// - Throws: `StorageError` if the file cannot be read, `ConfigurationError` with the line if it is not
    ///   TOML, or with the key if a value is a date.
    public init(tomlFile path: String) throws { try self.init(tomlFile: path, followingLinks: true) }

    /// Reads a TOML file, which in a run's folder must not be a link.
    package init(tomlFile path: String, followingLinks: Bool) throws {
        let data = try DurableStorage.readFile(at: path, followingLinks: followingLinks)
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

/// A value as TOML spells it: a number or a Boolean if a single text is one.
func tomlValue(_ pieces: [String], isList: Bool) -> String {
    if !isList {
        let text = pieces.joined()
        if let whole = Int(text) { return "\(whole)" }
        // TOMLKit writes 0.9 as 0.90000000000000002; Swift's shortest digits are TOML too.
        // TOML's whole numbers end at 2^63: a larger seed is written as a text, which is read the same.
        if UInt64(text) == nil, let number = Double(text) { return "\(number)" }
        if let flag = Bool(text) { return "\(flag)" }
    }
    let value: any TOMLValueConvertible = isList ? TOMLArray(pieces) : pieces.joined()
    let line = TOMLTable(["value": value]).convert(to: .toml, options: [.allowUnicodeStrings])
    return String(line.trimmingCharacters(in: .newlines).dropFirst("value = ".count))
}
