import FisherStudies

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
    ///   TOML, if it sets a key twice or holds what a configuration cannot: dates, lists of lists, arrays of tables.
    public init(tomlFile path: String) throws { try self.init(tomlFile: path, followingLinks: true) }

    /// Reads a TOML file, which in a run's folder must not be a link.
    package init(tomlFile path: String, followingLinks: Bool) throws {
        let data = try DurableStorage.readFile(at: path, followingLinks: followingLinks)
        try self.init(toml: data, path: path)
    }

    /// Reads the contents of a TOML file, which errors name by its path.
    package init(toml: some Collection<UInt8>, path: String) throws(ConfigurationError) {
        func mistake(_ line: Int, _ reason: String) -> ConfigurationError {
            ConfigurationError("\(path.printable), line \(line) \(reason)")
        }
        let settings: [TOMLReader.Setting]
        do throws(TOMLReader.Fault) {
            settings = try TOMLReader.settings(in: toml)
        } catch {
            throw mistake(error.line, error.reason)
        }
        var values: [String: [String]] = [:]
        for setting in settings {
            let key = setting.path.joined(separator: ".")
            guard values.updateValue(setting.pieces, forKey: key) == nil else {
                throw mistake(setting.line, "sets \(key.printable) again")
            }
        }
        self.init(.file(path), values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }
}
