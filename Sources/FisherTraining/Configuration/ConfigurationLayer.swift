/// Where a value of a configuration came from.
public enum ConfigurationOrigin: Hashable, Sendable, CustomStringConvertible {
    /// Nobody set it.
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
}
