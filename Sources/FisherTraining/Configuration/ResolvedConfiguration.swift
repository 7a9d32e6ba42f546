import Fisher

/// A task's configuration: a value with a table of options, some of which may depend on others.
public protocol RunConfiguration: Sendable {
    /// The defaults.
    init()
    /// The options that are always there.
    static var options: [ConfigurationOption<Self>] { get }
    /// Named sets of values to start from.
    static var presets: [(name: String, values: [(key: String, pieces: [String])])] { get }
    /// The options that depend on the others, such as those of the chosen rule, with their values.
    var dependentValues: [(key: String, text: String, isBare: Bool)] { get throws }
    /// Sets a dependent option; false where there is none of this key.
    mutating func setDependent(_ key: String, to text: String) throws -> Bool
}

/// A configuration put together from layers, each value with its origin.
public struct ResolvedConfiguration<Value: RunConfiguration>: Sendable {
    /// The values.
    public let value: Value
    /// One value with where it came from.
    public struct Entry: Sendable {
        /// The key.
        public let key: String
        /// The value as TOML spells it.
        public let toml: String
        /// Where it came from.
        public let origin: ConfigurationOrigin
    }
    /// All values in the order of the table.
    public let entries: [Entry]

    /// Applies layers in their order.
    ///
    /// Throws `ConfigurationError` for a key that does not exist, with the nearest one, and for a value that
    /// cannot be one, each with its origin.
    public init(_ layers: [ConfigurationLayer]) throws {
        var set: [String: (pieces: [String], origin: ConfigurationOrigin)] = [:]
        for layer in layers {
            for (key, pieces) in layer.values { set[key] = (pieces, layer.origin) }
        }
        var value = Value()
        for option in Value.options {
            guard let (pieces, origin) = set[option.key] else { continue }
            if let complaint = option.parse(&value, pieces) {
                throw ConfigurationError(
                    "\(option.key) = \(pieces.joined(separator: ",")) (\(origin)) \(complaint)")
            }
        }
        let known = Set(Value.options.map(\.key))
        for (key, (pieces, origin)) in set.sorted(by: { $0.key < $1.key }) where !known.contains(key) {
            let text = pieces.joined(separator: ",")
            do {
                if try value.setDependent(key, to: text) { continue }
            } catch let error as HyperparameterError {
                throw ConfigurationError("\(key) = \(text) (\(origin)): \(error)")
            }
            let keys = Value.options.map(\.key) + ((try? value.dependentValues.map(\.key)) ?? [])
            let hint = nearestName(to: key, among: keys).map { "; did you mean \($0)?" } ?? ""
            throw ConfigurationError("\(key) (\(origin)) is not an option\(hint)")
        }
        self.value = value
        let resolved = value
        entries =
            Value.options.map { option in
                Entry(
                    key: option.key, toml: option.toml(resolved), origin: set[option.key]?.origin ?? .standard
                )
            }
            + (try resolved.dependentValues).map { dependent in
                Entry(
                    key: dependent.key, toml: dependent.isBare ? dependent.text : quoted(dependent.text),
                    origin: set[dependent.key]?.origin ?? .standard)
            }
    }

    /// The layer of a preset.
    public static func preset(_ name: String) throws(ConfigurationError) -> ConfigurationLayer {
        guard let preset = Value.presets.first(where: { $0.name == name }) else {
            let names = Value.presets.map(\.name)
            let hint = nearestName(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
            throw ConfigurationError("there is no preset \(name) (\(names.joined(separator: ", ")))\(hint)")
        }
        return ConfigurationLayer(.preset(name), preset.values)
    }

    /// The values as a TOML file that gives this configuration again.
    public var toml: String { lines { _ in "" } }

    /// The same with each value's origin behind it.
    public var explained: String {
        let width = entries.map { lastName($0.key).count + $0.toml.count }.max() ?? 0
        return lines { entry in
            let length = lastName(entry.key).count + entry.toml.count
            return String(repeating: " ", count: width - length) + "  # \(entry.origin)"
        }
    }

    private func lines(_ remark: (Entry) -> String) -> String {
        var text = ""
        var section = ""
        // A table may be opened once only: entries of one section stand together.
        var sections: [String] = []
        for entry in entries where !sections.contains(firstName(entry.key)) {
            sections.append(firstName(entry.key))
        }
        for name in sections {
            for entry in entries where firstName(entry.key) == name {
                if section != name {
                    text += (text.isEmpty ? "" : "\n") + "[\(name)]\n"
                    section = name
                }
                text += "\(lastName(entry.key)) = \(entry.toml)\(remark(entry))\n"
            }
        }
        return text
    }

    private func firstName(_ key: String) -> String { String(key.prefix { $0 != "." }) }
    private func lastName(_ key: String) -> String { String(key.drop { $0 != "." }.dropFirst()) }
}

extension ConfigurationOption {
    /// The value as TOML spells it.
    fileprivate func toml(_ root: Root) -> String {
        let pieces = text(root)
        switch form {
        case .bare: return pieces.first ?? ""
        case .quoted: return pieces.first.map { Double($0) != nil ? $0 : quoted($0) } ?? ""
        case .list: return "[" + pieces.map(quoted).joined(separator: ", ") + "]"
        }
    }
}

/// A basic string of TOML.
private func quoted(_ text: String) -> String {
    var made = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": made += "\\\""
        case "\\": made += "\\\\"
        case "\n": made += "\\n"
        case "\t": made += "\\t"
        case let control where control.value < 0x20 || control.value == 0x7f:
            let digits = String(control.value, radix: 16)
            made += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: made.unicodeScalars.append(scalar)
        }
    }
    return made + "\""
}
